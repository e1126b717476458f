"""Maxima of a distance map that stand for an object each, as ImageJ finds them.

A maximum counts where one has to go down by more than a tolerance to come to a higher one. Heights
are those of the ridges *between* the pixels, which the map of a discrete mask misses by up to half
a diagonal. Source: the behaviour of ImageJ's *Find Maxima* on distance maps (public domain).
"""

# numba's decorators carry no types
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.files.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOLERANCE = np.float32(0.5)
"""Pixels by which a maximum must rise above the pass to a higher one."""

LOCAL = np.uint8(1)
LISTED = np.uint8(2)
PROCESSED = np.uint8(4)
SUMMIT = np.uint8(8)
FLATTENED = np.uint8(16)
"""Marks of pixels: a local maximum; in the list at hand; dealt with; within the tolerance of a
maximum that counts; no maximum any more."""

_DIAGONAL = np.float32(np.sqrt(2))
_SORTING_ERROR = np.float32(1.1) * (_DIAGONAL / np.float32(2))
_SORTED_RANGE = 2e9  # to which heights are scaled before they are sorted as whole numbers

DY = np.array([-1, -1, 0, 1, 1, 1, 0, -1])
DX = np.array([0, 1, 1, 1, 0, -1, -1, -1])
"""The eight neighbours, clockwise from above."""


def find_maxima(distances: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Find the maxima of a distance map.

    Args:
        distances: (height, width), from :func:`.distance.distance_map`.

    Returns:
        The marks of the pixels (height, width), and the flat indices of all local maxima by
        ascending height. Maxima that count are marked :data:`SUMMIT`, with all that is within the
        tolerance of them.
    """
    heights = np.empty_like(distances)
    marks = np.zeros(distances.shape, np.uint8)
    _measure_ridges(distances, heights)
    _mark_local_maxima(distances, heights, marks)
    order = _sort_by_height(heights, marks, distances)
    _mark_summits(distances, heights, marks, order)
    return marks, order


def _sort_by_height(
    heights: NDArray[np.float32], marks: NDArray[np.uint8], distances: NDArray[np.float32]
) -> NDArray[np.int64]:
    """Return the flat indices of the local maxima by height, of equal ones by place."""
    places = np.flatnonzero(marks.ravel() == LOCAL)
    low, high = distances.min(), distances.max()
    scale = np.float32(_SORTED_RANGE / max(float(high - low), 1e-30))
    scaled = ((heights.ravel()[places] - low) * scale).astype(np.float64)
    whole = np.minimum(scaled, 2**31 - 1).astype(np.int64)
    order: NDArray[np.int64] = places[np.argsort(whole, kind="stable")]
    return order


@compiled()
def _measure_ridges(distances: Any, heights: Any) -> None:
    """Fill in the heights of the ridges that run between pixels."""
    height, width = distances.shape
    for y in range(height):
        for x in range(width):
            here = distances[y, x]
            heights[y, x] = here
            if here == 0 or y == 0 or x == 0 or y == height - 1 or x == width - 1:
                continue
            best = here + np.float32(0.5) * _DIAGONAL
            is_ridge = False
            for d in range(4):
                a = distances[y + DY[d], x + DX[d]]
                b = distances[y + DY[d + 4], x + DX[d + 4]]
                if here >= a and here >= b:
                    is_ridge = True
                    limit = (a + b) / np.float32(2)
                else:
                    limit = min(a, b)
                limit += np.float32(1) if d % 2 == 0 else _DIAGONAL
                best = min(best, limit)
            if is_ridge:
                heights[y, x] = best


@compiled()
def _mark_local_maxima(distances: Any, heights: Any, marks: Any) -> None:
    """Mark pixels without a neighbour that is higher, both as measured and by its ridge."""
    height, width = distances.shape
    low = distances.min()
    for y in range(height):
        for x in range(width):
            if distances[y, x] == low:
                continue
            is_maximum = True
            for d in range(8):
                y2, x2 = y + DY[d], x + DX[d]
                if (
                    0 <= y2 < height
                    and 0 <= x2 < width
                    and distances[y2, x2] > distances[y, x]
                    and heights[y2, x2] > heights[y, x]
                ):
                    is_maximum = False
                    break
            if is_maximum:
                marks[y, x] = LOCAL


@compiled()
def _mark_summits(distances: Any, heights: Any, marks: Any, order: Any) -> None:
    """Mark what lies within the tolerance of each maximum that counts, from the highest down."""
    height, width = distances.shape
    flat_marks, flat_heights = marks.ravel(), heights.ravel()
    listed = np.empty(height * width, np.int64)
    for k in range(len(order) - 1, -1, -1):
        start = order[k]
        if flat_marks[start] & PROCESSED:
            continue
        top = flat_heights[start]
        while True:  # again from a higher pixel, where sorting was not exact
            listed[0] = start
            flat_marks[start] |= LISTED
            count, at = 1, 0
            counts, was_higher = True, False
            while at < count:
                y, x = divmod(listed[at], width)
                for d in range(8):
                    y2, x2 = y + DY[d], x + DX[d]
                    if not (0 <= y2 < height and 0 <= x2 < width):
                        continue
                    place = y2 * width + x2
                    if flat_marks[place] & LISTED or distances[y2, x2] <= 0:
                        continue
                    if flat_marks[place] & PROCESSED:
                        counts = False
                        break
                    there = flat_heights[place]
                    if there > top + _SORTING_ERROR:
                        counts = False
                        break
                    if there >= top - TOLERANCE:
                        if there > top:
                            was_higher = True
                            start, top = place, there
                        listed[count] = place
                        count += 1
                        flat_marks[place] |= LISTED
                at += 1
            if was_higher:
                for i in range(count):
                    flat_marks[listed[i]] = 0
                continue
            for i in range(count):
                mark = (flat_marks[listed[i]] & ~LISTED) | PROCESSED
                flat_marks[listed[i]] = mark | SUMMIT if counts else mark
            break
