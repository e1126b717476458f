"""Decide which sections count, and say why the others do not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.aggregate.fields import StudyFields
from bridge.aggregate.sections import SectionCounts
from bridge.aggregate.study import REASON, SLICES, TABLE, WHAT
from bridge.naming import NamePattern, base_name, natural_key

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class CountedSection:
    """A section that counts.

    Attributes:
        section: its counts.
        values: texts by title, of the fields and of the extra ones.
        unknown: a sentence on the values that a map lacks; empty where it has all.
    """

    section: SectionCounts
    values: Mapping[str, str]
    unknown: str

    def excluded(self, what: str, reason: str) -> dict[str, str]:
        """Return its line in the table of excluded sections."""
        return {TABLE: Path(self.section.table).name, **self.values, WHAT: what, REASON: reason}


class Sorting:
    """A sorter of sections into those that count and those that are excluded.

    Args:
        fields: of the study.
        pattern: of the sections' names.
    """

    def __init__(self, fields: StudyFields, pattern: NamePattern) -> None:
        self._fields, self._pattern = fields, pattern
        # lines of the study's table of that name
        self.excluded: list[dict[str, str]] = []

    def sort(self, sections: Iterable[SectionCounts]) -> list[CountedSection]:
        """Return the sections that count, in natural order; note the others as excluded."""
        by_identity: dict[tuple[str, ...], list[CountedSection]] = {}
        for section in sections:
            found = self._match(section)
            if section.problem or found is None:
                known = self._fields.values(found)[0] if found else {}
                reason = section.problem or (
                    f"the name {section.section!r} does not fit the pattern {self._pattern.text}"
                )
                self.excluded.append(
                    {TABLE: Path(section.table).name, **known, WHAT: "table", REASON: reason}
                )
                continue
            values, unknown = self._fields.values(found)
            identity = tuple(values[title] for title in self._fields.titles)
            by_identity.setdefault(identity, []).append(CountedSection(section, values, unknown))
        rows = []
        for same in by_identity.values():
            if len(same) == 1:
                rows += same
            else:
                self.excluded += [
                    row.excluded("table", self._same_section(row, same)) for row in same
                ]
        return sorted(rows, key=self._order)

    def _match(self, section: SectionCounts) -> dict[str, str] | None:
        found = self._pattern.match(section.section)
        if found is None and section.image:
            found = self._pattern.match(base_name(section.image))
        return found

    def _same_section(self, row: CountedSection, same: Sequence[CountedSection]) -> str:
        other = next(r for r in same if r is not row)
        differs = [t for t in self._fields.extra if row.values[t] != other.values[t]]
        if not differs:
            return f"is the same section as {other.section.table}; keep one of them"
        return (
            f"is the same section as {other.section.table} but for {' and '.join(differs)}; keep "
            f"one of them, or give the field another name in the pattern to count both"
        )

    def _order(self, row: CountedSection) -> Any:
        return [natural_key(row.values[t]) for t in self._fields.titles], row.section.table


def unmapped(rows: Sequence[CountedSection]) -> list[dict[str, str]]:
    """Return the lines of ``excluded`` for slices that a map lacks."""
    return [row.excluded("slice", row.unknown) for row in rows if row.unknown]


def short_organoids(
    organoids: pd.DataFrame, fields: StudyFields, complete: Any, min_slices: int
) -> list[dict[str, str]]:
    """Return the lines of ``excluded`` for organoids that are not curated.

    Args:
        organoids: a row an organoid.
        fields: of the study.
        complete: True for each whose condition is known.
        min_slices: least number of slices of a curated organoid.
    """
    lines = []
    kept = [title for title in fields.titles if title in organoids]
    for (place, row), is_complete in zip(organoids.iterrows(), complete, strict=True):
        reasons = []
        if not is_complete:
            reasons.append("its condition is not known")
        if row[SLICES] < min_slices:
            reasons.append(f"has {row[SLICES]} of at least {min_slices} slices")
        if reasons:
            values = {title: str(organoids.at[place, title]) for title in kept}
            lines.append({**values, WHAT: "organoid", REASON: "; ".join(reasons)})
    return lines
