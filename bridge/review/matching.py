"""Match the objects of a new segmentation to reviewed objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bridge.review.overlaps import Overlaps, find_overlaps
from bridge.review.pushed import Pushed


class MergePolicy(IntEnum):
    """Rule by which a reviewed object is merged with a new segmentation."""

    REPLACE = 0
    """Not edited: the new object replaces it; it is removed where there is none."""
    UPDATE = 1
    """Edited, but not drawn: takes the new outline, and is never removed."""
    KEEP = 2
    """Drawn or locked: stays as it is."""
    BLOCK = 3
    """Deleted: its place stays empty."""
    IGNORE = 4
    """Not comparable with the segmentation: a region, or an object of another layer."""
    OUTSIDE = 5
    """Out of the scope of the push: stays as it is."""


class Place(IntEnum):
    """Rule by which an object's outline is compared with those that it lies over."""

    NUCLEUS = 0
    """It and what covers a share of the smaller of the two are one object."""
    DRAWN = 1
    """Drawn by hand, as a nucleus or a region: one object only with what is about as large."""
    REGION = 2
    """A region around nuclei: compared with regions only."""
    ELSEWHERE = 3
    """In another layer: compared with nothing."""


@dataclass(frozen=True)
class ReviewedObjects:
    """Reviewed objects that a new segmentation is matched with: existing ones, then deleted ones.

    Attributes:
        places: outline, plane and type, indexed by UUID.
        policy: one :class:`MergePolicy` an object.
        place: one :class:`Place` an object.
        classes: class names, ``None`` where unclassified.
    """

    places: gpd.GeoDataFrame
    policy: NDArray[np.int64]
    place: NDArray[np.int64]
    classes: NDArray[np.object_]


@dataclass(frozen=True)
class Conflict:
    """A conflict for the user to check: positions in the tables, -1 for no new object."""

    row: int
    what: str
    why: str
    new: int


@dataclass(frozen=True)
class Match:
    """Result of :func:`match_objects`.

    Attributes:
        found: for each reviewed object the position of its new object, -1 for none. The new
            object of a kept or deleted one is set aside.
        stays: True for reviewed objects that are in the result unchanged.
        set_aside: True for new objects that are left out of the result.
        added: True for new objects without a reviewed one.
        conflicts: in the order of the reviewed objects.
    """

    found: NDArray[np.intp]
    stays: NDArray[np.bool_]
    set_aside: NDArray[np.bool_]
    added: NDArray[np.bool_]
    conflicts: list[Conflict]


def match_objects(
    objects: ReviewedObjects,
    new: gpd.GeoDataFrame,
    new_regions: NDArray[np.bool_],
    base: Pushed,
    overlap: float,
    *,
    keep_untouched: bool = False,
) -> Match:
    """Match the objects of a new segmentation to reviewed objects, one to one.

    Args:
        objects: the reviewed objects.
        new: the objects of the new segmentation.
        new_regions: which of them are regions and not nuclei.
        base: what was pushed before; its ``found_as`` matches objects by UUID.
        overlap: share of the smaller object's area from which on two objects overlap.
        keep_untouched: objects that were not edited and are not found again stay.
    """
    policy = objects.policy
    live = (policy == MergePolicy.REPLACE) | (policy == MergePolicy.UPDATE)
    firm = ~live & (objects.place != Place.ELSEWHERE)
    pairs = _overlapping(objects, new, new_regions, overlap)

    found = _by_uuid(objects.places.index, new.index, base.found_as)
    found[objects.place == Place.ELSEWHERE] = -1
    known = _marked(len(new), found[found >= 0])
    barred = _marked(len(new), pairs.second[firm[pairs.first]])
    over_live = np.bincount(pairs.second[live[pairs.first]], minlength=len(new))
    joining = (over_live > 1) & _marked(
        len(new), pairs.second[policy[pairs.first] == MergePolicy.UPDATE]
    )
    set_aside = ~known & (barred | joining | new.index.isin(base.set_aside))
    set_aside[found[~live & (found >= 0)]] = True
    free = ~known & ~set_aside

    _pair(found, pairs.where(live[pairs.first] & free[pairs.second]))
    # A lock that is opened later finds its new outline by this.
    _pair(found, pairs.where(firm[pairs.first] & (set_aside & ~known)[pairs.second]))
    added = free & ~_marked(len(new), found[found >= 0])

    lost = live & (found < 0)
    held = pairs.where(lost[pairs.first] & set_aside[pairs.second])
    disputed = lost & ((policy == MergePolicy.UPDATE) | _marked(len(policy), held.first))
    stays = (firm & (policy != MergePolicy.BLOCK)) | (policy == MergePolicy.IGNORE) | disputed
    if keep_untouched:
        stays |= lost
    split = pairs.where((policy == MergePolicy.UPDATE)[pairs.first] & added[pairs.second])
    conflicts = [*_not_taken(objects, disputed, pairs, held, barred), *_splits(split)]
    conflicts.sort(key=lambda conflict: conflict.row)
    return Match(found, stays, set_aside, added, conflicts)


