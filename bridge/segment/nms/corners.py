"""Correction of an overlap for StarDist's clipping, which rounds its corners to whole pixels.

Where two outlines cross, the overlap has a corner, and StarDist rounds it to a whole pixel before
it measures the area. Between nuclei of ten pixels across that is a third of a pixel's area, either
way: enough to decide a pair close to the threshold.
"""

# numba's decorators carry no types
# mypy: disallow-untyped-decorators=False

from __future__ import annotations

from typing import Any

import numpy as np

from bridge.files.compiled import compiled
from bridge.segment.nms.overlap import argsort_few

# Columns of a point along an edge.
_SHARE, _X, _Y, _ROUND_X, _ROUND_Y, _WAY = range(6)
_ENTERS, _LEAVES, _STAYS = 1.0, -1.0, 0.0


@compiled(nogil=True)
def correct_for_rounding(x: Any, y: Any, x_b: Any, y_b: Any) -> Any:
    """Return how the area that two outlines share changes when their crossings are rounded.

    The sum, over the parts of edges that bound the overlap and end in a crossing, of what rounding
    changes in the shoelace formula. Crossings at a vertex lie on a whole pixel already.

    Args:
        x: vertices of outline a, which does not cross itself, in the order of its rays.
        y: likewise.
        x_b: those of outline b.
        y_b: likewise.
    """
    origin_x, origin_y = np.float64(x[0]), np.float64(y[0])
    points = np.empty((2 * len(x) + 2, 6))
    change = _sum_along(x, y, x_b, y_b, origin_x, origin_y, points)
    return 0.5 * (change + _sum_along(x_b, y_b, x, y, origin_x, origin_y, points))


@compiled(nogil=True)
def _sum_along(x: Any, y: Any, x_b: Any, y_b: Any, x0: float, y0: float, points: Any) -> Any:
    change = 0.0
    before = len(x) - 1
    for k in range(len(x)):
        n = _find_points_of_edge(x[before], y[before], x[k], y[k], x_b, y_b, points)
        before = k
        if n == 2:
            continue
        order = argsort_few(points[:n, _SHARE])
        for i in range(n - 1):
            a, b = points[order[i]], points[order[i + 1]]
            if a[_WAY] == _ENTERS or b[_WAY] == _LEAVES:
                rounded = (a[_ROUND_X] - x0) * (b[_ROUND_Y] - y0)
                rounded -= (a[_ROUND_Y] - y0) * (b[_ROUND_X] - x0)
                true = (a[_X] - x0) * (b[_Y] - y0) - (a[_Y] - y0) * (b[_X] - x0)
                change += rounded - true
    return change


@compiled(nogil=True)
def _find_points_of_edge(
    x0: int, y0: int, x1: int, y1: int, x_b: Any, y_b: Any, points: Any
) -> int:
    """Find the ends of an edge, and where it crosses or touches outline b."""
    ax, ay, bx, by = np.int64(x0), np.int64(y0), np.int64(x1), np.int64(y1)
    _set_point(points, 0, 0.0, ax, ay, _STAYS)
    _set_point(points, 1, 1.0, bx, by, _STAYS)
    n = 2
    across, down = bx - ax, by - ay
    if across == 0 and down == 0:
        return n
    before = len(x_b) - 1
    for k in range(len(x_b)):
        cx, cy, dx, dy = (
            np.int64(x_b[before]),
            np.int64(y_b[before]),
            np.int64(x_b[k]),
            np.int64(y_b[k]),
        )
        before = k
        if max(cx, dx) < min(ax, bx) or min(cx, dx) > max(ax, bx):
            continue
        if max(cy, dy) < min(ay, by) or min(cy, dy) > max(ay, by):
            continue
        side_c = across * (cy - ay) - down * (cx - ax)
        side_d = across * (dy - ay) - down * (dx - ax)
        if side_d == 0:
            share = ((dx - ax) * across + (dy - ay) * down) / (across * across + down * down)
            if 0 < share < 1:
                _set_point(points, n, share, dx, dy, _STAYS)
                n += 1
            continue
        if side_c == 0 or (side_c > 0) == (side_d > 0):
            continue
        side_a = (dx - cx) * (ay - cy) - (dy - cy) * (ax - cx)
        side_b = (dx - cx) * (by - cy) - (dy - cy) * (bx - cx)
        if side_a == 0 or side_b == 0 or (side_a > 0) == (side_b > 0):
            continue
        share = side_a / (side_a - side_b)
        way = _ENTERS if side_b > 0 else _LEAVES
        _set_point(points, n, share, ax + share * across, ay + share * down, way)
        n += 1
    return n


@compiled(nogil=True)
def _set_point(points: Any, n: int, share: Any, x: Any, y: Any, way: float) -> None:
    points[n, _SHARE], points[n, _X], points[n, _Y] = share, x, y
    points[n, _ROUND_X], points[n, _ROUND_Y] = _round(x), _round(y)
    points[n, _WAY] = way


@compiled(nogil=True)
def _round(value: float) -> Any:
    """Round to the nearest whole number, halves away from zero."""
    return np.floor(value + 0.5) if value >= 0 else np.ceil(value - 0.5)
