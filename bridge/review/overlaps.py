"""Find overlapping objects of two tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

FAMILIES = {"detection": 0, "cell": 0, "annotation": 0, "tile": 1}
"""Group of each object type: only objects of one group are compared."""


@dataclass(frozen=True)
class Overlaps:
    """Pairs of overlapping objects, ``first[k]`` and ``second[k]`` by position.

    Attributes:
        first: positions in the first table.
        second: positions in the second table.
        iou: intersection over union of each pair.
    """

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    iou: NDArray[np.float64]

    def where(self, chosen: NDArray[np.bool_]) -> Overlaps:
        """Return the pairs for which ``chosen`` is True."""
        return Overlaps(self.first[chosen], self.second[chosen], self.iou[chosen])

    def one_to_one(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return pairs in which no object appears twice, the best intersection over union first.

        Among equal pairs the one that comes first in the tables wins.
        """
        taken_first: set[int] = set()
        taken_second: set[int] = set()
        chosen = []
        for k in np.lexsort((self.second, self.first, -self.iou)).tolist():
            first, second = int(self.first[k]), int(self.second[k])
            if first not in taken_first and second not in taken_second:
                taken_first.add(first)
                taken_second.add(second)
                chosen.append(k)
        return self.first[chosen], self.second[chosen]


def find_overlaps(
    first: gpd.GeoDataFrame,
    second: gpd.GeoDataFrame,
    share: float = 0.5,
    *,
    of_both: bool = False,
) -> Overlaps:
    """Find pairs of objects whose intersection covers a share of the smaller one.

    StarDist's suppression uses this measure. Unlike the intersection over union it also finds a
    nucleus that is segmented larger, smaller, in two halves or joined with its neighbour.

    Objects are compared within a slice, time point, channel (-1 belongs to all channels) and group
    of types (:data:`FAMILIES`).

    Args:
        first: objects with ``geometry``, ``object_type``, ``c``, ``z``, ``t``.
        second: likewise.
        share: part of the smaller object's area, above 0 and at most 1.
        of_both: the intersection has to cover this share of the larger one, too: a region does not
            overlap the nuclei in it.

    >>> from bridge import Detections
    >>> objects = Detections.from_labels(np.eye(2, dtype=int)).objects
    >>> find_overlaps(objects, objects).iou.tolist()
    [1.0]
    """
    pairs = [(np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0))]
    shapes = [_measurable(frame.geometry.to_numpy()) for frame in (first, second)]
    c = [frame["c"].to_numpy() for frame in (first, second)]
    for rows in _same_planes(first, second):
        ours, theirs = (s[r] for s, r in zip(shapes, rows, strict=True))
        i, j = shapely.STRtree(theirs).query(ours)
        c_i, c_j = c[0][rows[0][i]], c[1][rows[1][j]]
        near = (c_i == c_j) | (c_i < 0) | (c_j < 0)
        i, j = i[near], j[near]
        compared = np.maximum if of_both else np.minimum
        areas = shapely.area(ours), shapely.area(theirs)
        needed = share * compared(areas[0][i], areas[1][j])
        possible = _shared_boxes(ours, theirs, i, j) >= needed
        i, j, needed = i[possible], j[possible], needed[possible]
        area_i, area_j = areas[0][i], areas[1][j]
        shared = _shared_area(ours[i], theirs[j])
        over = (shared > 0) & (shared >= needed)
        iou = shared[over] / (area_i + area_j - shared)[over]
        pairs.append((rows[0][i[over]], rows[1][j[over]], iou))
    found = [np.concatenate(part) for part in zip(*pairs, strict=True)]
    return Overlaps(found[0], found[1], found[2])


def family(frame: gpd.GeoDataFrame) -> NDArray[np.int64]:
    """Return the group of each object's type (:data:`FAMILIES`)."""
    return np.asarray(frame["object_type"].map(FAMILIES), np.int64)


def _measurable(outlines: NDArray[np.object_]) -> NDArray[np.object_]:
    """Repair outlines whose area is undefined: a freehand line may cross itself."""
    unsound = ~shapely.is_valid(outlines)
    if unsound.any():
        outlines = outlines.copy()
        outlines[unsound] = shapely.make_valid(outlines[unsound])
    return outlines


def _same_planes(
    first: gpd.GeoDataFrame, second: gpd.GeoDataFrame
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    groups: list[dict[Any, Any]] = []
    for frame in (first, second):
        plane = {"family": family(frame), "z": frame["z"].to_numpy(), "t": frame["t"].to_numpy()}
        groups.append(pd.DataFrame(plane).groupby(["family", "z", "t"]).indices)
    for key, ours in groups[0].items():
        if key in groups[1]:
            yield ours, groups[1][key]


def _shared_boxes(
    ours: NDArray[np.object_],
    theirs: NDArray[np.object_],
    i: NDArray[np.intp],
    j: NDArray[np.intp],
) -> NDArray[np.float64]:
    """Return the area that bounding boxes share: quick to know, and too small for most pairs."""
    a, b = shapely.bounds(ours)[i], shapely.bounds(theirs)[j]
    sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    return np.asarray(sides.clip(min=0).prod(axis=1), np.float64)


def _shared_area(ours: NDArray[np.object_], theirs: NDArray[np.object_]) -> NDArray[np.float64]:
    shared = shapely.area(ours)
    different = np.flatnonzero(~shapely.equals_exact(ours, theirs, 0))
    shared[different] = shapely.area(shapely.intersection(ours[different], theirs[different]))
    return np.asarray(shared, np.float64)
