"""Texture of one channel in every object: co-occurrence, local binary patterns, radial profile.

Pixels outside an object never count, so that its neighbours do not change its texture.
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

DISTANCES = (1, 2, 4)
"""Distances of the pairs of pixels of Haralick's features, in pixels."""

HARALICK = ("contrast", "correlation", "energy", "homogeneity", "entropy")
"""Haralick's features of each distance, in the order of the columns of :func:`haralick`."""

PATTERNS = 10
"""Local binary patterns that are told apart."""

ZONES = 4
"""Zones of the radial profile."""

_LEVELS = 8
_SURROUNDED = 1 << 12
_SPAN = 2.0  # standard deviations on each side of the mean that the levels cover


def grey_levels(values: NDArray[np.float32], pixels: PixelLists) -> NDArray[np.uint8]:
    """Divide each object's values into 8 levels, from its mean - 2 standard deviations to + 2.

    Gain and offset of the camera therefore do not change a texture.

    Args:
        values: (height, width).
        pixels: n objects of that plane.

    Returns:
        (height, width), 0 to 7; 255 outside objects and in objects that touch a NaN.
    """
    levels = np.full(values.size, 255, np.uint8)
    _fill_levels(values.ravel(), pixels.starts, pixels.positions, levels)
    return levels.reshape(values.shape)


def pairs_inside(plane: NDArray[np.int32], pixels: PixelLists) -> NDArray[np.uint16]:
    """Find which neighbours of each pixel belong to the same object, once for all channels.

    Args:
        plane: (height, width), object i is i + 1.
        pixels: n objects of the plane.

    Returns:
        (pixels,) in the order of ``pixels.positions``: bits 0 to 11 for right, below, below right
        and below left at each of :data:`DISTANCES`, bit 12 where all 8 next neighbours do.
    """
    found = np.zeros(len(pixels.positions), np.uint16)
    _fill_inside(plane, pixels.starts, pixels.positions, np.array(DISTANCES), found)
    return found


def haralick(
    levels: NDArray[np.uint8], pixels: PixelLists, inside: NDArray[np.uint16]
) -> NDArray[np.float64]:
    """Measure co-occurrences of grey levels (Haralick, Shanmugam, Dinstein 1973).

    Pairs of pixels of the object at a distance along x, y and both diagonals (there the distance in
    both), each counted both ways; P is their share. Contrast Σ(i-j)²P; correlation, 0 where there
    is one level only; energy ΣP² (angular second moment); homogeneity ΣP/(1+(i-j)²); entropy
    -ΣP·log₂P.

    Args:
        levels: of :func:`grey_levels`.
        pixels: n objects of the plane.
        inside: of :func:`pairs_inside`.

    Returns:
        (n, 15): the five of each distance; NaN without a pair.
    """
    width = levels.shape[1]
    steps = np.array([(d, d * width, d * width + d, d * width - d) for d in DISTANCES])
    found: NDArray[np.float64] = _haralick(
        levels.ravel(), pixels.starts, pixels.positions, inside, steps
    )
    return found


def binary_patterns(
    values: NDArray[np.float32], pixels: PixelLists, inside: NDArray[np.uint16]
) -> NDArray[np.float64]:
    """Measure the shares of rotation-invariant uniform patterns.

    As Ojala, Pietikäinen and Mäenpää (2002) define them: each of the 8 neighbours of a pixel is at
    least as bright as it or not. With at most two changes around the circle, the pattern is the
    number of the bright ones (0 to 8), else it is 9. Pixels count whose neighbours all belong to
    the object.

    Args:
        values: (height, width).
        pixels: n objects of the plane.
        inside: of :func:`pairs_inside`.

    Returns:
        (n, 10), which add up to 1; NaN for objects without such a pixel or with a NaN.
    """
    found: NDArray[np.float64] = _patterns(
        values.ravel(),
        values.shape[1],
        pixels.starts,
        pixels.positions,
        inside,
        _pattern_numbers(),
    )
    return found


def depths(plane: NDArray[np.int32], pixels: PixelLists) -> NDArray[np.int32]:
    """Return how many steps each pixel of an object is from outside it (city-block distance).

    Args:
        plane: (height, width), object i is i + 1.
        pixels: n objects of the plane.

    Returns:
        (height, width): 1 at an object's border, 0 outside objects.
    """
    found = np.zeros(plane.size, np.int32)
    _fill_depths(plane.ravel(), plane.shape[1], pixels.starts, pixels.positions, found)
    return found.reshape(plane.shape)


