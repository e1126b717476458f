"""Trace a label image along pixel edges: nothing is smoothed, no pixel is lost.

Every object's boundary is walked once, with the object on the right-hand side (clockwise on the
screen); only corners are kept. Where two of its pixels touch by a corner alone, the walk stays
with its own pixel, and a ring that meets itself at such a corner is split there: rings become
simple, so that the polygons are valid in the sense of OGC Simple Features.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from bridge.files.compiled import compiled

_STEP_X = np.array([1, 0, -1, 0])  # east, south, west, north
_STEP_Y = np.array([0, 1, 0, -1])


def trace(labels: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.object_]]:
    """Outline every object of a label image along its pixels' edges.

    Args:
        labels: (height, width) integers, 0 is background. Ids may have gaps; an object may have
            several pieces and holes.

    Returns:
        The object ids in ascending order, and for each a shapely Polygon (one piece) or
        MultiPolygon (several; pieces are 4-connected) with whole-number corner-origin (x, y).

    >>> ids, outlines = trace(np.array([[0, 1, 1], [0, 0, 7]]))
    >>> ids.tolist(), [outline.area for outline in outlines]
    ([1, 7], [2.0, 1.0])
    """
    if labels.ndim != 2:
        raise ValueError(f"a label plane has 2 axes, this array has {labels.ndim}")
    # Each type costs seconds of compilation the first time, so that there are only these three.
    kind = {1: np.uint16, 2: np.uint16, 4: np.uint32}.get(labels.dtype.itemsize, np.int64)
    plane = np.ascontiguousarray(labels, kind)
    xy, ring_ends, ring_labels = _walk(plane)
    if not len(ring_ends):
        return np.empty(0, np.int64), np.empty(0, object)
    starts = np.concatenate([[0], ring_ends[:-1]])
    area2 = _doubled_areas(xy, starts, ring_ends)
    owner = _owners(xy, starts, ring_ends, ring_labels, area2)
    return _assemble(xy, starts, ring_ends, ring_labels, owner)


@compiled()
def _walk(labels: Any) -> Any:
    """Return the corners (x, y) of all rings in a row, the end of each ring, and its label."""
    height, width = labels.shape
    walked = np.zeros((height, width), np.bool_)  # top edges already in a ring
    corners = np.empty((1024, 2), np.int32)
    n_corners = 0
    ends = np.empty(256, np.int64)
    owners = np.empty(256, np.int64)
    n_rings = 0
    path = np.empty((256, 2), np.int32)
    crossings = np.empty(64, np.int64)  # where in the path lie corners that may be met again
    step_x, step_y = _STEP_X, _STEP_Y

    for row in range(height):
        for column in range(width):
            label = labels[row, column]
            if label == 0 or walked[row, column]:
                continue
            if row > 0 and labels[row - 1, column] == label:
                continue
            x, y, direction = column, row, 0
            n_path = 0
            n_crossings = 0
            first = True
            while first or not (x == column and y == row and direction == 0):
                # (x, y) is where the last edge ended and `direction` where the next one goes.
                if first:
                    first = False
                    turned, touching = (
                        True,
                        (
                            row > 0
                            and column > 0
                            and labels[row - 1, column - 1] == label
                            and labels[row, column - 1] != label
                        ),
                    )
                if turned:
                    split = -1
                    if touching:
                        for k in range(n_crossings - 1, -1, -1):
                            at = crossings[k]
                            if path[at, 0] == x and path[at, 1] == y:
                                split = k
                                break
                    if split >= 0:
                        at = crossings[split]
                        corners, n_corners = _append(corners, n_corners, path, at, n_path)
                        ends, owners = _room(ends, n_rings), _room(owners, n_rings)
                        ends[n_rings], owners[n_rings] = n_corners, label
                        n_rings += 1
                        n_path = at + 1
                        n_crossings = split + 1
                    else:
                        path = _room(path, n_path)
                        path[n_path, 0], path[n_path, 1] = x, y
                        if touching:
                            crossings = _room(crossings, n_crossings)
                            crossings[n_crossings] = n_path
                            n_crossings += 1
                        n_path += 1
                if direction == 0:
                    walked[y, x] = True
                x += step_x[direction]
                y += step_y[direction]
                # The pixels ahead of the new corner: on the object's side and on the other side.
                if direction == 0:
                    own_y, own_x, far_y, far_x = y, x, y - 1, x
                elif direction == 1:
                    own_y, own_x, far_y, far_x = y, x - 1, y, x
                elif direction == 2:
                    own_y, own_x, far_y, far_x = y - 1, x - 1, y, x - 1
                else:
                    own_y, own_x, far_y, far_x = y - 1, x, y - 1, x - 1
                own = 0 <= own_y < height and 0 <= own_x < width and labels[own_y, own_x] == label
                far = 0 <= far_y < height and 0 <= far_x < width and labels[far_y, far_x] == label
                turned = True
                touching = False
                if not own:
                    direction = (direction + 1) % 4
                    touching = far
                elif far:
                    direction = (direction + 3) % 4
                else:
                    turned = False
            corners, n_corners = _append(corners, n_corners, path, 0, n_path)
            ends, owners = _room(ends, n_rings), _room(owners, n_rings)
            ends[n_rings], owners[n_rings] = n_corners, label
            n_rings += 1
    return corners[:n_corners].copy(), ends[:n_rings].copy(), owners[:n_rings].copy()


@compiled()
def _append(corners: Any, n_corners: int, path: Any, start: int, stop: int) -> Any:
    while n_corners + stop - start > len(corners):
        corners = np.concatenate((corners, corners))
    corners[n_corners : n_corners + stop - start] = path[start:stop]
    return corners, n_corners + stop - start


@compiled()
def _room(values: Any, used: int) -> Any:
    """Return the array, or a larger one that begins with it where it is full."""
    return values if used < len(values) else np.concatenate((values, values))


@compiled()
def _doubled_areas(xy: Any, starts: Any, ends: Any) -> Any:
    """Return twice the signed areas: above 0 of outer rings, below 0 of holes (y points down)."""
    areas = np.zeros(len(ends), np.int64)
    for ring in range(len(ends)):
        start, end = starts[ring], ends[ring]
        total = 0
        for i in range(start, end):
            j = i + 1 if i + 1 < end else start
            total += np.int64(xy[i, 0]) * xy[j, 1] - np.int64(xy[j, 0]) * xy[i, 1]
        areas[ring] = total
    return areas


@compiled()
def _owners(xy: Any, starts: Any, ends: Any, labels: Any, area2: Any) -> Any:
    """Return the outer ring of each ring: itself, or for a hole the smallest ring around it."""
    n = len(ends)
    owner = np.arange(n)
    order = np.argsort(labels, kind="mergesort")
    low = 0
    while low < n:
        high = low
        while high < n and labels[order[high]] == labels[order[low]]:
            high += 1
        outers = 0
        for k in range(low, high):
            if area2[order[k]] > 0:
                outers += 1
        for k in range(low, high):
            hole = order[k]
            if area2[hole] > 0:
                continue
            best = -1
            for m in range(low, high):
                ring = order[m]
                if area2[ring] <= 0 or (best >= 0 and area2[ring] >= area2[best]):
                    continue
                if outers == 1 or _surrounds(xy, starts[ring], ends[ring], hole, starts, ends):
                    best = ring
            owner[hole] = best
        low = high
    return owner


@compiled()
def _surrounds(xy: Any, start: int, end: int, hole: int, starts: Any, ends: Any) -> bool:
    """Return whether the pixel left of the hole's first edge (which lies in the hole) is inside."""
    i = starts[hole]
    j = i + 1 if i + 1 < ends[hole] else starts[hole]
    dx, dy = np.sign(xy[j, 0] - xy[i, 0]), np.sign(xy[j, 1] - xy[i, 1])
    px = xy[i, 0] + 0.5 * dx + 0.5 * dy
    py = xy[i, 1] + 0.5 * dy - 0.5 * dx
    inside = False
    for a in range(start, end):
        b = a + 1 if a + 1 < end else start
        if (xy[a, 1] > py) != (xy[b, 1] > py) and xy[a, 0] > px:
            inside = not inside  # edges are axis-parallel: one that crosses py is vertical
    return inside


def _assemble(
    xy: NDArray[np.int32],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    labels: NDArray[np.int64],
    owner: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.object_]]:
    n = len(ends)
    is_outer = owner == np.arange(n)
    order = np.lexsort((~is_outer, owner, labels[owner]))  # by label, piece, outer ring first
    lengths = (ends - starts)[order]
    # Rings are stored open and shapely wants them closed: the first corner comes again at the end.
    offsets = np.concatenate([[0], np.cumsum(lengths + 1)])
    within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths + 1)
    source = np.repeat(starts[order], lengths + 1) + within % np.repeat(lengths, lengths + 1)
    coordinates = xy[source].astype(np.float64)

    outer_at = np.flatnonzero(is_outer[order])
    pieces = shapely.from_ragged_array(
        shapely.GeometryType.POLYGON, coordinates, (offsets, np.append(outer_at, n))
    )
    ids, first, counts = np.unique(labels[order][outer_at], return_index=True, return_counts=True)
    polygons = pieces[first].copy()
    several = counts > 1
    if several.any():
        members = np.repeat(several, counts)
        index = np.repeat(np.cumsum(several) - 1, counts)[members]
        polygons[several] = shapely.multipolygons(pieces[members], indices=index)
    return ids.astype(np.int64), polygons
