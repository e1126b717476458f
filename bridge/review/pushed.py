"""Pushed objects with the decisions of earlier reviews."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import geopandas as gpd
import pandas as pd

from bridge.detections import Detections

ADDED = "added"
"""Name in the decided fields of an object that a reviewer drew."""

EDIT_COLUMNS = ("id", "label", "what", "before", "after", "x", "y", "c", "z", "t")
"""Columns of the table of edits (:meth:`bridge.review.Changes.table`)."""
HISTORY_COLUMNS = ("push", "pushed", *EDIT_COLUMNS)
CONFLICT_COLUMNS = ("id", "what", "why", "new_id")


def empty_table(columns: tuple[str, ...]) -> pd.DataFrame:
    """Return a table without rows."""
    return pd.DataFrame(columns=list(columns), dtype=object)


@dataclass(frozen=True)
class Pushed:
    """Objects as they were pushed, with the decisions of all earlier reviews.

    The objects alone are not enough: a deleted one is not among them, and an outline drawn by hand
    three pushes ago looks like any other. The next segmentation would restore the former and
    overwrite the latter.

    Attributes:
        detections: what was pushed.
        decided: for each UUID that a reviewer touched, the columns that are the reviewer's
            (``class``, ``geometry``, a measurement's name, …), or ``added``; of a deleted object
            only ``added``.
        deleted: outlines that reviewers deleted, and those that they moved elsewhere (with the
            moved object's UUID in the column ``moved``): their place stays empty.
        found_as: UUID of an object (deleted ones too) to the UUID that the last segmentation gave
            it; objects that are not listed have kept their own. It makes the same segmentation,
            pushed again, find its own objects.
        set_aside: UUIDs of the last segmentation that were not taken over, because they overlap
            what a reviewer decided.
        regions: UUIDs of annotations that are regions around nuclei and not nuclei, and so never
            compared with nuclei.
        layers: layer of each object (deleted ones too) that is in one; see
            :class:`bridge.review.Scope`.
        conflicts: those of the last push that the reviewer has not settled, as
            :class:`bridge.review.Merged` lists them.
        settled: UUID to kind of the conflicts that the reviewer settled: they are not listed again.
        marks: UUID of each object in conflict to the class that it is shown in.
        history: the edits of all earlier reviews: the columns of
            :meth:`bridge.review.Changes.table` after ``push`` (number of the push that was edited)
            and ``pushed`` (its time).
        times: time of each push, as text.

    >>> import numpy as np
    >>> Pushed.of(Detections.from_labels(np.eye(2, dtype=int))).decided
    {}
    """

    detections: Detections
    decided: Mapping[str, frozenset[str]] = field(default_factory=dict)
    deleted: Detections = field(default_factory=lambda: Detections.from_polygons([]))
    found_as: Mapping[str, str] = field(default_factory=dict)
    set_aside: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    layers: Mapping[str, str] = field(default_factory=dict)
    conflicts: pd.DataFrame = field(default_factory=lambda: empty_table(CONFLICT_COLUMNS))
    settled: Mapping[str, str] = field(default_factory=dict)
    marks: Mapping[str, str] = field(default_factory=dict)
    history: pd.DataFrame = field(default_factory=lambda: empty_table(HISTORY_COLUMNS))
    times: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        pushed: Pushed | Detections,
        *,
        regions: Collection[str] | None = None,
        layer: str = "",
        time: str | None = None,
    ) -> Pushed:
        """Wrap the objects of a first push, before which there are no reviews.

        Args:
            pushed: the objects; what is wrapped already is returned as it is.
            regions: UUIDs of annotations that are regions; all of them when ``None``.
            layer: the layer that they are in.
            time: time of the push.
        """
        if isinstance(pushed, Pushed):
            return pushed
        return cls(
            replace(pushed),
            regions=find_annotations(pushed.objects) if regions is None else frozenset(regions),
            layers=dict.fromkeys(pushed.ids, layer) if layer else {},
            times=() if time is None else (time,),
        )

    @property
    def shown(self) -> Detections:
        """The objects as the reviewer sees them: those in conflict in their marked class."""
        return marked(self.detections, self.marks)


def find_annotations(objects: gpd.GeoDataFrame) -> frozenset[str]:
    """Return the UUIDs of annotations, which are regions around nuclei unless told otherwise."""
    return frozenset(objects.index[objects["object_type"] == "annotation"])


def marked(detections: Detections, marks: Mapping[str, str]) -> Detections:
    """Return objects with those in conflict in the class that they are shown in."""
    rows = detections.objects.index.isin(list(marks))
    if not rows.any():
        return detections
    frame = detections.objects.copy()
    frame["class"] = frame["class"].mask(rows, frame.index.to_series().map(marks)).astype(object)
    frame["class_color"] = frame["class_color"].mask(rows, None).astype(object)
    return replace(detections, objects=frame)


def unmarked(reviewed: Detections, pushed: Pushed) -> tuple[Detections, frozenset[str]]:
    """Return reviewed objects with their own class in place of the one that marks a conflict.

    Returns:
        The objects, and the UUIDs of those that the reviewer took the mark away from.
    """
    frame = reviewed.objects
    marks = frame.index.to_series().map(dict(pushed.marks))
    known = (marks.notna() & frame.index.isin(pushed.detections.objects.index)).to_numpy(bool)
    still = known & (frame["class"] == marks).to_numpy(bool)
    cleared = frozenset(frame.index[known & ~still])
    if not still.any():
        return reviewed, cleared
    frame = frame.copy()
    before = pushed.detections.objects.loc[frame.index[still]]
    for column in ("class", "class_color"):
        values = frame[column].to_numpy(object, copy=True)
        values[still] = before[column].to_numpy(object)
        frame[column] = values
    return replace(reviewed, objects=frame), cleared
