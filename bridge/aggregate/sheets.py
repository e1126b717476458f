"""What stands in the sheets of a study's workbook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from bridge.aggregate.conditions import ALL, WITHOUT_DEAD
from bridge.aggregate.labels import naming_fields, row_labels
from bridge.aggregate.study import Study

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
    """The sheets of a study, in the published order.

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
    """The conditions, sorted by cells and class; the order of the conditions is kept."""
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
