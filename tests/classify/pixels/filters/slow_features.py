"""ilastik's features once more, slowly: explicit kernels, scipy, float64, LAPACK's eigenvalues."""

from __future__ import annotations

from math import floor, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

from bridge.formats.ilastik.feature_selection import FEATURE_IDS, FeatureSelection

Array = NDArray[np.float64]


def choose(*scales: float, features: tuple[str, ...] = FEATURE_IDS) -> FeatureSelection:
    """Return the choice of some features at some scales, in as many dimensions as the image has."""
    chosen = tuple((name in features,) * len(scales) for name in FEATURE_IDS)
    return FeatureSelection(tuple(scales), chosen, (False,) * len(scales))


def kernel(sigma: float, order: int, window: float) -> Array:
    """Sample a Gaussian's derivative; it differentiates x**order exactly, and nothing below."""
    radius = floor(window * sigma + 0.5)
    x = np.arange(-radius, radius + 1)
    weights: Array = np.exp(-(x**2) / (2 * sigma**2))
    if order == 0:
        weights /= weights.sum()
    elif order == 1:
        weights *= x
        weights /= (x * weights).sum()
    else:
        weights *= x**2 - sigma**2
        weights -= weights.mean()
        weights *= 2 / (weights * x**2).sum()
    return weights


def derivative(image: Array, sigma: float, *axes: int, window: float = 2.0) -> Array:
    """Differentiate a smoothed image along some axes."""
    for axis in range(image.ndim):
        weights = kernel(sigma, axes.count(axis), window)
        image = correlate1d(image, weights, axis, mode="mirror")
    return image


def eigenvalues(tensor: list[list[Array]]) -> Array:
    """Return the eigenvalues of each pixel's matrix, the largest first."""
    matrices = np.moveaxis(np.array(tensor), (0, 1), (-2, -1))
    return np.moveaxis(np.linalg.eigvalsh(matrices)[..., ::-1], -1, 0)


def feature(image: Array, name: str, scale: float) -> Array:
    """Compute one feature of a plane or a volume: (column, …)."""
    sigma = min(scale, 1.0)
    presmoothing = sqrt(scale**2 - 1) if scale > 1 else scale
    image = derivative(image, presmoothing, window=3.5)
    axes = range(image.ndim)
    if name == "GaussianSmoothing":
        return derivative(image, sigma)[None]
    if name == "LaplacianOfGaussian":
        return sum(derivative(image, sigma, a, a) for a in axes)[None]  # type: ignore[index]
    if name == "GaussianGradientMagnitude":
        return np.sqrt(sum(derivative(image, sigma, a) ** 2 for a in axes))[None]
    if name == "DifferenceOfGaussians":
        return (derivative(image, sigma) - derivative(image, 0.66 * sigma))[None]
    if name == "HessianOfGaussianEigenvalues":
        return eigenvalues([[derivative(image, sigma, a, b) for a in axes] for b in axes])
    slope = [derivative(image, sigma / 2, a) for a in axes]
    return eigenvalues([[derivative(slope[a] * slope[b], sigma) for a in axes] for b in axes])


def features(block: NDArray[np.float32], selection: FeatureSelection, is_3d: bool) -> Array:
    """Compute the features of a block (z, y, x, channel): (column, z, y, x)."""
    columns = []
    for name, scale, in_2d in selection.filters():
        for channel in np.moveaxis(block.astype(np.float64), -1, 0):
            if in_2d or not is_3d:
                planes = [feature(plane, name, scale) for plane in channel]
                columns += list(np.stack(planes, axis=1))
            else:
                columns += list(feature(channel, name, scale))
    return np.array(columns)