def radial_profile(
    depth: NDArray[np.int32], values: NDArray[np.float32], pixels: PixelLists
) -> NDArray[np.float64]:
    """Measure how much brighter an object is in each of four zones from border to centre.

    Args:
        depth: of :func:`depths`; a zone is a quarter of an object's largest.
        values: (height, width).
        pixels: n objects of the plane.

    Returns:
        (n, 4): mean of the zone minus the object's mean, in standard deviations of the object, the
        outermost first; 0 where all pixels are alike or a small object has no pixel in a zone, NaN
        for an object without pixels or with a NaN.
    """
    found: NDArray[np.float64] = _profile(
        depth.ravel(), values.ravel(), pixels.starts, pixels.positions
    )
    return found


def _pattern_numbers() -> NDArray[np.uint8]:
    bits = (np.arange(256)[:, None] >> np.arange(8)) & 1
    changes = (bits != np.roll(bits, 1, axis=1)).sum(axis=1)
    return np.where(changes <= 2, bits.sum(axis=1), PATTERNS - 1).astype(np.uint8)


@compiled()
def _mean_and_deviation(flat: Any, positions: Any) -> Any:
    total = 0.0
    for position in positions:
        total += np.float64(flat[position])
    mean = total / len(positions)
    squares = 0.0
    for position in positions:
        squares += (np.float64(flat[position]) - mean) ** 2
    return mean, np.sqrt(squares / len(positions))


@compiled(parallel=True)
def _fill_levels(flat: Any, starts: Any, positions: Any, levels: Any) -> None:
    for i in numba.prange(len(starts) - 1):
        own = positions[starts[i] : starts[i + 1]]
        if len(own) == 0:
            continue
        mean, deviation = _mean_and_deviation(flat, own)
        if not np.isfinite(deviation):
            continue
        scale = _LEVELS / (2 * _SPAN * deviation) if deviation > 0 else 0.0
        for position in own:
            level = np.floor((np.float64(flat[position]) - mean) * scale + _LEVELS / 2)
            levels[position] = np.uint8(min(max(level, 0.0), _LEVELS - 1.0))


@compiled(parallel=True)
def _fill_inside(plane: Any, starts: Any, positions: Any, distances: Any, found: Any) -> None:
    height, width = plane.shape
    for i in numba.prange(len(starts) - 1):
        own = i + 1
        for k in range(starts[i], starts[i + 1]):
            y = np.int64(positions[k]) // width
            x = np.int64(positions[k]) - y * width
            bits = 0
            for number in range(len(distances)):
                distance = distances[number]
                below, right, left = y + distance, x + distance, x - distance
                if right < width and plane[y, right] == own:
                    bits |= 1 << (4 * number)
                if below < height:
                    if plane[below, x] == own:
                        bits |= 2 << (4 * number)
                    if right < width and plane[below, right] == own:
                        bits |= 4 << (4 * number)
                    if left >= 0 and plane[below, left] == own:
                        bits |= 8 << (4 * number)
            if (
                (bits & 15) == 15
                and y > 0
                and x > 0
                and plane[y, x - 1] == own
                and plane[y - 1, x - 1] == own
                and plane[y - 1, x] == own
                and plane[y - 1, x + 1] == own
            ):
                bits |= _SURROUNDED
            found[k] = bits


