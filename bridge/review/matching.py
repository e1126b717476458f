"""Which new object takes the place of which reviewed one, and which cannot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bridge.review.overlaps import Overlaps, lying_over
from bridge.review.pushed import Pushed


class Fate(IntEnum):
    """What a reviewer's object lets happen to it."""

    UNTOUCHED = 0
    """May be replaced, or go."""
    EDITED = 1
    """May take a new outline, and never goes."""
    FIXED = 2
    """Stays exactly as it is."""
    DELETED = 3
    """Is not there; its place stays empty."""
    APART = 4
    """Has nothing to do with the segmentation: an annotation."""


@dataclass(frozen=True)
class Standing:
    """The objects that a new segmentation meets: first those that are there, then the deleted.

    Attributes:
        places: outline, plane and type, indexed by UUID.
        fate: a :class:`Fate` for each.
        classes: class of each, ``None`` where unclassified.
    """

    places: gpd.GeoDataFrame
    fate: NDArray[np.int64]
    classes: NDArray[np.object_]


@dataclass(frozen=True)
class Conflict:
    """Something for a person to look at: positions in the tables, -1 for no new object."""

    row: int
    what: str
    why: str
    new: int


@dataclass(frozen=True)
class Match:
    """Who became whom.

    Attributes:
        found: for each standing object the position of its new object, -1 for none. That of a
            fixed or deleted one is set aside.
        stays: the standing objects that are in the result as they are.
        set_aside: the new objects that are not taken over.
        added: the new objects that are nobody's.
        conflicts: in the order of the standing objects.
    """

    found: NDArray[np.intp]
    stays: NDArray[np.bool_]
    set_aside: NDArray[np.bool_]
    added: NDArray[np.bool_]
    conflicts: list[Conflict]


def match(standing: Standing, new: gpd.GeoDataFrame, base: Pushed, overlap: float) -> Match:
    """Match a new segmentation with the objects that are there.

    Args:
        standing: the reviewer's objects.
        new: the new segmentation's.
        base: knows which new objects are old acquaintances.
        overlap: share of the smaller object from which on two lie over each other.
    """
    fate = standing.fate
    live = (fate == Fate.UNTOUCHED) | (fate == Fate.EDITED)
    firm = (fate == Fate.FIXED) | (fate == Fate.DELETED)
    pairs = lying_over(standing.places, new, overlap)

    found = _by_uuid(standing.places.index, new.index, base.found_as)
    known = _marked(len(new), found[found >= 0])
    barred = _marked(len(new), pairs.second[firm[pairs.first]])
    over_live = np.bincount(pairs.second[live[pairs.first]], minlength=len(new))
    joining = (over_live > 1) & _marked(len(new), pairs.second[fate[pairs.first] == Fate.EDITED])
    set_aside = ~known & (barred | joining | new.index.isin(base.set_aside))
    set_aside[found[~live & (found >= 0)]] = True
    free = ~known & ~set_aside

    _pair(found, pairs.where(live[pairs.first] & free[pairs.second]))
    # A lock that is opened later finds its new outline by this.
    _pair(found, pairs.where(firm[pairs.first] & (set_aside & ~known)[pairs.second]))
    added = free & ~_marked(len(new), found[found >= 0])

    lost = live & (found < 0)
    held = pairs.where(lost[pairs.first] & set_aside[pairs.second])
    stays = (
        (fate == Fate.FIXED)
        | (fate == Fate.APART)
        | (lost & (fate == Fate.EDITED))
        | _marked(len(fate), held.first)
    )
    split = pairs.where((fate == Fate.EDITED)[pairs.first] & added[pairs.second])
    conflicts = [*_not_taken(standing, lost & stays, pairs, held, barred), *_splits(split)]
    conflicts.sort(key=lambda conflict: conflict.row)
    return Match(found, stays, set_aside, added, conflicts)


def _by_uuid(standing: pd.Index, new: pd.Index, found_as: Mapping[str, str]) -> NDArray[np.intp]:
    """Objects of a segmentation that was pushed before find themselves."""
    found = np.full(len(standing), -1, np.intp)
    used = np.zeros(len(new), bool)
    for names in ([found_as.get(i, i) for i in standing], standing):
        at = new.get_indexer(pd.Index(names, dtype=object))
        rows = np.flatnonzero((at >= 0) & (found < 0))
        rows = rows[~used[at[rows]]]
        rows = rows[np.unique(at[rows], return_index=True)[1]]
        found[rows] = at[rows]
        used[at[rows]] = True
    return found


def _pair(found: NDArray[np.intp], pairs: Overlaps) -> None:
    """Match one to one those that are without a match."""
    rows, theirs = pairs.where(found[pairs.first] < 0).one_to_one()
    found[rows] = theirs


def _marked(length: int, positions: NDArray[np.intp]) -> NDArray[np.bool_]:
    marks = np.zeros(length, bool)
    marks[positions] = True
    return marks


def _not_taken(
    standing: Standing,
    kept: NDArray[np.bool_],
    pairs: Overlaps,
    held: Overlaps,
    barred: NDArray[np.bool_],
) -> list[Conflict]:
    """Objects that stay because no new one could be taken for them."""
    culprit = np.full(len(kept), -1, np.intp)
    order = np.argsort(held.iou, kind="stable")
    culprit[held.first[order]] = held.second[order]
    by_new = pairs.first[np.argsort(pairs.second, kind="stable")]
    ends = np.cumsum(np.bincount(pairs.second, minlength=len(barred)))
    conflicts = []
    for row in np.flatnonzero(kept).tolist():
        new = int(culprit[row])
        if new < 0:
            why = "the new segmentation does not find it"
            conflicts.append(Conflict(row, "not found", why, -1))
            continue
        others = by_new[ends[new - 1] if new else 0 : ends[new]]
        fates = set(standing.fate[others].tolist())
        if barred[new]:
            decided = "was deleted" if Fate.DELETED in fates else "stays as the reviewer left it"
            why = f"the new object here also lies over one that {decided}"
            conflicts.append(Conflict(row, "in the way", why, new))
        else:
            why = f"one new object lies over {len(others)} objects here"
            classes = {str(c or "none") for c in standing.classes[others]}
            if len(classes) > 1:
                why += f" of the classes {', '.join(sorted(classes))}"
            conflicts.append(Conflict(row, "joined", why, new))
    return conflicts


def _splits(split: Overlaps) -> list[Conflict]:
    """Edited objects in whose place the new segmentation finds several."""
    pieces = np.bincount(split.first) + 1
    return [
        Conflict(
            row, "split", f"the new segmentation finds {pieces[row]} objects in its place", new
        )
        for row, new in zip(split.first.tolist(), split.second.tolist(), strict=True)
    ]
