"""Distances of a mask's pixels from the background, as ImageJ's distance map has them.

ImageJ (public domain; *Process › Binary*) looks for the nearest background pixel by passing the
nearest pixels found so far from neighbour to neighbour, twice down and up the rows: the sequential
algorithm of Leymarie and Levine, "Fast raster scan distance propagation on the discrete
rectangular lattice", CVGIP 55 (1992). In rare places the result is larger than the exact distance,
and a watershed notices; so no exact transform takes its place.
"""

# numba's decorators carry no types
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.files.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

FARTHEST = np.float32(np.sqrt(np.float32(2**31 - 1)))
"""Distance in a mask that has no background at all."""


def distance_map(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return each pixel's distance from the nearest background pixel.

    The border of the image is no background.

    Args:
        mask: (height, width), true in objects.

    Returns:
        (height, width) distances between pixel centres, in pixels; 0 in the background.

    >>> distance_map(np.array([[False, True, True, True]])).tolist()
    [[0.0, 1.0, 2.0, 3.0]]
    """
    squares = np.zeros(mask.shape, np.int32)
    _measure_squares(np.ascontiguousarray(mask), squares)
    distances: NDArray[np.float32] = np.sqrt(squares.astype(np.float32))
    return distances


@compiled()
def _measure_squares(mask: Any, squares: Any) -> None:
    """Fill in the squared distances of a mask's pixels."""
    height, width = mask.shape
    unknown = 2**31 - 1
    for y in range(height):
        for x in range(width):
            squares[y, x] = unknown if mask[y, x] else 0
    nearest = np.empty((2, width, 2), np.int64)  # the nearest background pixel, by direction
    for down in range(2):
        nearest[:] = -1
        for row in range(height):
            y = row if down == 0 else height - 1 - row
            for back in range(2):
                _pass_row(mask[y], squares[y], nearest[back], y, back == 1)


@compiled()
def _pass_row(mask: Any, squares: Any, nearest: Any, y: int, is_back: bool) -> None:
    """Pass the nearest background pixels along a row, in one direction."""
    width = len(mask)
    y_before, x_before = -1, -1  # what was nearest to the pixel before, in this row
    y_corner, x_corner = -1, -1  # and in the row that came before
    for step in range(width):
        x = width - 1 - step if is_back else step
        y_above, x_above = nearest[x, 0], nearest[x, 1]
        if not mask[x]:
            nearest[x, 0], nearest[x, 1] = y, x
        else:
            least = 2**31 - 1
            y_best, x_best = y_above, x_above
            if y_above >= 0:
                square = (x - x_above) ** 2 + (y - y_above) ** 2
                least = min(least, square)
            if y_corner >= 0 and (y_corner != y_above or x_corner != x_above):
                square = (x - x_corner) ** 2 + (y - y_corner) ** 2
                if square < least:
                    least, y_best, x_best = square, y_corner, x_corner
            if y_before >= 0 and (y_before != y_corner or x_before != x_corner):
                square = (x - x_before) ** 2 + (y - y_before) ** 2
                if square < least:
                    least, y_best, x_best = square, y_before, x_before
            nearest[x, 0], nearest[x, 1] = y_best, x_best
            squares[x] = min(squares[x], least)
        y_corner, x_corner = y_above, x_above
        y_before, x_before = nearest[x, 0], nearest[x, 1]
