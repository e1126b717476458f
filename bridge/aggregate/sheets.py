"""Arrange a study in sheets, and name their rows in charts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from bridge.aggregate.study import ALL, WITHOUT_DEAD, Study

LABEL = "Label"
"""Title of the last column, which names the rows in charts where no other column alone does."""


@dataclass(frozen=True)
class Sheet:
    """A sheet to be written.

    Attributes:
        title: of the sheet.
        frame: its rows: whole numbers are counts, other numbers are proportions, the rest is text.
        label: title of the column that names a row in a chart, or ``""`` where none is drawn.
    """

    title: str
    frame: pd.DataFrame
    label: str = ""


def sheets_of(study: Study) -> list[Sheet]:
    """Return the sheets of a study, in the published order.

    ``organoids`` and ``curated`` may have a column :data:`LABEL` more than the study. The rows of
    ``by condition`` are sorted by cells and class, so that the conditions of a class are one
    range, which a chart can refer to.
    """
    fields = tuple(field for field in study.fields if field not in study.summed)
    return [
        Sheet("slices", study.slices),
        _labelled("organoids", study.organoids, fields, study.extra),
        _labelled("curated", study.curated, fields, study.extra),
        Sheet("excluded", study.excluded),
        _labelled("by condition", conditions_by_class(study), study.condition_fields),
        Sheet("parameters", study.parameters),
    ]


def conditions_by_class(study: Study) -> pd.DataFrame:
    """Sort the conditions by cells and class, within them in the order of the study."""
    frame = study.conditions
    places = {name: place for place, name in enumerate(study.classes)}
    cells = frame["Cells"].map({ALL: 0, WITHOUT_DEAD: 1})
    order = pd.DataFrame({"cells": cells, "class": frame["Class"].map(places)})
    rows = order.sort_values(["cells", "class"], kind="stable").index
    return frame.loc[rows].reset_index(drop=True)


def _labelled(
    title: str, frame: pd.DataFrame, fields: Sequence[str], extra: Sequence[str] = ()
) -> Sheet:
    naming = naming_fields(frame, fields, extra)
    if len(naming) == 1:
        return Sheet(title, frame, naming[0])
    label = LABEL
    while label in frame.columns:  # a class of this name
        label += "_"
    labels = pd.DataFrame({label: row_labels(frame, naming)}, index=frame.index, dtype=object)
    return Sheet(title, pd.concat([frame, labels], axis=1), label)


def naming_fields(
    frame: pd.DataFrame, fields: Sequence[str], extra: Sequence[str] = ()
) -> tuple[str, ...]:
    """Return the fields that tell the rows apart: those that differ between rows.

    Args:
        frame: a row an organoid or condition.
        fields: titles of its identifying columns.
        extra: titles of further columns, for rows that the fields alone do not tell apart.

    Returns:
        The titles; the last of the fields where nothing differs.

    >>> frame = pd.DataFrame({"Clone": ["Pa", "Pa"], "Organoid": ["OG1", "OG2"]})
    >>> naming_fields(frame, ["Clone", "Organoid"])
    ('Organoid',)
    >>> row_labels(frame, ["Clone", "Organoid"])
    ['Pa · OG1', 'Pa · OG2']
    """
    naming = _varying(frame, fields)
    if naming and frame.duplicated(naming).any():
        naming += _varying(frame, extra)
    return tuple(naming or fields[-1:])


def row_labels(frame: pd.DataFrame, fields: Sequence[str]) -> list[str]:
    """Return a label a row: the texts of some fields; ``all`` where there are none.

    Args:
        frame: a row an organoid or condition.
        fields: titles of the columns, see :func:`naming_fields`.
    """
    if not fields:
        return ["all"] * len(frame)
    texts = frame[list(fields)].astype(object).fillna("").astype(str)
    return [" · ".join(text or "–" for text in row) for row in texts.itertuples(False, None)]


def _varying(frame: pd.DataFrame, fields: Sequence[str]) -> list[str]:
    return [field for field in fields if frame[field].nunique(dropna=False) > 1]
