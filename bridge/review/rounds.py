"""Rounds of review: what was pushed each time, and what the reviewer made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from bridge.detections import GEOMETRIES, Detections
from bridge.review.changes import Changes
from bridge.review.pushed import ADDED, Pushed
from bridge.review.rows import concat_tables

_OUTLINE = frozenset({ADDED, *GEOMETRIES, "c", "z", "t", "object_type"})
"""Fields by which an outline is the reviewer's and no longer the model's."""


@dataclass(frozen=True, kw_only=True)
class Round:
    """A push, and what the reviewer left of it.

    Attributes:
        push: number of the push, from 1.
        time: when it was pushed, as text.
        pushed: the objects that were pushed.
        reviewed: the objects as the reviewer left them.
        edits: the reviewer's edits (columns ``id`` and ``what``, as in :class:`Changes`).
        carried: UUIDs of pushed objects whose outline a reviewer had decided in an earlier round:
            they say nothing of the model.
        regions: UUIDs of regions around nuclei, which are no nuclei.
        is_reviewed: whether the reviewer saved anything.
    """

    push: int
    time: str
    pushed: Detections
    reviewed: Detections
    edits: pd.DataFrame
    carried: frozenset[str]
    regions: frozenset[str]
    is_reviewed: bool

    def of(self, what: str) -> frozenset[str]:
        """Return the UUIDs of the objects with a kind of edit (``deleted``, ``added``, …)."""
        return frozenset(self.edits.loc[self.edits["what"] == what, "id"])


def last_round(base: Pushed, changes: Changes, *, is_saved: bool = False) -> Round:
    """Return the round that is going on.

    Args:
        base: what was pushed last.
        changes: the reviewer's edits since.
        is_saved: it is known that the reviewer saved the review, also without an edit.
    """
    return Round(
        push=max(len(base.times), 1),
        time=changes.push[1],
        pushed=changes.base,
        reviewed=changes.applied,
        edits=changes.edits[["id", "what"]],
        carried=_carried(base),
        regions=base.regions,
        is_reviewed=is_saved or len(changes.edits) > 0,
    )


def earlier_round(base: Pushed, after: Pushed, *, is_saved: bool = False) -> Round:
    """Return a round that a further push has ended.

    What the reviewer had left is known from the push that came next: it lists the edits, and keeps
    every outline that the reviewer decided.

    Args:
        base: what was pushed.
        after: what was pushed next.
        is_saved: as in :func:`last_round`.

    >>> import numpy as np
    >>> pushed = Pushed.of(Detections.from_labels(np.eye(2, dtype=int)), time="Monday")
    >>> one = earlier_round(pushed, pushed)
    >>> one.push, one.is_reviewed, len(one.reviewed)
    (1, False, 1)
    """
    push = max(len(base.times), 1)
    edits = after.history.loc[after.history["push"] == push, ["id", "what"]]
    before, later = base.detections.objects, after.detections.objects
    ids = {what: edits.loc[edits["what"] == what, "id"] for what in ("deleted", "added")}
    redrawn = edits.loc[edits["what"].isin(("reshaped", "moved", "retyped")), "id"]
    redrawn = redrawn[redrawn.isin(later.index) & redrawn.isin(before.index)]
    kept = before[~before.index.isin(ids["deleted"]) & ~before.index.isin(redrawn)]
    drawn = later[later.index.isin(redrawn) | later.index.isin(ids["added"])]
    return Round(
        push=push,
        time=base.times[-1] if base.times else "",
        pushed=base.detections,
        reviewed=replace(base.detections, objects=concat_tables([kept, drawn])),
        edits=edits.reset_index(drop=True),
        carried=_carried(base),
        regions=base.regions | after.regions,
        is_reviewed=is_saved or len(edits) > 0,
    )


def list_rounds(
    pushes: Sequence[Pushed], changes: Changes, saved: Sequence[bool] = ()
) -> list[Round]:
    """Return all rounds of an image whose pushes are known.

    Args:
        pushes: in their order, the last one last; where some are missing, so are their rounds.
        changes: the reviewer's edits since the last one.
        saved: for each push, whether it is known that the reviewer saved the review of it.
    """
    saved = saved or [False] * len(pushes)
    rounds = [
        earlier_round(base, after, is_saved=is_saved)
        for base, after, is_saved in zip(pushes, pushes[1:], saved, strict=False)
        if len(after.times) == len(base.times) + 1
    ]
    return [*rounds, last_round(pushes[-1], changes, is_saved=saved[-1])]


def _carried(base: Pushed) -> frozenset[str]:
    return frozenset(i for i, names in base.decided.items() if names & _OUTLINE)
