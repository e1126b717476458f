"""Sum the counts of sections up to organoids, and organoids to conditions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bridge.aggregate.classes import ClassRules
from bridge.aggregate.fields import SLICE, StudyFields
from bridge.aggregate.provenance import class_notes, parameters_of, section_notes
from bridge.aggregate.sections import SectionCounts
from bridge.aggregate.sorting import CountedSection, short_organoids, sort_sections
from bridge.aggregate.study import (
    ALL,
    NOTE,
    REASON,
    SLICES,
    TABLE,
    TOTAL,
    WHAT,
    WITHOUT_DEAD,
    Study,
    proportion_titles,
)
from bridge.errors import BadInputError
from bridge.formats.naming import PUBLISHED_PATTERN, FieldMap, NamePattern, natural_key


def make_study(
    counts: Iterable[SectionCounts],
    *,
    pattern: NamePattern | str = PUBLISHED_PATTERN,
    maps: Sequence[FieldMap] = (),
    sum_over: Sequence[str] | None = None,
    min_slices: int = 1,
    classes: ClassRules | None = None,
    by: Sequence[str] = (),
    parameters: Mapping[str, str] | None = None,
) -> Study:
    """Sum sections up to organoids, and organoids to conditions.

    Every section is either a row of ``slices`` or in ``excluded`` with the reason; every organoid
    is either ``curated`` or in ``excluded``. Proportions of an organoid are those of its summed
    counts, not means over its slices.

    Args:
        counts: of :func:`bridge.aggregate.counting.read_counts` or
            :func:`bridge.aggregate.sections.count_objects`.
        pattern: of the sections' names.
        maps: further columns, from :func:`bridge.formats.naming.read_map`.
        sum_over: fields that are summed over; the field ``slice``, where the pattern has it, if
            ``None``.
        min_slices: least number of slices of a curated organoid.
        classes: rules that rename, merge and order classes, and name the dead ones.
        by: fields that make a condition; the mapped ones if empty, else the clone, and day and
            immunostaining where they differ.
        parameters: further rows of the table of parameters.

    Raises:
        BadInputError: a field that does not exist, no field left after the sum, or a class that is
            called like another column.

    >>> from bridge.aggregate.sections import SectionCounts
    >>> counts = [SectionCounts(f"Pa_OG1_s{n}.csv", f"Pa_OG1_s{n}", {"A": n}) for n in (1, 2)]
    >>> study = make_study(counts, pattern="{clone}_{organoid}_{slice}")
    >>> study.organoids[["Clone", "Organoid", "A", "Slices"]].to_dict("records")
    [{'Clone': 'Pa', 'Organoid': 'OG1', 'A': 3, 'Slices': 2}]
    """
    sections = list(counts)
    rules = classes or ClassRules()
    pattern = NamePattern.parse(pattern) if isinstance(pattern, str) else pattern
    fields = StudyFields.of(pattern, maps, _summed(pattern, sum_over), by)
    rows, excluded = sort_sections(sections, fields, pattern)
    names = {rules.name(raw) for row in rows for raw in row.section.counts}
    columns = rules.columns(names)
    dead = tuple(name for name in columns if name in rules.dead)
    _check_titles(pattern, fields, columns, dead)

    slices = _with_proportions(_slices(rows, fields, rules, columns), fields, columns, dead)
    organoids = _with_proportions(_organoids(slices, fields, columns), fields, columns, dead)
    conditions = fields.conditions(organoids)
    complete = fields.known(organoids) & (organoids[list(conditions)] != "").all(axis=1)
    curated = organoids[complete & (organoids[SLICES] >= min_slices)].reset_index(drop=True)
    excluded += [row.excluded("slice", row.unknown) for row in rows if row.unknown]
    excluded += short_organoids(organoids, fields, complete, min_slices)
    notes = [*section_notes(rows), *class_notes(rows, rules, columns, dead)]
    shown = {
        **(parameters or {}),
        **parameters_of(rows, sections, fields, rules, pattern, min_slices, conditions, dead),
    }
    return Study(
        fields=fields.titles,
        summed=fields.summed,
        extra=fields.extra,
        condition_fields=conditions,
        classes=columns,
        dead=dead,
        colors={name: rules.color(name) for name in columns},
        slices=slices,
        organoids=organoids,
        curated=curated,
        excluded=_excluded(excluded, fields),
        conditions=condition_means(curated, conditions, columns, dead),
        parameters=pd.DataFrame(
            [*shown.items(), *((NOTE, note) for note in notes)],
            columns=["Parameter", "Value"],
            dtype=str,
        ),
    )


def _summed(pattern: NamePattern, sum_over: Sequence[str] | None) -> tuple[str, ...]:
    if sum_over is None:
        return (SLICE,) if SLICE in pattern.fields else ()
    return tuple(dict.fromkeys(sum_over))


def _check_titles(
    pattern: NamePattern, fields: StudyFields, classes: Sequence[str], dead: tuple[str, ...]
) -> None:
    """Check that every column of the sheets has a title of its own."""
    own = [TOTAL, TABLE, SLICES, WHAT, REASON, "Class", "Cells", "n", "mean", "sd", "sem"]
    titles = [*fields.titles, *fields.extra]
    for title in titles:
        if title in own or titles.count(title) > 1:
            raise BadInputError(
                pattern.text, f"has a field {title!r}, as another column is called", "rename it"
            )
    names = tuple(classes)
    proportions = [
        *proportion_titles(names, dead).values(),
        *proportion_titles(names, dead, without_dead=True).values(),
    ]
    everything = [*titles, TOTAL, TABLE, SLICES, *names, *proportions]
    for name in names:
        of_class = [name, f"Proportion of {name}"]
        if any(everything.count(title) > 1 for title in of_class):
            raise BadInputError(
                "classes",
                f"there is a class {name!r}, and another column of this name",
                f"rename it with --classes: rename: {{{name}: …}}",
            )


def _excluded(lines: Sequence[Mapping[str, str]], fields: StudyFields) -> pd.DataFrame:
    titles = [TABLE, *fields.titles, WHAT, REASON]
    texts = [[line.get(title, "") for title in titles] for line in lines]
    return pd.DataFrame(texts, columns=titles, dtype=str)


def _slices(
    rows: Sequence[CountedSection], fields: StudyFields, rules: ClassRules, classes: Sequence[str]
) -> pd.DataFrame:
    lines: list[dict[str, Any]] = []
    for row in rows:
        line: dict[str, Any] = {**row.values, **dict.fromkeys(classes, 0)}
        for raw, count in row.section.counts.items():
            name = rules.name(raw)
            if name not in rules.drop:
                line[name] += count
        line[TABLE] = Path(row.section.table).name
        lines.append(line)
    frame = pd.DataFrame(lines, columns=[*fields.titles, *classes, *fields.extra, TABLE])
    texts = [*fields.titles, *fields.extra, TABLE]
    return frame.astype({**dict.fromkeys(texts, str), **dict.fromkeys(classes, "int64")})


def _organoids(slices: pd.DataFrame, fields: StudyFields, classes: Sequence[str]) -> pd.DataFrame:
    kept = [title for title in fields.titles if title not in fields.summed]
    groups = slices.groupby(kept, sort=False, dropna=False)
    frame = groups[list(classes)].sum()
    for title in fields.extra:
        frame[title] = groups[title].agg(lambda values: ", ".join(dict.fromkeys(values)))
    frame[SLICES] = groups.size()
    organoids = frame.reset_index()
    return organoids.astype({**dict.fromkeys(classes, "int64"), SLICES: "int64"})


def _with_proportions(
    frame: pd.DataFrame, fields: StudyFields, classes: tuple[str, ...], dead: tuple[str, ...]
) -> pd.DataFrame:
    """Add the total and the proportions, and put the columns in order."""
    total = frame[list(classes)].sum(axis=1).astype("int64")
    living = total - frame[list(dead)].sum(axis=1).astype("int64")
    known = [title for title in fields.titles if title in frame]
    columns: dict[str, Any] = {title: frame[title] for title in (*known, *classes)}
    columns[TOTAL] = total
    for without_dead, among in ((False, total), (True, living)):
        titles = proportion_titles(classes, dead, without_dead=without_dead)
        for name, title in titles.items():
            columns[title] = (frame[name] / among.where(among > 0)).astype("float64")
    last = SLICES if SLICES in frame else TABLE
    columns |= {title: frame[title] for title in (*fields.extra, last)}
    return pd.DataFrame(columns)


def condition_means(
    organoids: pd.DataFrame, by: Sequence[str], classes: tuple[str, ...], dead: tuple[str, ...]
) -> pd.DataFrame:
    """Compute mean and spread of the organoids' proportions, by condition and class.

    Every organoid weighs the same, however many cells it has. ``sd`` is the standard deviation of
    the sample (with n - 1), ``sem`` is sd / sqrt(n).

    Args:
        organoids: a row an organoid, with proportions.
        by: titles that make a condition.
        classes: all classes.
        dead: those of dead cells.

    Returns:
        The columns ``by``, ``Class``, ``Cells`` (``all`` or ``without dead``), ``n`` (organoids
        whose proportion is known), ``mean``, ``sd``, ``sem``; in natural order of the conditions.
    """
    lines: list[dict[str, Any]] = []
    groups = sorted(
        organoids.groupby(list(by), sort=False, dropna=False),
        key=lambda group: [natural_key(str(text)) for text in group[0]],
    )
    for texts, group in groups:
        for cells in (ALL, WITHOUT_DEAD):
            titles = proportion_titles(classes, dead, without_dead=cells == WITHOUT_DEAD)
            for name, title in titles.items():
                values = group[title].dropna().to_numpy(np.float64)
                n = len(values)
                sd = float(values.std(ddof=1)) if n > 1 else np.nan
                line: dict[str, Any] = dict(zip(by, texts, strict=True))
                line |= {"Class": name, "Cells": cells, "n": n}
                line |= {"mean": float(values.mean()) if n else np.nan, "sd": sd}
                line["sem"] = sd / np.sqrt(n) if n > 1 else np.nan
                lines.append(line)
    frame = pd.DataFrame(lines, columns=[*by, "Class", "Cells", "n", "mean", "sd", "sem"])
    texts_of = dict.fromkeys([*by, "Class", "Cells"], str)
    numbers = {"n": "int64", **dict.fromkeys(["mean", "sd", "sem"], "float64")}
    return frame.astype({**texts_of, **numbers})
