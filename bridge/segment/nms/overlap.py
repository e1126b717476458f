"""Overlap of two outlines on whole pixels: bounds first, then the exact area.

No step decides whether two edges touch, so that shared corners and edges, which whole pixels bring
about all the time, need no care: the area is the integral, row by row, of the width that both
outlines have in common.
"""

# numba's decorators carry no types
# mypy: disallow-untyped-decorators=False

from __future__ import annotations

from typing import Any

import numpy as np

from bridge.files.compiled import compiled
from bridge.segment.nms.outline import (
    BOTTOM,
    DIFF_HIGH,
    DIFF_LOW,
    LEFT,
    PLAIN,
    RIGHT,
    SUM_HIGH,
    SUM_LOW,
    TOP,
)


@compiled(nogil=True)
def bound_overlap_by_boxes(a: Any, b: Any) -> Any:
    """Return the area that two bounding boxes share: no overlap is larger."""
    width = min(a[RIGHT], b[RIGHT]) - max(a[LEFT], b[LEFT])
    height = min(a[BOTTOM], b[BOTTOM]) - max(a[TOP], b[TOP])
    return np.float64(width) * np.float64(height) if width > 0 and height > 0 else 0.0


@compiled(nogil=True)
def bound_union(a: Any, b: Any) -> Any:
    """Return the area of the octagon around two frames: their union is not larger."""
    left, right = np.float64(min(a[LEFT], b[LEFT])), np.float64(max(a[RIGHT], b[RIGHT]))
    top, bottom = np.float64(min(a[TOP], b[TOP])), np.float64(max(a[BOTTOM], b[BOTTOM]))
    corner_0 = right + bottom - max(a[SUM_HIGH], b[SUM_HIGH])
    corner_1 = min(a[SUM_LOW], b[SUM_LOW]) - left - top
    corner_2 = right - top - max(a[DIFF_HIGH], b[DIFF_HIGH])
    corner_3 = min(a[DIFF_LOW], b[DIFF_LOW]) - left + bottom
    corners = corner_0**2 + corner_1**2 + corner_2**2 + corner_3**2
    return (right - left) * (bottom - top) - 0.5 * corners


@compiled(nogil=True)
def bound_overlap_by_rows(
    table: Any, kind: Any, start: int, table_b: Any, kind_b: Any, start_b: int, rows: int
) -> Any:
    """Return the smallest and the largest overlap that rows of two tables allow."""
    least, most = 0.0, 0.0
    for row in range(rows):
        i, j = start + row, start_b + row
        above = min(table[2, i], table_b[2, j]) - max(table[0, i], table_b[0, j])
        below = min(table[3, i], table_b[3, j]) - max(table[1, i], table_b[1, j])
        plain = (kind[i] == PLAIN) & (kind_b[j] == PLAIN)
        # The common width is a concave function of y, which lies above its chord.
        least += above + below if plain & (above >= 0) & (below >= 0) else 0.0
        right = min(max(table[2, i], table[3, i]), max(table_b[2, j], table_b[3, j]))
        left = max(min(table[0, i], table[1, i]), min(table_b[0, j], table_b[1, j]))
        most += max(right - left, 0.0)
    return 0.5 * least, most


@compiled(nogil=True)
def compute_row_overlap(table: Any, i: int, table_b: Any, j: int) -> Any:
    """Return the area that two outlines share in a row that is plain in both."""
    cuts = (
        _find_crossing(table[0, i] - table_b[0, j], table[1, i] - table_b[1, j]),
        _find_crossing(table[2, i] - table_b[2, j], table[3, i] - table_b[3, j]),
    )
    first, second = min(cuts[0], cuts[1]), max(cuts[0], cuts[1])
    area = _integrate(table, i, table_b, j, 0.0, first)
    if first < 1.0:
        area += _integrate(table, i, table_b, j, first, second)
    if second < 1.0:
        area += _integrate(table, i, table_b, j, second, 1.0)
    return area


@compiled(nogil=True)
def _find_crossing(above: float, below: float) -> Any:
    """Return where a linear function from ``above`` to ``below`` is zero, 0 to 1; 1 if nowhere."""
    return above / (above - below) if above * below < 0 else 1.0


