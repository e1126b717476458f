"""Describe how a study was made and what was noticed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from bridge import __version__
from bridge.aggregate.classes import ClassRules
from bridge.aggregate.fields import StudyFields
from bridge.aggregate.sections import SectionCounts
from bridge.aggregate.sorting import CountedSection
from bridge.aggregate.study import DATE, NOTE, Study
from bridge.formats.naming import NamePattern, field_title


def notes_of(study: Study) -> list[str]:
    """List the notes of a study: its parameters of that name.

    >>> from bridge.aggregate import make_study
    >>> counts = [SectionCounts("Pa_s1.csv", "Pa_s1", {"A": 1}, notes=("has 2 time points",))]
    >>> notes_of(make_study(counts, pattern="{clone}_{slice}"))
    ['Pa_s1.csv has 2 time points']
    """
    table = study.parameters
    return [str(value) for value in table.loc[table["Parameter"] == NOTE, "Value"]]


def section_notes(rows: Sequence[CountedSection]) -> list[str]:
    """List what was noticed when the tables were read, and what the maps lack."""
    unknown = Counter(row.unknown for row in rows if row.unknown)
    notes = [f"{what}: {n} slices belong to no condition" for what, n in unknown.items()]
    notes += _contradictions(rows)
    # What is true of a table of several images is noticed of each of them.
    return notes + list(
        dict.fromkeys(
            f"{Path(row.section.table).name} {note}" for row in rows for note in row.section.notes
        )
    )


def _contradictions(rows: Sequence[CountedSection]) -> list[str]:
    """List the columns that say something else than the images' names, a line a column."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for name, (said, own) in row.contradicted.items():
            line = f"{said!r} for {row.section.section}, whose name says {own!r}"
            found.setdefault((row.section.table, name), []).append(line)
    return [
        f"{Path(table).name} has {field_title(name)} {lines[0]}"
        f"{f' (and so on for {len(lines) - 1} more)' if lines[1:] else ''}; the name counts"
        for (table, name), lines in found.items()
    ]


def class_notes(
    rows: Sequence[CountedSection], rules: ClassRules, classes: Sequence[str], dead: Sequence[str]
) -> list[str]:
    """List classes that are unexpected, or expected and missing, or dead by their name only.

    Args:
        rows: the sections that count.
        rules: for their classes.
        classes: of the study.
        dead: those of dead cells.
    """
    objects: dict[str, int] = {}
    tables: dict[str, set[str]] = {}
    for row in rows:
        for raw, count in row.section.counts.items():
            name = rules.name(raw)
            objects[name] = objects.get(name, 0) + count
            tables.setdefault(name, set()).add(row.section.table)
    notes = [
        f"class {name!r} is not listed in the file of classes: {objects[name]} objects in "
        f"{len(tables[name])} tables, first in {Path(min(tables[name])).name}; they are counted"
        for name in rules.unexpected(objects)
    ]
    met = {raw for row in rows for raw in row.section.counts}
    if rows:
        notes += [f"no object is of the class {name!r}" for name in rules.unused(met)]
    notes += [
        f"class {name!r} counts as living; give --dead {name!r} if it is not"
        for name in classes
        if not dead and name.lower() in ("dead", "dead cells", "pyknotic", "apoptotic")
    ]
    return notes


def parameters_of(
    rows: Sequence[CountedSection],
    sections: Sequence[SectionCounts],
    fields: StudyFields,
    rules: ClassRules,
    pattern: NamePattern,
    min_slices: int,
    conditions: Sequence[str],
    dead: Sequence[str],
) -> dict[str, str]:
    """List the settings of a study, and the numbers of its tables and objects.

    Args:
        rows: the sections that count.
        sections: all sections.
        fields: of the study.
        rules: for the classes.
        pattern: of the sections' names.
        min_slices: least number of slices of a curated organoid.
        conditions: titles that make a condition.
        dead: classes of dead cells.
    """
    values: dict[str, str] = {
        DATE: datetime.now().astimezone().isoformat(" ", "minutes"),
        "starbridge": __version__,
        "Pattern": pattern.text,
    }
    for entry in fields.maps:
        values[f"Map of {field_title(entry.field)}"] = entry.source
    values["Summed over"] = ", ".join(fields.summed)
    values["Least slices of a curated organoid"] = str(min_slices)
    values["Condition"] = ", ".join(conditions)
    renamed = [f"{old} → {new}" for old, new in (*rules.rename.items(), *rules.merge.items())]
    values["Renamed and merged classes"] = ", ".join(renamed)
    values["Dead cells"] = ", ".join(dead)
    values["Unstained cells"] = ", ".join(rules.unstained)
    dropped = dict.fromkeys(rules.drop, 0)
    for row in rows:
        for raw, count in row.section.counts.items():
            if rules.name(raw) in dropped:
                dropped[rules.name(raw)] += count
    values["Dropped classes"] = ", ".join(f"{name}: {n} objects" for name, n in dropped.items())
    values["Tables"] = str(len({section.table for section in sections}))
    values["Tables counted"] = str(len({row.section.table for row in rows}))
    kinds = sorted({row.section.kind for row in rows})
    values["Written by"] = ", ".join(
        f"{kind}: {len({r.section.table for r in rows if r.section.kind == kind})}"
        for kind in kinds
    )
    values["Objects"] = str(sum(row.section.objects for row in rows))
    values["Annotations and tiles left out"] = str(sum(row.section.left_out for row in rows))
    return values
