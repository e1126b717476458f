"""Estimate how much of a volume lies above a value, and find the value that keeps it.

Smoothing moves a surface towards its centre of curvature: a sphere of radius R shrinks by about
σ² / R. Another isovalue of the smoothed values encloses what the unsmoothed ones did.
"""

# numba's decorators carry no types
# mypy: disallow-untyped-decorators=False, disallow-untyped-calls=False

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from bridge.files.compiled import compiled

_STEPS = 12
_CLOSE = 1e-5  # of the volume
_FLATTEST = 1e-3  # share of an axis in a normal: the formula divides by it


def occupancy(values: NDArray[np.float32], iso: float) -> NDArray[np.uint8]:
    """Return the part of each voxel that lies above a value, in 255ths.

    In a voxel the values are taken for linear, with the slope that its neighbours give. The part
    of a cube to one side of a plane is that of Scardovelli and Zaleski, J. Comput. Phys. 164
    (2000), 228-237, equation 17.

    Args:
        values: (z, y, x).
        iso: the value.

    >>> occupancy(np.array([[[0, 0, 0.6, 1, 1]]], np.float32), 0.5)
    array([[[  0,   0, 170, 255, 255]]], dtype=uint8)
    """
    parts = np.empty(values.shape, np.uint8)
    _fill(values, _single(iso), parts)
    return parts


def occupied(values: NDArray[np.float32], iso: float) -> float:
    """Return how many voxels lie above a value, parts of voxels included.

    >>> round(occupied(np.array([[[0, 0, 0.6, 1, 1]]], np.float32), 0.5), 2)
    2.67
    """
    return float(_sum(values, _single(iso)))


def kept_volume(
    smoothed: NDArray[np.float32], parts: NDArray[np.uint8], low: float, high: float
) -> float:
    """Return how many voxels the unsmoothed body had, without specks and holes that are gone.

    Args:
        smoothed: (z, y, x).
        parts: what :func:`occupancy` gave before smoothing.
        low: smoothed values below count as outside: what was there were specks.
        high: smoothed values above count as inside: what was missing were holes.
    """
    return float(_kept(smoothed, parts, _single(low), _single(high)))


def solve_isovalue(
    smoothed: NDArray[np.float32], voxels: float, iso: float, low: float, high: float
) -> float:
    """Return the isovalue above which so many voxels lie, by the regula falsi (Illinois).

    Args:
        smoothed: (z, y, x).
        voxels: wanted number of voxels.
        iso: first guess.
        low: least isovalue.
        high: largest isovalue.

    Returns:
        The isovalue; ``low`` or ``high`` where the wanted one lies beyond.
    """
    excess = occupied(smoothed, iso) - voxels
    if abs(excess) <= _CLOSE * voxels:
        return iso
    # Fewer voxels lie above a larger value.
    near, far = iso, high if excess > 0 else low
    beyond = occupied(smoothed, far) - voxels
    if (beyond > 0) == (excess > 0):
        return far
    for _ in range(_STEPS):
        guess = near - excess * (far - near) / (beyond - excess)
        found = occupied(smoothed, guess) - voxels
        if abs(found) <= _CLOSE * voxels:
            return float(guess)
        if (found > 0) == (beyond > 0):
            excess = excess / 2
        else:
            near, excess = far, beyond
        far, beyond = guess, found
    return float(far)


def _single(value: float) -> Any:
    """Return a number of the values' own type, in which comparisons are exact."""
    return np.float32(value)


@compiled(nogil=True)
def _cut(distance: float, a: float, b: float, c: float) -> float:
    """Return the part of a unit cube below a plane.

    Args:
        distance: from the corner, scaled so that the opposite corner is at 1.
        a: part of an axis in the normal; the three add up to 1.
        b: part of another axis.
        c: part of the third.
    """
    if distance <= 0:
        return 0.0
    if distance >= 1:
        return 1.0
    whole = distance**3
    for each in (a, b, c):
        whole -= max(distance - each, 0.0) ** 3
    for pair in (a + b, a + c, b + c):
        whole += max(distance - pair, 0.0) ** 3
    return min(max(whole / (6 * a * b * c), 0.0), 1.0)


@compiled(nogil=True)
def _rise(value: float, before: float, behind: float, is_above: bool) -> float:
    """Return the step from a voxel to the neighbour of an axis that lies more across the surface.

    Differences of both neighbours would be too small where a ramp ends, as probabilities do.
    """
    if is_above:
        return max(value - before, value - behind, 0.0)
    return max(before - value, behind - value, 0.0)


@compiled(nogil=True)
def _parts_of_line(values: Any, z: int, y: int, iso: float, spans: Any, parts: Any) -> None:
    """Fill in the part of each voxel of a line that lies above a value."""
    depth, height, width = values.shape
    line = values[z, y]
    before, behind = values[max(z - 1, 0), y], values[min(z + 1, depth - 1), y]
    above, below = values[z, max(y - 1, 0)], values[z, min(y + 1, height - 1)]
    # This loop sees every voxel: it has no branches, so that it runs on eight at once.
    for x in range(1, width - 1):
        value = line[x]
        spans[x] = (
            max(abs(behind[x] - value), abs(before[x] - value))
            + max(abs(below[x] - value), abs(above[x] - value))
            + max(abs(line[x + 1] - value), abs(line[x - 1] - value))
        )
    spans[0] = spans[width - 1] = np.inf
    for x in range(width):
        value = line[x]
        is_above = value > iso
        parts[x] = 1.0 if is_above else 0.0
        distance = abs(value - iso)
        if 2 * distance < spans[x]:
            dz = _rise(value, before[x], behind[x], is_above)
            dy = _rise(value, above[x], below[x], is_above)
            dx = _rise(value, line[max(x - 1, 0)], line[min(x + 1, width - 1)], is_above)
            span = dz + dy + dx
            if 2 * distance < span:
                least = _FLATTEST * span
                dz, dy, dx = max(dz, least), max(dy, least), max(dx, least)
                span = dz + dy + dx
                signed = (value - iso) / span + 0.5
                parts[x] = _cut(signed, dz / span, dy / span, dx / span)


@compiled(nogil=True, parallel=True)
def _fill(values: Any, iso: float, parts: Any) -> None:
    depth, height, width = values.shape
    for z in numba.prange(depth):
        spans, line = np.empty(width, np.float32), np.empty(width, np.float32)
        for y in range(height):
            _parts_of_line(values, z, y, iso, spans, line)
            for x in range(width):
                parts[z, y, x] = np.uint8(255 * line[x] + np.float32(0.5))


@compiled(nogil=True, parallel=True)
def _sum(values: Any, iso: float) -> float:
    depth, height, width = values.shape
    total = 0.0
    for z in numba.prange(depth):
        spans, line = np.empty(width, np.float32), np.empty(width, np.float32)
        found = 0.0
        for y in range(height):
            _parts_of_line(values, z, y, iso, spans, line)
            for x in range(width):
                found += line[x]
        total += found
    return total


@compiled(nogil=True, parallel=True)
def _kept(smoothed: Any, parts: Any, low: float, high: float) -> float:
    depth, height, width = smoothed.shape
    total = 0
    for z in numba.prange(depth):
        found = 0
        for y in range(height):
            for x in range(width):
                value = smoothed[z, y, x]
                if value >= high:
                    found += 255
                elif value > low:
                    found += parts[z, y, x]
        total += found
    return total / 255
