"""Gaussian kernels and their derivatives, sampled as ilastik samples them.

ilastik filters by fastfilters, whose kernels are those of vigra (``gaussians.hxx``) with two
differences that matter to the last digits: a given window decides the radius, and coefficients are
rounded to float32 before they are normalised.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Kernel:
    """A symmetric or antisymmetric kernel, of which the right half is kept.

    Attributes:
        half: float32 weights of the pixels at distance 0 to ``radius``.
        is_odd: the weights to the left are those to the right with the sign turned.
    """

    half: NDArray[np.float32]
    is_odd: bool

    @property
    def radius(self) -> int:
        """Pixels that the kernel reaches to each side."""
        return len(self.half) - 1


def kernel_radius(sigma: float, window: float) -> int:
    """Return the pixels that a kernel reaches to each side.

    Args:
        sigma: standard deviation in pixels.
        window: radius in units of ``sigma``.

    >>> kernel_radius(1.0, 3.5), kernel_radius(0.2, 2.0)
    (4, 0)
    """
    return math.floor(window * sigma + 0.5)


def gaussian_kernel(sigma: float, order: int, window: float) -> Kernel:
    """Sample a Gaussian or one of its derivatives.

    The smoothing kernel sums to 1; the first derivative of a ramp of slope 1 is 1; the second
    derivative has no mean, and that of a parabola x² is 2. A derivative whose radius is 0 cannot
    be normalised: ilastik takes the image itself in its place, and so does this.

    Args:
        sigma: standard deviation in pixels.
        order: 0 smooths, 1 and 2 are derivatives.
        window: radius in units of ``sigma``.

    >>> [f"{weight:.3f}" for weight in gaussian_kernel(1.0, 1, 2.0).half]
    ['0.000', '0.264', '0.118']
    """
    radius = kernel_radius(sigma, window)
    if radius == 0:
        return Kernel(np.ones(1, np.float32), is_odd=False)
    x = np.arange(radius + 1, dtype=np.float64)
    bell = np.exp(-0.5 * x * x / sigma / sigma) / (math.sqrt(2 * math.pi) * sigma)
    if order == 0:
        weights = bell.astype(np.float32)
        total = weights[0] + 2 * weights[1:].sum(dtype=np.float64)
    elif order == 1:
        weights = (x * bell / sigma**2).astype(np.float32)
        total = 2 * (weights * x).sum()
    else:
        weights = ((x * x / sigma**2 - 1) * bell / sigma**2).astype(np.float32)
        mean = (weights[0] + 2 * weights[1:].sum(dtype=np.float64)) / (2 * radius + 1)
        weights = (weights - mean).astype(np.float32)
        total = (weights * x * x).sum()
    return Kernel((weights / total).astype(np.float32), is_odd=order == 1)
