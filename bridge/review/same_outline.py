"""Compare outlines that went through formats and applications."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from bridge.outlines.rings import areas_only

TOLERANCE = 0.01
"""Pixels that a coordinate may move without being edited: QuPath exports two decimals."""


def same_outline(ours: NDArray[np.object_], theirs: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Return which outlines are the same, pair by pair.

    Start vertex, direction, order of pieces and vertices on a straight edge do not matter, nor
    does what a 32-bit coordinate of an ImageJ ROI cannot hold (0.004 px at x = 40,000).

    Args:
        ours: n areas, ``None`` where there is none.
        theirs: n areas.

    Returns:
        n truth values; two missing outlines are the same.

    >>> box = shapely.box(0, 0, 4, 4)
    >>> same_outline(np.array([box]), np.array([box.reverse()])).tolist()
    [True]
    """
    tolerance = TOLERANCE + _float32_step(ours)
    same = shapely.is_missing(ours) & shapely.is_missing(theirs)
    same |= shapely.equals_exact(ours, theirs, tolerance)
    rest = np.flatnonzero(~same & ~shapely.is_missing(ours) & ~shapely.is_missing(theirs))
    for compare in (_same_vertices, _same_course):
        # A moved bounding box is an edit: no need to compare vertices.
        rest = rest[_alike(ours[rest], theirs[rest], tolerance[rest])]
        found = compare(ours[rest], theirs[rest], tolerance[rest])
        same[rest[found]] = True
        rest = rest[~found]
    return np.asarray(same, bool)


def _float32_step(outlines: NDArray[np.object_]) -> NDArray[np.float64]:
    farthest = np.nan_to_num(np.abs(shapely.bounds(outlines)).reshape(-1, 4)).max(axis=1, initial=0)
    return np.asarray(np.spacing(farthest.astype(np.float32)), np.float64)


def _alike(
    ours: NDArray[np.object_], theirs: NDArray[np.object_], tolerance: NDArray[np.float64]
) -> NDArray[np.bool_]:
    moved = np.abs(shapely.bounds(ours) - shapely.bounds(theirs)).reshape(-1, 4)
    return np.asarray((moved <= tolerance[:, None]).all(axis=1))


def _same_vertices(
    ours: NDArray[np.object_], theirs: NDArray[np.object_], tolerance: NDArray[np.float64]
) -> NDArray[np.bool_]:
    found = shapely.equals_exact(shapely.normalize(ours), shapely.normalize(theirs), tolerance)
    return np.asarray(found, bool)


def _same_course(
    ours: NDArray[np.object_], theirs: NDArray[np.object_], tolerance: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Check that each outline's vertices lie on the other one, and that the areas agree.

    Vertices alone do not suffice: the same points can be joined in another order.
    """
    found = np.zeros(len(ours), bool)
    for row in range(len(ours)):
        first, second = areas_only(ours[row]), areas_only(theirs[row])
        if first.is_empty or second.is_empty:
            found[row] = first.is_empty and second.is_empty
            continue
        within = tolerance[row] * (first.length + second.length)
        found[row] = (
            abs(first.area - second.area) <= within
            and shapely.hausdorff_distance(first.boundary, second.boundary) <= tolerance[row]
            and shapely.symmetric_difference(first, second).area <= within
        )
    return found
