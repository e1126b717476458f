"""A candidate's outline as StarDist's suppression takes it: its vertices cut to whole pixels.

Everything here is compiled and works on one outline at a time: vertices ``x`` and ``y`` (rays,)
int32, pixel-centre, in the order of the rays.
"""

# numba's decorators carry no types
# mypy: disallow-untyped-decorators=False

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.files.compiled import compiled

MOST_ROWS = 256
"""Outlines higher than this many rows have no row table."""

LONGEST_RAY = 2.0**24
"""Pixels; a longer one describes no object. float32 counts whole pixels up to here."""

ABSENT, PLAIN, TANGLED = 0, 2, 3
"""Kinds of a table's row: nothing, one left and one right edge, or anything else."""

# Places in the frame of an outline.
LEFT, RIGHT, TOP, BOTTOM, SUM_LOW, SUM_HIGH, DIFF_LOW, DIFF_HIGH = range(8)


def ray_directions(rays: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return sine and cosine of every ray's angle, in the float32 steps that StarDist takes."""
    step = np.float32(2 * np.pi / rays)
    angles = (step * np.arange(rays, dtype=np.float32)).astype(np.float64)
    return np.sin(angles).astype(np.float32), np.cos(angles).astype(np.float32)


@compiled(nogil=True)
def compute_vertices(dist: Any, point: Any, sin: Any, cos: Any, x: Any, y: Any) -> None:
    """Compute the vertices of a candidate, in float32 and cut towards zero, as StarDist does."""
    centre_y, centre_x = np.float32(point[0]), np.float32(point[1])
    for k in range(len(dist)):
        x[k] = np.int32(centre_x + dist[k] * cos[k])
        y[k] = np.int32(centre_y + dist[k] * sin[k])


@compiled(nogil=True)
def compute_frame(x: Any, y: Any, frame: Any) -> None:
    """Compute the octagon around an outline: extents along x, y, x + y and x - y."""
    low_x, high_x, low_y, high_y = x[0], x[0], y[0], y[0]
    low_sum, high_sum, low_diff, high_diff = x[0] + y[0], x[0] + y[0], x[0] - y[0], x[0] - y[0]
    for k in range(1, len(x)):
        low_x, high_x = min(low_x, x[k]), max(high_x, x[k])
        low_y, high_y = min(low_y, y[k]), max(high_y, y[k])
        low_sum, high_sum = min(low_sum, x[k] + y[k]), max(high_sum, x[k] + y[k])
        low_diff, high_diff = min(low_diff, x[k] - y[k]), max(high_diff, x[k] - y[k])
    frame[LEFT], frame[RIGHT], frame[TOP], frame[BOTTOM] = low_x, high_x, low_y, high_y
    frame[SUM_LOW], frame[SUM_HIGH] = low_sum, high_sum
    frame[DIFF_LOW], frame[DIFF_HIGH] = low_diff, high_diff


# The terms are whole numbers, so that they may be added in any order.
@compiled(nogil=True, fastmath={"reassoc"})
def compute_area(x: Any, y: Any, point: Any) -> Any:
    """Return the area by the shoelace formula, and whether the centre sees the whole outline.

    Where no vertex turns back around the centre, the outline does not cross itself, and the area
    is that of the pixels inside.
    """
    centre_y, centre_x = np.float64(point[0]), np.float64(point[1])
    n = len(x)
    last_x, last_y = x[n - 1] - centre_x, y[n - 1] - centre_y
    first = last_x * (y[0] - centre_y) - last_y * (x[0] - centre_x)
    doubled = first
    back = 1 if first < 0 else 0
    for k in range(n - 1):
        turn = (x[k] - centre_x) * (y[k + 1] - centre_y) - (y[k] - centre_y) * (x[k + 1] - centre_x)
        doubled += turn
        back += 1 if turn < 0 else 0
    return abs(doubled) * 0.5, back == 0


@compiled(nogil=True)
def fill_table(x: Any, y: Any, top: int, rows: int, table: Any, kind: Any) -> None:
    """Fill a table with where the edges of an outline run, one row of pixels after another.

    Vertices lie on whole rows, so that within a row every edge is one straight line. Of a plain
    row the table holds x of the left edge at the row's upper and lower end, then of the right
    edge; of a tangled row, the least and the largest x, each twice.

    Args:
        x: vertices.
        y: likewise.
        top: the first row.
        rows: height of the outline.
        table: (4, at least rows) float64 to fill.
        kind: (at least rows,) uint8 to fill with ABSENT, PLAIN or TANGLED.
    """
    for row in range(rows):
        kind[row] = ABSENT
    before = len(x) - 1
    for k in range(len(x)):
        y0, y1 = np.int64(y[before]), np.int64(y[k])
        x0, x1 = np.float64(x[before]), np.float64(x[k])
        before = k
        if y0 == y1:
            continue
        if y0 > y1:
            x0, y0, x1, y1 = x1, y1, x0, y0
        slope = (x1 - x0) / (y1 - y0)
        upper = x0
        for step in range(y1 - y0):
            at = step + y0 - top
            lower = x0 + (step + 1) * slope
            if kind[at] == 0:
                table[0, at], table[1, at] = upper, lower
                kind[at] = 1
            elif kind[at] == 1:
                table[2, at], table[3, at] = upper, lower
                kind[at] = PLAIN
            else:
                if kind[at] == PLAIN:
                    _tangle(table, kind, at)
                table[0, at] = min(table[0, at], upper, lower)
                table[2, at] = max(table[2, at], upper, lower)
            upper = lower
    for row in range(rows):
        if kind[row] == PLAIN:
            above, below = table[2, row] - table[0, row], table[3, row] - table[1, row]
            if (above > 0 and below < 0) or (above < 0 and below > 0):
                _tangle(table, kind, row)
            elif above < 0 or below < 0:
                table[0, row], table[2, row] = table[2, row], table[0, row]
                table[1, row], table[3, row] = table[3, row], table[1, row]
        if kind[row] == TANGLED:
            table[1, row], table[3, row] = table[0, row], table[2, row]


@compiled(nogil=True)
def _tangle(table: Any, kind: Any, row: Any) -> None:
    a, b, c, d = table[0, row], table[1, row], table[2, row], table[3, row]
    table[0, row], table[2, row] = min(a, b, c, d), max(a, b, c, d)
    kind[row] = TANGLED
