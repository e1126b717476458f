"""Decide which sections count, and say why the others do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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
        contradicted: by field, what a column of the table says, and what the name says instead.
    """

    section: SectionCounts
    values: Mapping[str, str]
    unknown: str
    contradicted: Mapping[str, tuple[str, str]] = field(default_factory=dict)

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
    everything = list(sections)
    images_of = Counter(section.table for section in everything)
    for section in everything:
        found = pattern.match(section.section)
        if found is None and section.image:
            found = pattern.match(base_name(section.image))
        values, unknown = fields.values(found) if found else ({}, "")
        row = CountedSection(section, values, unknown, _contradicted(section, found or {}))
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
            excluded += [
                row.excluded("table", _same_section(row, same, fields, images_of)) for row in same
            ]

    def order(row: CountedSection) -> Any:
        return [natural_key(row.values[t]) for t in fields.titles], row.section.table

    return sorted(rows, key=order), excluded


def _same_section(
    row: CountedSection,
    same: Sequence[CountedSection],
    fields: StudyFields,
    images_of: Mapping[str, int],
) -> str:
    other = next(r for r in same if r is not row)
    differs = [t for t in fields.extra if row.values[t] != other.values[t]]
    subject = "is"
    if images_of[row.section.table] > 1:
        subject = f"its image {row.section.image} is"
    what = other.section.table
    if images_of[what] > 1:
        what = f"the image {other.section.image} in {what}"
    if not differs:
        return f"{subject} the same section as {what}; keep one of them"
    return (
        f"{subject} the same section as {what} but for {' and '.join(differs)}; keep "
        f"one of them, or give the field another name in the pattern to count both"
    )


def _contradicted(section: SectionCounts, found: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return what the table's columns say of a section that its name does not."""
    wrong = {}
    for name, texts in section.fields.items():
        own = found.get(name, "")
        others = [text for text in texts if own and not _is_same(text, own)]
        if others:
            wrong[name] = (", ".join(others), own)
    return wrong


def _is_same(text: str, other: str) -> bool:
    """Compare texts, of which spreadsheets and pandas may have made numbers: ``07`` is ``7.0``."""
    if text.casefold() == other.casefold():
        return True
    try:
        return float(text) == float(other)
    except ValueError:
        return False


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
