"""Rings around objects: each pixel goes to the nearest object, none into a neighbour."""

# numba's decorators carry no types
# mypy: disallow-untyped-decorators=False

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from bridge.files.compiled import compiled

_FAR = 2**30
_COLUMNS = 512  # that a thread takes at a time


def expand(
    plane: NDArray[np.int32], width: float, scale: tuple[float, float] = (1.0, 1.0)
) -> NDArray[np.int32]:
    """Let every object grow into the background, as far as its neighbours leave room.

    A background pixel joins the object to whose nearest pixel it has the least Euclidean distance,
    centre to centre, if that is at most ``width``; of several at the same distance the one with
    the lowest number. Two passes, along columns and along rows (Meijster, Roerdink, Hesselink
    2000), the second one no farther than ``width``: linear in pixels for a given ring.

    Args:
        plane: (height, width) int32 of objects numbered from 1, 0 is background.
        width: of the ring, above 0, in units of ``scale``.
        scale: length of a pixel along y and x.

    Returns:
        A new plane; pixels of objects are as before.
    """
    scale_y, scale_x = scale
    # In units of a column, distances in square pixels are whole numbers and ties are exact.
    ratio, reach = scale_y / scale_x, width / scale_x
    plane = np.ascontiguousarray(plane)
    gap, nearest = _along_columns(plane)
    # 0.3 µm of 0.1 µm pixels are 3 pixels, whatever floats make of it.
    grown: NDArray[np.int32] = _along_rows(plane, gap, nearest, reach**2 * (1 + 1e-9), ratio)
    return grown


@compiled(parallel=True)
def _along_columns(plane: Any) -> Any:
    """Return the rows to the nearest object pixel of the same column, and its number."""
    height, width = plane.shape
    gap = np.full((height, width), _FAR, np.int32)
    nearest = plane.copy()
    blocks = (width + _COLUMNS - 1) // _COLUMNS
    for block in numba.prange(blocks):
        first = block * _COLUMNS
        last = min(first + _COLUMNS, width)
        for x in range(first, last):
            gap[0, x] = 0 if plane[0, x] > 0 else _FAR
        for y in range(1, height):
            for x in range(first, last):
                if plane[y, x] > 0:
                    gap[y, x] = 0
                elif nearest[y - 1, x] > 0:
                    gap[y, x] = gap[y - 1, x] + 1
                    nearest[y, x] = nearest[y - 1, x]
        below = np.zeros(last - first, np.int32)
        rows = np.zeros(last - first, np.int32)
        for y in range(height - 1, -1, -1):
            for k in range(last - first):
                x = first + k
                rows[k] += 1
                if plane[y, x] > 0:
                    below[k], rows[k] = plane[y, x], 0
                elif below[k] > 0 and (
                    rows[k] < gap[y, x] or (rows[k] == gap[y, x] and below[k] < nearest[y, x])
                ):
                    gap[y, x], nearest[y, x] = rows[k], below[k]
    return gap, nearest


@compiled(parallel=True)
def _along_rows(plane: Any, gap: Any, nearest: Any, limit: float, ratio: float) -> Any:
    height, width = plane.shape
    grown = plane.copy()
    for y in numba.prange(height):
        for x in range(width):
            if plane[y, x] > 0:
                continue
            best, winner = limit, np.int32(0)
            step = 0
            while step < width and step * step <= best:
                for side in range(2 if step else 1):
                    at = x - step if side == 0 else x + step
                    if at < 0 or at >= width or nearest[y, at] == 0:
                        continue
                    rise = gap[y, at] * ratio
                    distance = step * step + rise * rise
                    if distance < best or (
                        distance == best and (winner == 0 or nearest[y, at] < winner)
                    ):
                        best, winner = distance, nearest[y, at]
                step += 1
            grown[y, x] = winner
    return grown
