"""Decide which sections count, and say why the others do not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.aggregate.fields import StudyFields
from bridge.aggregate.sections import SectionCounts
from bridge.aggregate.study import REASON, SLICES, TABLE, WHAT
from bridge.formats.naming import NamePattern, base_name, natural_key

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


def sort_sections(
    sections: Iterable[SectionCounts], fields: StudyFields, pattern: NamePattern
) -> tuple[list[CountedSection], list[dict[str, str]]]:
    """Sort sections into those that count and those that are excluded.

    Args:
        sections: all sections.
        fields: of the study.
        pattern: of the sections' names.

    Returns:
        The sections that count, in natural order, and the lines of ``excluded`` for the others.
    """
    excluded: list[dict[str, str]] = []
    by_identity: dict[tuple[str, ...], list[CountedSection]] = {}
    for section in sections:
        found = pattern.match(section.section)
        if found is None and section.image:
            found = pattern.match(base_name(section.image))
        values, unknown = fields.values(found) if found else ({}, "")
        row = CountedSection(section, values, unknown)
        if section.problem or found is None:
            misfit = f"the name {section.section!r} does not fit the pattern {pattern.text}"
            excluded.append(row.excluded("table", section.problem or misfit))
        else:
            identity = tuple(values[title] for title in fields.titles)
            by_identity.setdefault(identity, []).append(row)
    rows = []
    for same in by_identity.values():
        if len(same) == 1:
            rows += same
        else:
            excluded += [row.excluded("table", _same_section(row, same, fields)) for row in same]

    def order(row: CountedSection) -> Any:
        return [natural_key(row.values[t]) for t in fields.titles], row.section.table

    return sorted(rows, key=order), excluded


def _same_section(row: CountedSection, same: Sequence[CountedSection], fields: StudyFields) -> str:
    other = next(r for r in same if r is not row)
    differs = [t for t in fields.extra if row.values[t] != other.values[t]]
    if not differs:
        return f"is the same section as {other.section.table}; keep one of them"
    return (
        f"is the same section as {other.section.table} but for {' and '.join(differs)}; keep "
        f"one of them, or give the field another name in the pattern to count both"
    )


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
