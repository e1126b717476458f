"""Count, place and second moments of every object of a numbered volume, in one pass."""

# numba's decorators carry no types
# mypy: disallow-untyped-decorators=False, disallow-untyped-calls=False

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.files.compiled import compiled

_PAIRS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
"""Axes of the second moments, in the order of the sums."""


@dataclass(frozen=True)
class Moments:
    """Moments of n objects in voxels, axes z, y, x.

    Attributes:
        voxels: (n,) how many.
        mean: (n, 3) mean of the voxels' indices.
        covariance: (n, 3, 3) covariance of the voxels' indices, divided by their number.
        start: (n, 3) first index of the bounding box.
        stop: (n, 3) index behind the last.

    What an object without voxels has is NaN, and its box empty.
    """

    voxels: NDArray[np.int64]
    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    start: NDArray[np.int64]
    stop: NDArray[np.int64]

    def axes(self, voxel: tuple[float, float, float]) -> NDArray[np.float64]:
        """Return the axes of the ellipsoids of the same second moments, longest first.

        An ellipsoid with semi-axis a has the variance a² / 5 along it: an axis is 2 √(5 λ), with
        the eigenvalue λ of the covariance of the voxels' centres.

        Args:
            voxel: µm along z, y and x.

        Returns:
            (n, 3) whole lengths in µm.

        >>> numbers = np.zeros((1, 1, 3), np.int32)
        >>> numbers[0, 0] = 1
        >>> measure_moments(numbers, 1).axes((1.0, 1.0, 0.5)).round(3).tolist()
        [[1.826, 0.0, 0.0]]
        """
        scaled = self.covariance * np.outer(voxel, voxel)
        known = self.voxels > 0
        lengths = np.full((len(known), 3), np.nan)
        variances = np.linalg.eigvalsh(scaled[known])[:, ::-1]
        # rounding leaves a flat object a little less or more than 0
        least = 1e-12 * variances[:, :1]
        lengths[known] = 2 * np.sqrt(5 * np.where(variances > least, variances, 0))
        return lengths


def measure_moments(numbers: NDArray[np.int32], n: int) -> Moments:
    """Measure the objects of a numbered volume; linear in voxels, sums exact in whole numbers.

    Args:
        numbers: (z, y, x), 0 is background, objects are numbered from 1 to n; some may be missing.
        n: number of objects.

    >>> numbers = np.array([[[1, 1], [0, 2]], [[0, 0], [0, 2]]], np.int32)
    >>> found = measure_moments(numbers, 2)
    >>> found.voxels.tolist(), found.mean.tolist()
    ([2, 2], [[0.0, 0.0, 0.5], [0.5, 1.0, 1.0]])
    """
    voxels = np.zeros(n, np.int64)
    start = np.full((n, 3), np.iinfo(np.int64).max)
    stop = np.zeros((n, 3), np.int64)
    # relative to an object's first voxel, sums stay small, and differences of squares exact
    origin = np.zeros((n, 3), np.int64)
    first = np.zeros((n, 3), np.int64)
    second = np.zeros((n, 6), np.int64)
    _sum(numbers, voxels, start, stop, origin, first, second)
    start[voxels == 0] = 0
    with np.errstate(invalid="ignore", divide="ignore"):
        offset = first / voxels[:, None]
        products = second / voxels[:, None]
    covariance = np.empty((n, 3, 3))
    for k, (i, j) in enumerate(_PAIRS):
        covariance[:, i, j] = covariance[:, j, i] = products[:, k] - offset[:, i] * offset[:, j]
    return Moments(voxels, origin + offset, covariance, start, stop)


@compiled(nogil=True)
def _squares(last: int) -> int:
    """Return the sum of the squares from 1 to a number; of differences, below 0 too."""
    return last * (last + 1) * (2 * last + 1) // 6


@compiled(nogil=True)
def _sum(
    numbers: Any, voxels: Any, start: Any, stop: Any, origin: Any, first: Any, second: Any
) -> None:
    depth, height, width = numbers.shape
    for z in range(depth):
        for y in range(height):
            x = 0
            while x < width:
                number = numbers[z, y, x]
                end = x + 1
                while end < width and numbers[z, y, end] == number:
                    end += 1
                if number > 0:
                    i = number - 1
                    if voxels[i] == 0:
                        origin[i, 0], origin[i, 1], origin[i, 2] = z, y, x
                    count = end - x
                    dz, dy = z - origin[i, 0], y - origin[i, 1]
                    low, high = x - origin[i, 2], end - 1 - origin[i, 2]
                    along = (low + high) * count // 2
                    voxels[i] += count
                    first[i, 0] += dz * count
                    first[i, 1] += dy * count
                    first[i, 2] += along
                    second[i, 0] += dz * dz * count
                    second[i, 1] += dy * dy * count
                    second[i, 2] += _squares(high) - _squares(low - 1)
                    second[i, 3] += dz * dy * count
                    second[i, 4] += dz * along
                    second[i, 5] += dy * along
                    start[i, 0], stop[i, 0] = min(start[i, 0], z), max(stop[i, 0], z + 1)
                    start[i, 1], stop[i, 1] = min(start[i, 1], y), max(stop[i, 1], y + 1)
                    start[i, 2], stop[i, 2] = min(start[i, 2], x), max(stop[i, 2], end)
                x = end
