"""Maps of probabilities made by rules, the same each time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bridge.classify.pixels.objects.smoothing import smooth


def noise_map(seed: int, shape: tuple[int, int], sigma: float) -> NDArray[np.float32]:
    """Smoothed noise from 0 to 1: objects of all shapes, with holes, nested, at the border."""
    values = np.random.default_rng(seed).random(shape).astype(np.float32)
    values = smooth(values, sigma)
    low, high = np.quantile(values, [0.02, 0.98])
    scaled: NDArray[np.float32] = np.clip((values - low) / (high - low), 0, 1).astype(np.float32)
    return scaled


def disc_map(
    *discs: tuple[int, int, int], shape: tuple[int, int] = (100, 120)
) -> NDArray[np.float32]:
    """Discs (row, column, radius) of probability 0.75 on 0."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    values = np.zeros(shape, np.float32)
    for row, column, radius in discs:
        values[(y - row) ** 2 + (x - column) ** 2 <= radius**2] = 0.75
    return values


def stored_as(values: NDArray[np.float32], dtype: str) -> NDArray[np.generic]:
    """The map as float32, uint8 or uint16 that cover the type's whole range."""
    if dtype == "float32":
        return values
    return np.rint(values * np.iinfo(dtype).max).astype(dtype)
