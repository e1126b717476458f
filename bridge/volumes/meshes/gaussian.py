"""Smooth a volume by a Gaussian, in place."""

# numba's decorators carry no types
# mypy: disallow-untyped-decorators=False, disallow-untyped-calls=False

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from bridge.files.compiled import compiled

_WINDOW = 4.0  # standard deviations, as in scipy.ndimage.gaussian_filter
_CHUNK = 1024  # values of a line that are summed at a time: they stay in the first cache


def smooth_in_place(values: NDArray[np.float32], sigma: Sequence[float]) -> None:
    """Smooth a volume by a Gaussian; beyond a border lies its mirror image, edge voxel included.

    The result is that of ``scipy.ndimage.gaussian_filter(values, sigma)`` but for float32 rounding.
    A thread needs memory for a slice only.

    Args:
        values: C-contiguous (z, y, x).
        sigma: standard deviations along z, y and x in voxels; 0 leaves an axis alone.

    >>> values = np.zeros((1, 1, 5), np.float32)
    >>> values[0, 0, 2] = 1
    >>> smooth_in_place(values, (0, 0, 1))
    >>> values.round(2)
    array([[[0.06, 0.24, 0.4 , 0.24, 0.06]]], dtype=float32)
    """
    z, y, x = (gaussian_weights(each) for each in sigma)
    if len(y) > 1 or len(x) > 1:
        _smooth_slices(values, y, x)
    if len(z) > 1:
        _smooth_along_z(values, z)


def gaussian_weights(sigma: float) -> NDArray[np.float32]:
    """Return the middle weight of a Gaussian and those to one side of it; all add up to 1.

    Args:
        sigma: standard deviation in voxels.

    >>> gaussian_weights(0.5).round(3)
    array([0.787, 0.106, 0.   ], dtype=float32)
    """
    radius = int(_WINDOW * sigma + 0.5)
    if radius == 0:
        return np.ones(1, np.float32)
    weights = np.exp(-0.5 * (np.arange(radius + 1) / sigma) ** 2)
    normed = weights / (weights[0] + 2 * weights[1:].sum())
    return np.asarray(normed, np.float32)


@compiled(nogil=True)
def _reflect(position: int, length: int) -> int:
    """Return the voxel that a position shows, inside or beyond the borders, however far."""
    position %= 2 * length
    return position if position < length else 2 * length - 1 - position


@compiled(nogil=True, fastmath=True)
def _weighted(lines: Any, weights: Any, line: int, low: int, high: int, out: Any) -> None:
    """Sum lines around one of (lines, values), from a first value to behind a last."""
    radius = len(weights) - 1
    for x in range(low, high):
        out[x] = weights[0] * lines[line, x]
    for k in range(1, radius, 2):  # two at a time: sums are loaded and stored half as often
        near, far = weights[k], weights[k + 1]
        a, b = lines[line - k], lines[line + k]
        c, d = lines[line - k - 1], lines[line + k + 1]
        for x in range(low, high):
            out[x] += near * (a[x] + b[x]) + far * (c[x] + d[x])
    if radius % 2:
        a, b = lines[line - radius], lines[line + radius]
        for x in range(low, high):
            out[x] += weights[radius] * (a[x] + b[x])


@compiled(nogil=True, fastmath=True)
def _along(line: Any, weights: Any, padded: Any) -> None:
    """Smooth a line in place; the buffer holds it and a radius to either side."""
    length, radius = len(line), len(weights) - 1
    padded[radius : radius + length] = line
    for k in range(radius):
        padded[k] = line[_reflect(k - radius, length)]
        padded[radius + length + k] = line[_reflect(length + k, length)]
    for x in range(length):
        line[x] = weights[0] * padded[radius + x]
    for k in range(1, radius, 2):
        near, far = weights[k], weights[k + 1]
        a, b = padded[radius - k :], padded[radius + k :]
        c, d = padded[radius - k - 1 :], padded[radius + k + 1 :]
        for x in range(length):
            line[x] += near * (a[x] + b[x]) + far * (c[x] + d[x])
    if radius % 2:
        a, b = padded, padded[2 * radius :]
        for x in range(length):
            line[x] += weights[radius] * (a[x] + b[x])


@compiled(nogil=True, parallel=True)
def _smooth_slices(values: Any, along_y: Any, along_x: Any) -> None:
    depth, height, width = values.shape
    radius, radius_x = len(along_y) - 1, len(along_x) - 1
    for z in numba.prange(depth):
        padded = np.empty(width + 2 * radius_x, np.float32)
        lines = np.empty((height + 2 * radius, width), np.float32)
        for y in range(height):
            if radius_x:
                _along(values[z, y], along_x, padded)
        if radius:
            for line in range(height + 2 * radius):
                lines[line] = values[z, _reflect(line - radius, height)]
            for low in range(0, width, _CHUNK):
                for y in range(height):
                    high = min(low + _CHUNK, width)
                    _weighted(lines, along_y, y + radius, low, high, values[z, y])


@compiled(nogil=True, parallel=True)
def _smooth_along_z(values: Any, along_z: Any) -> None:
    depth, height, width = values.shape
    radius = len(along_z) - 1
    for y in numba.prange(height):
        lines = np.empty((depth + 2 * radius, width), np.float32)
        for line in range(depth + 2 * radius):
            lines[line] = values[_reflect(line - radius, depth), y]
        for low in range(0, width, _CHUNK):
            for z in range(depth):
                high = min(low + _CHUNK, width)
                _weighted(lines, along_z, z + radius, low, high, values[z, y])
