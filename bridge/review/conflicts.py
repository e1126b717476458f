"""List the conflicts between reviewer and segmentation, and mark their objects."""

from __future__ import annotations

from dataclasses import dataclass, replace

import geopandas as gpd
import pandas as pd

from bridge.review.changes import Changes
from bridge.review.matching import Match, MergePolicy, ReviewedObjects
from bridge.review.pushed import CONFLICT_COLUMNS, Pushed


@dataclass(frozen=True)
class Listed:
    """Findings of a merge, as far as conflicts need them.

    Attributes:
        objects: the reviewed objects.
        new: the new segmentation.
        ids: UUID in the result of each of its objects.
        found: which new object each reviewed one became.
    """

    objects: ReviewedObjects
    new: gpd.GeoDataFrame
    ids: list[str]
    found: Match


def list_conflicts(
    base: Pushed, review: Changes, pushed: Pushed, merge: Listed, conflict_class: str | None
) -> Pushed:
    """Return what is pushed with its conflicts, those that are settled, and the marks.

    A conflict stays in the list until the segmentation finds the object again or the reviewer
    settles it: by any edit of the object, or by taking its mark away. It is listed again when the
    object is found again and comes into conflict later.

    Args:
        base: what was pushed before.
        review: the reviewer's edits since.
        pushed: what is going to be pushed.
        merge: what the merge found out.
        conflict_class: part of the class by which objects in conflict are marked; ``None`` marks
            none.
    """
    before = base.conflicts
    touched = {*review.edits["id"], *review.cleared}
    settled = dict(base.settled)
    settled |= {i: w for i, w in zip(before["id"], before["what"], strict=True) if i in touched}
    there = set(pushed.detections.ids)

    names = merge.objects.places.index
    now = [
        (str(names[c.row]), c.what, c.why, str(merge.new.index[c.new]) if c.new >= 0 else None)
        for c in merge.found.conflicts
    ]
    # The same conflict keeps its words: what they count has changed by the push.
    known = {(row[0], row[1], row[3]): row for row in _rows(before)}
    now = [known.get((row[0], row[1], row[3]), row) for row in now]
    seen = {(identity, what) for identity, what, *_ in now}
    pieces = {theirs: ours for ours, theirs in pushed.found_as.items()}

    def goes_on(identity: str, what: str, new: str | None = None) -> bool:
        """Return whether a conflict is still there, although this push says nothing of it."""
        if (identity, what) in seen:
            return True
        if what != "split":
            return identity in apart
        return identity in same and (new is None or pieces.get(new, new) in there)

    same, apart = _unchanged(base, merge)
    now += [
        row
        for row in _rows(before)
        if (row[0], row[1]) not in seen and goes_on(row[0], row[1], row[3])
    ]
    settled |= {i: "split" for i in review.cleared if i not in settled}
    settled = {i: what for i, what in settled.items() if i in there and goes_on(i, what)}
    place = {identity: number for number, identity in enumerate(pushed.detections.ids)}
    open_ones = [row for row in now if row[0] in there and settled.get(row[0]) != row[1]]
    open_ones.sort(key=lambda row: (place[row[0]], row[1], row[3] or ""))
    conflicts = pd.DataFrame(open_ones, columns=list(CONFLICT_COLUMNS), dtype=object)
    marks = {}
    if conflict_class is not None:
        # Both pieces of a nucleus that the segmentation splits are to be looked at.
        split = conflicts.loc[conflicts["what"] == "split", "new_id"]
        concerned = {*conflicts["id"], *(pieces.get(new, new) for new in split)} & there
        concerned -= {i for i, what in settled.items() if what == "split"}
        marks = _marks(pushed, concerned, conflict_class)
    return replace(pushed, conflicts=conflicts, settled=settled, marks=marks)


def _rows(conflicts: pd.DataFrame) -> list[tuple[str, str, str, str | None]]:
    return list(conflicts[list(CONFLICT_COLUMNS)].itertuples(index=False, name=None))


def _unchanged(base: Pushed, merge: Listed) -> tuple[set[str], set[str]]:
    """Return the objects that are as they were after the last push, and those out of its scope."""
    same, apart = set(), set()
    for row, identity in enumerate(merge.objects.places.index):
        new = int(merge.found.found[row])
        if merge.objects.policy[row] in (MergePolicy.OUTSIDE, MergePolicy.IGNORE):
            apart.add(str(identity))
        elif new >= 0 and merge.new.index[new] == base.found_as.get(identity, identity):
            same.add(str(identity))
    return same | apart, apart


def _marks(pushed: Pushed, concerned: set[str], conflict_class: str) -> dict[str, str]:
    frame = pushed.detections.objects
    own = frame.loc[frame.index.isin(list(concerned)), "class"]
    return {
        str(identity): conflict_class if name is None else f"{name}: {conflict_class}"
        for identity, name in own.items()
    }
