"""Gaussian smoothing as ImageJ's *Gaussian Blur* does it.

ImageJ cuts the kernel at an accuracy of 0.0002, brings its ends to 0 smoothly, and repeats the
pixels at the image's border. Above a sigma of 4.5 ImageJ works on a smaller image; this does not,
which differs by less than the accuracy.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.files.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ACCURACY = 2e-4


def smooth(plane: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Return a plane smoothed with a Gaussian.

    Args:
        plane: (height, width) values.
        sigma: standard deviation in pixels; 0 smooths nothing.

    >>> plane = np.zeros((9, 9), np.float32)
    >>> plane[4, 4] = 1
    >>> round(float(smooth(plane, 1.0)[4, 4]), 4)
    0.1592
    """
    if sigma <= 0:
        return plane
    kernel = gaussian_kernel(sigma, max(plane.shape))
    rows = np.empty_like(plane)
    _smooth_rows(np.ascontiguousarray(plane), kernel, rows)
    columns = np.empty_like(rows.T)
    _smooth_rows(np.ascontiguousarray(rows.T), kernel, columns)
    return np.ascontiguousarray(columns.T)


def gaussian_kernel(sigma: float, longest: int) -> NDArray[np.float32]:
    """Return one half of ImageJ's kernel, from the middle outwards; the whole one sums to 1.

    Args:
        sigma: standard deviation in pixels.
        longest: most pixels of a half, the length of the image.
    """
    radius = min(math.ceil(sigma * math.sqrt(-2 * math.log(_ACCURACY))) + 1, longest)
    kernel = np.exp(-0.5 * (np.arange(radius) / sigma) ** 2).astype(np.float32)
    if 3 < radius < longest:
        # a parabola that touches the Gaussian replaces its end
        slope, start = math.inf, radius
        while start > radius // 2:
            start -= 1
            a = math.sqrt(kernel[start]) / (radius - start)
            if a >= slope:
                break
            slope = a
        ends = np.arange(start + 2, radius)
        kernel[start + 2 :] = ((radius - ends) ** 2 * slope**2).astype(np.float32)
    total = float(kernel[0]) + 2 * float(kernel[1:].astype(np.float64).sum())
    scaled: NDArray[np.float32] = (kernel / total).astype(np.float32)
    return scaled


@compiled()
def _smooth_rows(values: Any, kernel: Any, out: Any) -> None:
    """Fold the rows of a plane with a symmetric kernel; pixels at the border are repeated."""
    height, width = values.shape
    for y in range(height):
        for x in range(width):
            total = values[y, x] * kernel[0]
            for k in range(1, len(kernel)):
                left = values[y, max(x - k, 0)]
                right = values[y, min(x + k, width - 1)]
                total += kernel[k] * (left + right)
            out[y, x] = total
