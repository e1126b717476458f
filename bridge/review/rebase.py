"""Carry the edits of a reviewer over to a later push."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bridge.detections import Detections, number_labels
from bridge.review.changes import compare
from bridge.review.pushed import Pushed
from bridge.review.rows import concat_tables, set_values
from bridge.review.same_outline import same_outline


def rebase(
    earlier: Pushed | Detections, reviewed: Detections, later: Pushed | Detections
) -> Detections:
    """Return a later push with the edits that a reviewer made to an earlier one.

    A reviewer who has objects open while others are pushed saves the former. Compared with the
    later push, all that the new segmentation changed would look like the reviewer's work.

    Edits that the later push has already change nothing. An object that was edited, and that the
    later push has no more, is added as the reviewer left it. So is one that the reviewer drew,
    unless the later push has its outline, from an earlier save.

    Args:
        earlier: what the reviewer had open.
        reviewed: what came back.
        later: what was pushed in the meantime.

    >>> pushed = Detections.from_labels(np.array([[1, 0, 2]]))
    >>> again = Detections(pushed.objects.assign(prob=0.5), pushed.image)
    >>> reviewed = Detections(pushed.objects.iloc[1:], pushed.image)
    >>> rebase(pushed, reviewed, again).objects["prob"].tolist()
    [0.5]
    """
    changes = compare(earlier, reviewed)
    there = Pushed.of(later).shown
    frame = there.objects[~there.objects.index.isin(changes.of("deleted"))].copy()
    applied = changes.applied.objects
    kinds = changes.edits["what"]
    edits = changes.edits[~kinds.isin(("added", "deleted"))]
    for name, of_field in edits.groupby("field", sort=False):
        ids = pd.Index(of_field["id"].unique(), dtype=object)
        ids = ids[ids.isin(frame.index)]
        columns = ("class", "class_color") if name == "class" else (str(name),)
        for column in columns:
            set_values(frame, column, frame.index.get_indexer(ids), applied.loc[ids, column])
    gone = pd.Index(edits["id"].unique(), dtype=object)
    gone = gone[~gone.isin(frame.index)]
    drawn = []
    for identity in changes.of("added"):
        row = applied.loc[identity]
        same = frame.index[_has_outline(frame, row)]
        if len(same):  # drawn before an earlier save, and pushed since
            for column in ("class", "class_color", "name"):
                values = pd.Series([row[column]] * len(same), dtype=object)
                set_values(frame, column, frame.index.get_indexer(same), values)
        elif identity not in frame.index:
            drawn.append(identity)
    frame = concat_tables([frame, applied.loc[[*gone, *drawn]]])
    frame["label"] = number_labels(
        frame["label"].tolist(), frame["z"].tolist(), frame["t"].tolist()
    )
    return Detections(frame, there.image, there.outline)


def _has_outline(frame: gpd.GeoDataFrame, drawn: pd.Series[Any]) -> NDArray[np.bool_]:
    """Return which objects have the plane and outline of a drawn one."""
    rows: NDArray[np.bool_] = (
        (frame[["c", "z", "t"]] == drawn[["c", "z", "t"]]).all(axis=1).to_numpy(copy=True)
    )
    theirs = np.full(int(rows.sum()), None, object)
    theirs[:] = drawn["geometry"]
    rows[rows] = same_outline(frame.geometry.to_numpy(object)[rows], theirs)
    return rows