@compiled(nogil=True)
def _integrate(table: Any, i: int, table_b: Any, j: int, start: float, stop: float) -> Any:
    """Integrate the common width from start to stop, between which no edges of a side cross."""
    middle = 0.5 * (start + stop)
    left = _inner_edge(table[0, i], table[1, i], table_b[0, j], table_b[1, j], middle, 1.0)
    right = _inner_edge(table[2, i], table[3, i], table_b[2, j], table_b[3, j], middle, -1.0)
    above = right[0] + (right[1] - right[0]) * start - left[0] - (left[1] - left[0]) * start
    below = right[0] + (right[1] - right[0]) * stop - left[0] - (left[1] - left[0]) * stop
    if above >= 0 and below >= 0:
        return 0.5 * (above + below) * (stop - start)
    if above <= 0 and below <= 0:
        return 0.0
    widest = max(above, below)
    return 0.5 * widest * widest / (abs(above) + abs(below)) * (stop - start)


@compiled(nogil=True)
def _inner_edge(a0: float, a1: float, b0: float, b1: float, at: float, sign: float) -> Any:
    """Return the edge of two that is further right (sign 1) or left (sign -1) at a height."""
    if sign * (a0 + (a1 - a0) * at - b0 - (b1 - b0) * at) >= 0:
        return a0, a1
    return b0, b1


@compiled(nogil=True)
def compute_overlap(x: Any, y: Any, x_b: Any, y_b: Any, top: int, bottom: int) -> Any:
    """Return the area that two outlines share between two rows, whatever their shape.

    An outline that crosses itself holds what it winds around at all (the non-zero rule).
    """
    heights = np.empty(2 * len(x) + 2, np.int64)
    heights[0], heights[1] = top, bottom
    used = 2
    for k in range(len(x)):
        if top < y[k] < bottom:
            heights[used] = y[k]
            used += 1
        if top < y_b[k] < bottom:
            heights[used] = y_b[k]
            used += 1
    order = argsort_few(heights[:used])
    area = 0.0
    for k in range(used - 1):
        upper, lower = heights[order[k]], heights[order[k + 1]]
        if lower > upper:
            area += compute_slab_overlap(x, y, x_b, y_b, upper, lower)
    return area


@compiled(nogil=True)
def compute_slab_overlap(x: Any, y: Any, x_b: Any, y_b: Any, top: int, bottom: int) -> Any:
    """Return the area that two outlines share between heights without a vertex between them."""
    n = len(x)
    ends = np.empty((2, 2 * n))  # x of an edge at the top and the bottom
    turns = np.zeros((2, 2 * n), np.int64)  # +1 downwards, -1 upwards, for either outline
    first = _find_edges(x, y, top, bottom, 0, ends, turns, 0)
    edges = _find_edges(x_b, y_b, top, bottom, 1, ends, turns, first)
    if first in (0, edges):
        return 0.0
    cuts = np.empty(edges * (edges - 1) // 2 + 2)
    cuts[0], cuts[1] = 0.0, 1.0
    used = 2
    for i in range(edges):
        for j in range(i):
            cut = _find_crossing(ends[0, i] - ends[0, j], ends[1, i] - ends[1, j])
            if cut < 1.0:
                cuts[used] = cut
                used += 1
    sequence = argsort_few(cuts[:used])
    area = 0.0
    at = np.empty(edges)
    for k in range(used - 1):
        start, stop = cuts[sequence[k]], cuts[sequence[k + 1]]
        for i in range(edges):
            at[i] = ends[0, i] + (ends[1, i] - ends[0, i]) * 0.5 * (start + stop)
        order = argsort_few(at)
        around, around_b, width = 0, 0, 0.0
        for i in range(edges):
            edge = order[i]
            if around != 0 and around_b != 0:
                width += at[edge] - at[order[i - 1]]
            around += turns[0, edge]
            around_b += turns[1, edge]
        area += width * (stop - start)
    return area * (bottom - top)


@compiled(nogil=True)
def _find_edges(
    x: Any, y: Any, top: int, bottom: int, owner: int, ends: Any, turns: Any, used: int
) -> int:
    before = len(x) - 1
    for k in range(len(x)):
        y0, y1 = np.int64(y[before]), np.int64(y[k])
        if y0 != y1 and min(y0, y1) <= top and max(y0, y1) >= bottom:
            slope = (np.float64(x[k]) - x[before]) / (y1 - y0)
            ends[0, used] = x[before] + (top - y0) * slope
            ends[1, used] = x[before] + (bottom - y0) * slope
            turns[owner, used] = 1 if y1 > y0 else -1
            turns[1 - owner, used] = 0
            used += 1
        before = k
    return used


@compiled(nogil=True)
def argsort_few(values: Any) -> Any:
    """Sort a few values by insertion: numba's own sorting takes seconds to compile."""
    order = np.arange(len(values))
    for i in range(1, len(values)):
        moved, j = order[i], i
        while j > 0 and values[order[j - 1]] > values[moved]:
            order[j] = order[j - 1]
            j -= 1
        order[j] = moved
    return order
