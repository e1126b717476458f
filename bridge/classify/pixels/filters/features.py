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

from bridge.classify.pixels.filters.derivatives import WINDOW, Derivatives, Spans, smooth
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
    smoothed = derivatives(*_orders(derivatives), out=out[0])
    if smoothed is not out[0]:
        out[0] = smoothed


def _laplacian_of_gaussian(derivatives: Derivatives, out: NDArray[np.float32]) -> None:
    *most, last = [derivatives(*_orders(derivatives, axis, axis)) for axis in _axes(derivatives)]
    _sum_into(out[0], [*most, last])


def _gradient_magnitude(derivatives: Derivatives, out: NDArray[np.float32]) -> None:
    gradient = [derivatives(*_orders(derivatives, axis)) for axis in _axes(derivatives)]
    _sum_into(out[0], [part * part for part in gradient])
    np.sqrt(out[0], out=out[0])


def _difference_of_gaussians(derivatives: Derivatives, out: NDArray[np.float32]) -> None:
    narrow = smooth(derivatives.source, derivatives.sigma * 0.66, derivatives.spans)
    np.subtract(derivatives(*_orders(derivatives)), narrow, out=out[0])


def _structure_tensor(derivatives: Derivatives, out: NDArray[np.float32]) -> None:
    # fastfilters takes ilastik's two scales the other way round than vigra: the gradient's is half
    # of the smoothing's.
    radius = kernel_radius(derivatives.sigma, WINDOW)
    source = derivatives.source
    around = tuple(
        (max(0, start - radius), min(length, stop + radius))
        for (start, stop), length in zip(derivatives.spans, source.shape, strict=True)
    )
    inside: Spans = tuple(
        (start - low, stop - low)
        for (start, stop), (low, _) in zip(derivatives.spans, around, strict=True)
    )
    steep = Derivatives(source, derivatives.sigma * 0.5, around)
    gradient = [steep(*_orders(steep, axis)) for axis in _axes(steep)]
    tensor = [
        smooth(gradient[i] * gradient[j], derivatives.sigma, inside)
        for i in range(len(gradient))
        for j in range(i, len(gradient))
    ]
    eigenvalues(tensor, out)


def _hessian_of_gaussian(derivatives: Derivatives, out: NDArray[np.float32]) -> None:
    axes = _axes(derivatives)
    tensor = [
        derivatives(*_orders(derivatives, a, b)) for i, a in enumerate(axes) for b in axes[i:]
    ]
    eigenvalues(tensor, out)


def _axes(derivatives: Derivatives) -> list[int]:
    """Return the axes of an array: x, y, and z where it has one."""
    return list(reversed(range(derivatives.source.ndim)))


def _orders(derivatives: Derivatives, *axes: int) -> list[int]:
    """Return the order of a derivative along each axis, from the axes that it is taken along."""
    return [axes.count(axis) for axis in range(derivatives.source.ndim)]


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
