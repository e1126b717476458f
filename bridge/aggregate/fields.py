"""Put the columns that identify the rows of a study in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bridge.errors import BadInputError
from bridge.formats.naming import FieldMap, NamePattern, field_title

SLICE = "slice"
PUBLISHED_ORDER = ("clone", "genotype", "diff", "day", "immuno", "", "organoid", SLICE)
"""Order of the published tables; fields of other names stand where the empty one is."""
EXTRA = ("objective", "imaging")
"""Fields that describe how a section was imaged and do not identify it."""


@dataclass(frozen=True)
class StudyFields:
    """The fields of a study.

    Attributes:
        titles: of the columns that identify a slice, in order.
        summed: those of them that are summed over.
        extra: titles of further columns.
        maps: tables of further columns.
        by: titles that make a condition; empty for the usual ones.

    >>> StudyFields.of(NamePattern.parse("{day}_{clone}_{slice}"), summed=["slice"]).titles
    ('Clone', 'Day', 'Slice')
    """

    titles: tuple[str, ...]
    summed: tuple[str, ...]
    extra: tuple[str, ...]
    maps: tuple[FieldMap, ...] = ()
    by: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        pattern: NamePattern,
        maps: Sequence[FieldMap] = (),
        summed: Sequence[str] = (),
        by: Sequence[str] = (),
    ) -> StudyFields:
        """Put the fields of a pattern and of maps in the published order.

        Args:
            pattern: of the sections' names.
            maps: further columns, each right behind the field that it belongs to.
            summed: fields to sum over.
            by: fields, or titles of further columns, that make a condition.

        Raises:
            BadInputError: an unknown field, or none left after the sum.
        """
        asked = {name.strip().lower() for name in (*summed, *by)}
        for name in summed:
            _check_there("--sum-over", name.strip().lower(), pattern.fields)
        for entry in maps:
            _check_there("--map", entry.field, pattern.fields)
        extra = [field for field in pattern.fields if field in EXTRA and field not in asked]
        identifying = sorted((f for f in pattern.fields if f not in extra), key=_rank)

        def titles_of(fields: Sequence[str]) -> tuple[str, ...]:
            return tuple(
                title
                for field in fields
                for title in (field_title(field), *_mapped_titles(field, maps))
            )

        titles = titles_of(identifying)
        gone = titles_of([f for f in identifying if f in {n.strip().lower() for n in summed}])
        left = tuple(title for title in titles if title not in gone)
        if not left:
            raise BadInputError("--sum-over", "leaves no field to sum up to", "sum over fewer")
        by_name = {title.lower(): title for title in left}
        for name in by:
            _check_there("--by", name.strip().lower(), tuple(by_name))
        chosen = tuple(dict.fromkeys(by_name[name.strip().lower()] for name in by))
        return cls(titles, gone, titles_of(extra), tuple(maps), chosen)

    def values(self, found: Mapping[str, str]) -> tuple[dict[str, str], str]:
        """Return the texts of a section's columns.

        Args:
            found: text by field, from :meth:`NamePattern.match`.

        Returns:
            Text by title, and a sentence on the values that the maps lack, empty where they have
            all.
        """
        texts = {field_title(field): value for field, value in found.items()}
        unknown = []
        for entry in self.maps:
            value = found[entry.field]
            texts |= zip(entry.titles, entry.look_up(value), strict=True)
            if value not in entry.rows:
                unknown.append(f"{Path(entry.source).name} has no {entry.field} {value!r}")
        ordered = {title: texts[title] for title in (*self.titles, *self.extra)}
        return ordered, "; ".join(unknown)

    def known(self, organoids: pd.DataFrame) -> pd.Series[bool]:
        """Mark the organoids whose values all maps have."""
        known = pd.Series([True] * len(organoids), organoids.index, dtype=bool)
        for entry in self.maps:
            title = field_title(entry.field)
            if title in organoids:
                known &= organoids[title].isin(list(entry.rows))
        return known

    def conditions(self, organoids: pd.DataFrame) -> tuple[str, ...]:
        """Return the titles that make a condition: those asked for, or else the usual ones.

        The usual ones are the mapped fields, else the clone, else the first field; and day and
        immunostaining where the organoids differ in them.
        """
        if self.by:
            return self.by
        left = [title for title in self.titles if title not in self.summed]
        mapped = [title for entry in self.maps for title in entry.titles if title in left]
        first = mapped or [title for title in ("Clone",) if title in left] or left[:1]
        differing = [
            title
            for title in ("Day", "Immuno")
            if title in left and title not in first and organoids[title].nunique() > 1
        ]
        return (*first, *differing)


def _mapped_titles(field: str, maps: Sequence[FieldMap]) -> list[str]:
    return [title for entry in maps if entry.field == field for title in entry.titles]


def _rank(field: str) -> int:
    return PUBLISHED_ORDER.index(field if field in PUBLISHED_ORDER else "")


def _check_there(option: str, name: str, fields: Sequence[str]) -> None:
    if name not in fields:
        raise BadInputError(
            option, f"there is no field {name!r}", f"choose from {', '.join(fields)}"
        )