@compiled(parallel=True)
def _haralick(levels: Any, starts: Any, positions: Any, inside: Any, steps: Any) -> Any:
    n = len(starts) - 1
    out = np.full((n, len(steps) * 5), np.nan)
    for i in numba.prange(n):
        start, end = starts[i], starts[i + 1]
        if start == end or levels[positions[start]] == 255:
            continue
        counts = np.zeros(_LEVELS * _LEVELS, np.int64)
        for number in range(len(steps)):
            counts[:] = 0
            right, below = steps[number, 0], steps[number, 1]
            below_right, below_left = steps[number, 2], steps[number, 3]
            shift = 4 * number
            for k in range(start, end):
                bits = (inside[k] >> shift) & 15
                if bits == 0:
                    continue
                at = np.int64(positions[k])
                row = levels[at] * _LEVELS
                if bits & 1:
                    counts[row + levels[at + right]] += 1
                if bits & 2:
                    counts[row + levels[at + below]] += 1
                if bits & 4:
                    counts[row + levels[at + below_right]] += 1
                if bits & 8:
                    counts[row + levels[at + below_left]] += 1
            pairs = counts.sum()
            if pairs == 0:
                continue
            contrast, energy, homogeneity, entropy = 0.0, 0.0, 0.0, 0.0
            mean, square, product = 0.0, 0.0, 0.0
            for a in range(_LEVELS):
                for b in range(a, _LEVELS):
                    both = counts[a * _LEVELS + b] + counts[b * _LEVELS + a]
                    if both == 0:
                        continue
                    share = both / (2.0 * pairs)
                    twice = 1.0 if a == b else 2.0  # the matrix is symmetric
                    difference = (a - b) ** 2
                    contrast += twice * difference * share
                    energy += twice * share * share
                    homogeneity += twice * share / (1 + difference)
                    entropy -= twice * share * np.log2(share)
                    mean += (a + b) * share * twice / 2
                    square += (a * a + b * b) * share * twice / 2
                    product += twice * a * b * share
            variance = square - mean * mean
            out[i, number * 5] = contrast
            out[i, number * 5 + 1] = (product - mean * mean) / variance if variance > 1e-12 else 0.0
            out[i, number * 5 + 2] = energy
            out[i, number * 5 + 3] = homogeneity
            out[i, number * 5 + 4] = entropy
    return out


@compiled(parallel=True)
def _patterns(flat: Any, width: int, starts: Any, positions: Any, inside: Any, numbers: Any) -> Any:
    n = len(starts) - 1
    out = np.full((n, PATTERNS), np.nan)
    for i in numba.prange(n):
        counts = np.zeros(PATTERNS)
        total = 0
        is_number = True
        for k in range(starts[i], starts[i + 1]):
            at = np.int64(positions[k])
            centre = flat[at]
            if centre != centre:
                is_number = False
                break
            if not inside[k] & _SURROUNDED:
                continue
            code = (
                (flat[at - width - 1] >= centre)
                | (flat[at - width] >= centre) << 1
                | (flat[at - width + 1] >= centre) << 2
                | (flat[at + 1] >= centre) << 3
                | (flat[at + width + 1] >= centre) << 4
                | (flat[at + width] >= centre) << 5
                | (flat[at + width - 1] >= centre) << 6
                | (flat[at - 1] >= centre) << 7
            )
            counts[numbers[code]] += 1
            total += 1
        if total > 0 and is_number:
            out[i] = counts / total
    return out


@compiled(parallel=True)
def _fill_depths(plane: Any, width: int, starts: Any, positions: Any, found: Any) -> None:
    size = len(plane)
    for i in numba.prange(len(starts) - 1):
        own = i + 1
        # Distances from above and left in one pass, from below and right in a second one.
        for k in range(starts[i], starts[i + 1]):
            at = np.int64(positions[k])
            x = at % width
            above = found[at - width] if at >= width and plane[at - width] == own else 0
            left = found[at - 1] if x > 0 and plane[at - 1] == own else 0
            found[at] = min(above, left) + 1
        for k in range(starts[i + 1] - 1, starts[i] - 1, -1):
            at = np.int64(positions[k])
            x = at % width
            below = found[at + width] if at + width < size and plane[at + width] == own else 0
            right = found[at + 1] if x < width - 1 and plane[at + 1] == own else 0
            found[at] = min(found[at], min(below, right) + 1)


@compiled(parallel=True)
def _profile(depth: Any, flat: Any, starts: Any, positions: Any) -> Any:
    n = len(starts) - 1
    out = np.full((n, ZONES), np.nan)
    for i in numba.prange(n):
        own = positions[starts[i] : starts[i + 1]]
        if len(own) == 0:
            continue
        mean, deviation = _mean_and_deviation(flat, own)
        if not np.isfinite(deviation):
            continue
        deepest = 1
        for position in own:
            deepest = max(deepest, depth[position])
        sums, counts = np.zeros(ZONES), np.zeros(ZONES)
        for position in own:
            zone = (depth[position] - 1) * ZONES // deepest
            sums[zone] += np.float64(flat[position])
            counts[zone] += 1
        for zone in range(ZONES):
            out[i, zone] = (
                (sums[zone] / counts[zone] - mean) / deviation
                if counts[zone] > 0 and deviation > 0
                else 0.0
            )
    return out
