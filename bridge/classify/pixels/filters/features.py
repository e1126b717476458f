"""The features that ilastik offers, each from a presmoothed plane or volume.

A scale s above 1 is filtered at sigma 1 after smoothing with sigma √(s² - 1); one up to 1 is
filtered at sigma s after smoothing with s itself. Source: ``lazyflow`` of ilastik 1.3 to 1.4
(``opPixelFeaturesPresmoothed``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from bridge.classify.pixels.filters.derivatives import WINDOW, Derivatives, smooth, widen
from bridge.classify.pixels.filters.eigenvalues import eigenvalues
from bridge.classify.pixels.filters.kernels import kernel_radius

PRESMOOTHING_WINDOW = 3.5
"""Radius of the presmoothing kernel, in standard deviations."""


def filter_sigma(scale: float) -> float:
    """Return the standard deviation, in pixels, at which a scale's features are computed."""
    return min(scale, 1.0)


def presmoothing_sigma(scale: float) -> float:
    """Return the standard deviation, in pixels, with which a scale is smoothed beforehand."""
    return math.sqrt(scale**2 - 1) if scale > 1 else scale


def filter_radius(scale: float) -> int:
    """Return the pixels around one on which a feature of the presmoothed image depends."""
    sigma = filter_sigma(scale)
    return kernel_radius(sigma, WINDOW) + kernel_radius(sigma / 2, WINDOW)


def _gaussian_smoothing(derivatives: Derivatives, out: NDArray[np.float32]) -> None:
    derivatives.by(out=out[0])


def _laplacian_of_gaussian(derivatives: Derivatives, out: NDArray[np.float32]) -> None:
    _sum_into(out[0], [derivatives.by(axis, axis) for axis in derivatives.axes])


def _gradient_magnitude(derivatives: Derivatives, out: NDArray[np.float32]) -> None:
    gradient = [derivatives.by(axis) for axis in derivatives.axes]
    _sum_into(out[0], [part * part for part in gradient])
    np.sqrt(out[0], out=out[0])


def _difference_of_gaussians(derivatives: Derivatives, out: NDArray[np.float32]) -> None:
    narrow = smooth(derivatives.source, derivatives.sigma * 0.66, derivatives.spans)
    np.subtract(derivatives.by(), narrow, out=out[0])


def _structure_tensor(derivatives: Derivatives, out: NDArray[np.float32]) -> None:
    # fastfilters takes ilastik's two scales the other way round than vigra: the gradient's is half
    # of the smoothing's.
    source, sigma = derivatives.source, derivatives.sigma
    around, inside = widen(derivatives.spans, kernel_radius(sigma, WINDOW), source.shape)
    steep = Derivatives(source, sigma * 0.5, around)
    gradient = [steep.by(axis) for axis in steep.axes]
    del steep  # and what it keeps
    tensor = [
        smooth(part * other, sigma, inside)
        for i, part in enumerate(gradient)
        for other in gradient[i:]
    ]
    eigenvalues(tensor, out)


def _hessian_of_gaussian(derivatives: Derivatives, out: NDArray[np.float32]) -> None:
    axes = derivatives.axes
    tensor = [derivatives.by(axis, other) for i, axis in enumerate(axes) for other in axes[i:]]
    eigenvalues(tensor, out)


def _sum_into(out: NDArray[np.float32], parts: list[NDArray[np.float32]]) -> None:
    """Sum arrays in their order, which decides the last bits."""
    np.add(parts[0], parts[1], out=out)
    for part in parts[2:]:
        out += part


COMPUTE: Mapping[str, Callable[[Derivatives, NDArray[np.float32]], None]] = MappingProxyType(
    {
        "GaussianSmoothing": _gaussian_smoothing,
        "LaplacianOfGaussian": _laplacian_of_gaussian,
        "GaussianGradientMagnitude": _gradient_magnitude,
        "DifferenceOfGaussians": _difference_of_gaussians,
        "StructureTensorEigenvalues": _structure_tensor,
        "HessianOfGaussianEigenvalues": _hessian_of_gaussian,
    }
)
"""For each name, how the feature is computed: it is written into (column, …spans…)."""

TITLES: Mapping[str, str] = MappingProxyType(
    {
        "GaussianSmoothing": "Gaussian Smoothing",
        "LaplacianOfGaussian": "Laplacian of Gaussian",
        "GaussianGradientMagnitude": "Gaussian Gradient Magnitude",
        "DifferenceOfGaussians": "Difference of Gaussians",
        "StructureTensorEigenvalues": "Structure Tensor Eigenvalues",
        "HessianOfGaussianEigenvalues": "Hessian of Gaussian Eigenvalues",
    }
)
"""Names as ilastik shows them and stores them beside a forest."""

WITH_EIGENVALUES = frozenset({"StructureTensorEigenvalues", "HessianOfGaussianEigenvalues"})
"""Features of one column for each axis; the others have one column."""
