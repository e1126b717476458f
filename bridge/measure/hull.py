"""Convex hulls of objects in whole numbers: the convex area and the largest and smallest Feret.

A pixel stands for the four middles of its edges, the "offset coordinates" of
``skimage.morphology.convex_hull_image``. In coordinates of half a pixel these are whole numbers, so
that no pixel is on the wrong side of the hull by rounding.
"""

# numba's decorators carry no types
# mypy: disallow-untyped-decorators=False

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from bridge.files.compiled import compiled
from bridge.measure.pixels import PixelLists

_NOWHERE = np.int64(2**40)


def convex_hulls(
    pixels: PixelLists, scale: tuple[float, float]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Compute the hull of every object.

    The convex image holds the pixels whose centres are in, or on the edge of, the hull of the
    object's pixels (each as the middles of its four edges), as in
    ``skimage.morphology.convex_hull_image``. Feret diameters are those of the hull of the convex
    image, whose corners are edge middles again: the largest is scikit-image's
    ``feret_diameter_max``; the smallest is the least distance of two parallel lines around the
    same hull. The hull is made by Andrew's monotone chain (1979), the diameters by rotating
    calipers (Shamos 1978, Toussaint 1983).

    Args:
        pixels: n objects.
        scale: length of a pixel along y and x.

    Returns:
        n areas of the convex images in pixels, n largest and n smallest Feret diameters in units
        of ``scale``; 0 and NaN for objects without pixels.
    """
    area, largest, smallest = _all_hulls(
        pixels.starts, pixels.positions, pixels.shape[1], float(scale[0]), float(scale[1])
    )
    return area, largest, smallest


@compiled(parallel=True)
def _all_hulls(starts: Any, positions: Any, width: int, scale_y: float, scale_x: float) -> Any:
    n = len(starts) - 1
    area = np.zeros(n, np.int64)
    largest = np.full(n, np.nan)
    smallest = np.full(n, np.nan)
    for i in numba.prange(n):
        if starts[i + 1] > starts[i]:
            area[i], largest[i], smallest[i] = _one_hull(
                positions[starts[i] : starts[i + 1]], width, scale_y, scale_x
            )
    return area, largest, smallest


@compiled()
def _one_hull(positions: Any, width: int, scale_y: float, scale_x: float) -> Any:
    top = positions[0] // width
    rows = positions[-1] // width - top + 1
    left = np.full(rows, _NOWHERE)
    right = np.full(rows, -_NOWHERE)
    row, start = 0, top * width
    for position in positions:
        while position - start >= width:  # counting on is faster than dividing
            row, start = row + 1, start + width
        column = position - start
        left[row] = min(left[row], column)
        right[row] = max(right[row], column)

    # Sides of the hull: at each half row the leftmost, and the negative of the rightmost, point.
    near, far = _sides(left, right)
    chain = np.empty(len(near), np.int64)
    used = _lower_chain(near, chain)
    _fill_rows(near, chain[:used], left)
    used = _lower_chain(far, chain)
    _fill_rows(far, chain[:used], right)
    area = 0
    for row in range(rows):
        right[row] = -right[row]
        if right[row] >= left[row]:
            area += right[row] - left[row] + 1
        else:  # the hull is so thin that it holds no pixel centre of this row
            left[row], right[row] = _NOWHERE, -_NOWHERE

    near, far = _sides(left, right)
    x = np.empty(2 * len(near), np.int64)
    y = np.empty(2 * len(near), np.int64)
    corners = 0
    used = _lower_chain(near, chain)
    for k in range(used):
        x[corners], y[corners] = near[chain[k]], chain[k]
        corners += 1
    used = _lower_chain(far, chain)
    for k in range(used - 1, -1, -1):
        at_x, at_y = -far[chain[k]], chain[k]
        # The first and last half row may be a single point, which the left side has already.
        if (at_x == x[corners - 1] and at_y == y[corners - 1]) or (at_x == x[0] and at_y == y[0]):
            continue
        x[corners], y[corners] = at_x, at_y
        corners += 1
    longest, narrowest = _calipers(x, y, corners, scale_y, scale_x)
    return area, longest, narrowest


@compiled()
def _sides(left: Any, right: Any) -> Any:
    """Return the extent of the edge middles in half pixels, for each half row downwards."""
    size = 2 * len(left) + 1
    near = np.full(size, _NOWHERE)
    far = np.full(size, _NOWHERE)
    for row in range(len(left)):
        if left[row] > right[row]:
            continue
        middle = 2 * row + 1
        near[middle] = min(near[middle], 2 * left[row] - 1)
        far[middle] = min(far[middle], -2 * right[row] - 1)
        for at in (middle - 1, middle + 1):
            near[at] = min(near[at], 2 * left[row])
            far[at] = min(far[at], -2 * right[row])
    return near, far


@compiled()
def _lower_chain(values: Any, chain: Any) -> int:
    """Return indices of the corners of the lower convex envelope of values over their indices."""
    used = 0
    for c in range(len(values)):
        if values[c] == _NOWHERE:
            continue
        while used > 1:
            a, b = chain[used - 2], chain[used - 1]
            if (values[b] - values[a]) * (c - a) < (values[c] - values[a]) * (b - a):
                break
            used -= 1
        chain[used] = c
        used += 1
    return used


@compiled()
def _fill_rows(values: Any, chain: Any, out: Any) -> None:
    """Compute for each row the least whole number of pixels that is not below the envelope."""
    segment = 0
    for row in range(len(out)):
        at = 2 * row + 1
        while chain[segment + 1] < at:
            segment += 1
        a, b = chain[segment], chain[segment + 1]
        numerator = values[a] * (b - a) + (values[b] - values[a]) * (at - a)
        out[row] = -((-numerator) // (2 * (b - a)))


@compiled()
def _calipers(x: Any, y: Any, corners: int, scale_y: float, scale_x: float) -> Any:
    """Return the largest and smallest diameter of a strictly convex polygon in half pixels."""
    longest = 0.0
    narrowest = np.inf
    j = 1
    for i in range(corners):
        k = (i + 1) % corners
        edge_x, edge_y = x[k] - x[i], y[k] - y[i]
        height = abs(edge_x * (y[j] - y[i]) - edge_y * (x[j] - x[i]))
        while True:
            following = (j + 1) % corners
            higher = abs(edge_x * (y[following] - y[i]) - edge_y * (x[following] - x[i]))
            if higher <= height:
                break
            j, height = following, higher
        length = np.hypot(edge_x * scale_x, edge_y * scale_y)
        narrowest = min(narrowest, height * scale_x * scale_y / length)
        # Where the far edge is parallel, its other end may be the farther one.
        for a in (i, k):
            for b in (j, (j + 1) % corners):
                longest = max(longest, np.hypot((x[a] - x[b]) * scale_x, (y[a] - y[b]) * scale_y))
    return longest / 2, narrowest / 2