def _overlapping(
    objects: ReviewedObjects, new: gpd.GeoDataFrame, new_regions: NDArray[np.bool_], overlap: float
) -> Overlaps:
    """Find the pairs of a reviewed and a new object that lie in the same place."""
    place = objects.place
    drawn, region = place == Place.DRAWN, place == Place.REGION
    parts = []
    for ours, theirs, of_both in (
        (place == Place.NUCLEUS, ~new_regions, False),
        (drawn, ~new_regions, True),
        (region | drawn, new_regions, True),
    ):
        rows, columns = np.flatnonzero(ours), np.flatnonzero(theirs)
        if len(rows) and len(columns):
            part = find_overlaps(
                objects.places.iloc[rows], new.iloc[columns], overlap, of_both=of_both
            )
            parts.append(Overlaps(rows[part.first], columns[part.second], part.iou))
    nothing = np.empty(0, np.intp)
    parts.append(Overlaps(nothing, nothing, np.empty(0)))
    return Overlaps(
        np.concatenate([part.first for part in parts]),
        np.concatenate([part.second for part in parts]),
        np.concatenate([part.iou for part in parts]),
    )


def _by_uuid(known: pd.Index, new: pd.Index, found_as: Mapping[str, str]) -> NDArray[np.intp]:
    """Match objects of a segmentation that was pushed before by their UUID."""
    found = np.full(len(known), -1, np.intp)
    used = np.zeros(len(new), bool)
    for names in ([found_as.get(i, i) for i in known], known):
        at = new.get_indexer(pd.Index(names, dtype=object))
        rows = np.flatnonzero((at >= 0) & (found < 0))
        rows = rows[~used[at[rows]]]
        rows = rows[np.unique(at[rows], return_index=True)[1]]
        found[rows] = at[rows]
        used[at[rows]] = True
    return found


def _pair(found: NDArray[np.intp], pairs: Overlaps) -> None:
    """Add one-to-one matches of the objects that have none."""
    rows, theirs = pairs.where(found[pairs.first] < 0).one_to_one()
    found[rows] = theirs


def _marked(length: int, positions: NDArray[np.intp]) -> NDArray[np.bool_]:
    marks = np.zeros(length, bool)
    marks[positions] = True
    return marks


_FIRM = {
    MergePolicy.BLOCK: "was deleted",
    MergePolicy.KEEP: "stays as the reviewer left it",
}


def _not_taken(
    objects: ReviewedObjects,
    kept: NDArray[np.bool_],
    pairs: Overlaps,
    held: Overlaps,
    barred: NDArray[np.bool_],
) -> list[Conflict]:
    """List the conflicts of objects that stay because no new object could replace them."""
    blocker = np.full(len(kept), -1, np.intp)
    order = np.argsort(held.iou, kind="stable")
    blocker[held.first[order]] = held.second[order]
    by_new = pairs.first[np.argsort(pairs.second, kind="stable")]
    ends = np.cumsum(np.bincount(pairs.second, minlength=len(barred)))
    conflicts = []
    for row in np.flatnonzero(kept).tolist():
        new = int(blocker[row])
        if new < 0:
            why = "the new segmentation does not find it"
            conflicts.append(Conflict(row, "not found", why, -1))
            continue
        others = by_new[ends[new - 1] if new else 0 : ends[new]]
        policies = set(objects.policy[others].tolist())
        if barred[new]:
            decided = next(
                (reason for policy, reason in _FIRM.items() if policy in policies),
                "is out of the scope of this push",
            )
            why = f"the new object here also lies over one that {decided}"
            conflicts.append(Conflict(row, "in the way", why, new))
        else:
            why = f"one new object lies over {len(others)} objects here"
            classes = {str(c or "none") for c in objects.classes[others]}
            if len(classes) > 1:
                why += f" of the classes {', '.join(sorted(classes))}"
            conflicts.append(Conflict(row, "joined", why, new))
    return conflicts


def _splits(split: Overlaps) -> list[Conflict]:
    """List the edited objects in whose place the new segmentation finds several."""
    pieces = np.bincount(split.first) + 1
    return [
        Conflict(
            row, "split", f"the new segmentation finds {pieces[row]} objects in its place", new
        )
        for row, new in zip(split.first.tolist(), split.second.tolist(), strict=True)
    ]
