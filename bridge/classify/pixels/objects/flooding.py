"""A distance map flooded from its maxima, until only the lines between the basins are left.

Source: the behaviour of ImageJ's *Watershed* (public domain): distances become whole levels; maxima
that do not count are cut off at the pass to a higher one; then the basins grow level by level, in
eight directions one after another, and never into a pixel where two of them would meet.
"""

# numba's decorators carry no types
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.classify.pixels.objects.maxima import DX, DY, FLATTENED, LISTED, SUMMIT
from bridge.files.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BASIN = 255
_HIGHEST = 254
_DIRECTIONS = np.array([7, 3, 1, 5, 0, 4, 2, 6])  # diagonal ones first


def levels_of(distances: NDArray[np.float32], marks: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a distance map in levels: 0 background, 1 to 254, 255 in the maxima that count."""
    lowest, highest = 1.0, float(distances.max(initial=0))
    step = min(1.0, 253 / (highest - lowest)) if highest > lowest else 1.0
    # a shift by nearly half a level: all that is higher than the lowest is at least one level up
    base = lowest - (highest - lowest) * (1 / 253 / 2 - 1e-6)
    levels = 1 + np.floor((distances.astype(np.float64) - base) * step + 0.5)
    levels = np.clip(levels, 1, _HIGHEST)
    levels[distances < 0.5] = 0
    levels[((marks & SUMMIT) > 0) & (distances >= 0.5)] = _BASIN
    whole: NDArray[np.uint8] = levels.astype(np.uint8)
    return whole


def flood(
    levels: NDArray[np.uint8], marks: NDArray[np.uint8], maxima: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return the basins of the maxima; what is left of the mask are the lines between them.

    Args:
        levels: (height, width) from :func:`levels_of`; changed.
        marks: of the pixels, from :func:`bridge.classify.pixels.objects.maxima.find_maxima`;
            changed.
        maxima: flat indices of all local maxima by ascending height.

    Returns:
        (height, width), true in basins.
    """
    _flatten(levels, marks, maxima)
    _grow(levels, _growth_table())
    basins: NDArray[np.bool_] = levels == _BASIN
    return basins


@compiled()
def _flatten(levels: Any, marks: Any, maxima: Any) -> None:
    """Cut maxima that do not count down to the level of the pass to one that does."""
    height, width = levels.shape
    flat_levels, flat_marks = levels.ravel(), marks.ravel()
    listed = np.empty(height * width, np.int64)
    for k in range(len(maxima) - 1, -1, -1):
        start = maxima[k]
        if flat_marks[start] & (SUMMIT | FLATTENED):
            continue
        level = np.int64(flat_levels[start]) + 1
        listed[0] = start
        flat_marks[start] |= LISTED
        count, above = 1, 1
        is_pass = False
        while not is_pass and level > 0:
            level -= 1
            above = count
            at = 0
            while at < count and not is_pass:
                y, x = divmod(listed[at], width)
                for d in range(8):
                    y2, x2 = y + DY[d], x + DX[d]
                    if not (0 <= y2 < height and 0 <= x2 < width):
                        continue
                    place = y2 * width + x2
                    mark = flat_marks[place]
                    if mark & LISTED:
                        continue
                    is_high = flat_levels[place] >= level
                    if mark & SUMMIT or (mark & FLATTENED and is_high):
                        is_pass = True
                        break
                    if is_high and not mark & FLATTENED:
                        listed[count] = place
                        count += 1
                        flat_marks[place] |= LISTED
                at += 1
        for i in range(count):
            flat_marks[listed[i]] &= ~LISTED
        for i in range(above):
            flat_levels[listed[i]] = level
            flat_marks[listed[i]] |= FLATTENED


def _growth_table() -> NDArray[np.uint8]:
    """Return the directions in which a basin may grow into a pixel, for each of its surroundings.

    Bit d of an index: neighbour d (clockwise from above) is in a basin. Bit d of an entry: the
    pixel may be entered from neighbour d + 4. No bit is set where neighbours are of two basins.
    """
    table = np.zeros(256, np.uint8)
    for index in range(256):
        is_basin = [bool(index >> d & 1) for d in range(8)]
        joined = list(is_basin)
        for d in range(0, 8, 2):  # neighbours at corners touch those at the sides
            if is_basin[d]:
                joined[(d + 1) % 8] = joined[(d + 7) % 8] = True
        borders = sum(joined[d] != joined[(d + 1) % 8] for d in range(8))
        if borders < 4:
            table[index] = sum(1 << d for d in range(8) if is_basin[(d + 4) % 8])
    return table


@compiled()
def _grow(levels: Any, table: Any) -> None:
    """Grow the basins level by level, from the highest down."""
    height, width = levels.shape
    flat = levels.ravel()
    counts = np.zeros(256, np.int64)
    for value in flat:
        counts[value] += 1
    starts = np.zeros(256, np.int64)
    highest, total = 0, 0
    for level in range(1, _BASIN):
        starts[level] = total
        total += counts[level]
        if counts[level]:
            highest = level
    places = np.empty(total, np.int64)
    ends = starts.copy()
    for place in range(len(flat)):
        level = flat[place]
        if 0 < level < _BASIN:
            places[ends[level]] = place
            ends[level] += 1
    grown = np.empty(total, np.int64)
    for level in range(highest, 0, -1):
        remaining = counts[level]
        first = starts[level]
        idle = 0
        while remaining > 0 and idle < 8:
            turn = 0
            while True:
                bit = 1 << _DIRECTIONS[turn % 8]
                entered, kept = 0, 0
                for i in range(remaining):
                    place = places[first + i]
                    y, x = divmod(place, width)
                    index = 0
                    for d in range(8):
                        y2, x2 = y + DY[d], x + DX[d]
                        if 0 <= y2 < height and 0 <= x2 < width and flat[y2 * width + x2] == _BASIN:
                            index |= 1 << d
                    if table[index] & bit:
                        grown[entered] = place
                        entered += 1
                    else:
                        places[first + kept] = place
                        kept += 1
                for i in range(entered):
                    flat[grown[i]] = _BASIN
                remaining -= entered
                if entered:
                    idle = 0
                turn += 1
                go_on = remaining > 0 and idle < 8
                idle += 1
                if not go_on:
                    break
        if remaining > 0 and level > 1:
            _carry_over(flat, places, counts, starts, level, remaining, width, height)


@compiled()
def _carry_over(
    flat: Any,
    places: Any,
    counts: Any,
    starts: Any,
    level: int,
    remaining: int,
    width: int,
    height: int,
) -> None:
    """Try pixels at the border of the mask or the image again in the next level."""
    following = level - 1
    while following > 1 and counts[following] == 0:
        following -= 1
    end = starts[following] + counts[following]
    for i in range(remaining):
        place = places[starts[level] + i]
        y, x = divmod(place, width)
        is_border = y == 0 or x == 0 or y == height - 1 or x == width - 1
        if not is_border:
            for d in range(8):
                if flat[(y + DY[d]) * width + x + DX[d]] == 0:
                    is_border = True
                    break
        if is_border:
            places[end] = place
            end += 1
    counts[following] = end - starts[following]
