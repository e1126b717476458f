"""Pictures of what a classifier finds: classes over the image, and a map of each class."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture

from bridge.classify.pixels.intensities import PERCENTILES

SIDE = 1024
"""Pixels of a picture's longer side, at most."""

_OPACITY = 0.45


def reduction(height: int, width: int, side: int = SIDE) -> int:
    """Return of how many rows and columns one is shown.

    >>> reduction(4000, 3000)
    4
    """
    return max(1, -(-max(height, width) // side))


def draw_classes(
    plane: NDArray[Any], segmentation: NDArray[np.uint8], colors: Sequence[tuple[int, int, int]]
) -> bytes:
    """Return a PNG of a plane with its classes in their colours.

    Args:
        plane: (Y, X) intensities.
        segmentation: (Y, X) class numbers from 1; 0 where there is none.
        colors: (red, green, blue) of each class.
    """
    grey = grey_values(plane)[..., None].astype(np.float32)
    tints = np.array([(0, 0, 0), *colors], np.float32)[segmentation]
    opacity = np.where(segmentation > 0, np.float32(_OPACITY), np.float32(0))[..., None]
    return _png((grey * (1 - opacity) + tints * opacity).astype(np.uint8))


def draw_map(probability: NDArray[np.float32]) -> bytes:
    """Return a PNG of the probability of a class (Y, X), black for 0 and white for 1."""
    return _png(np.rint(np.clip(probability, 0, 1) * 255).astype(np.uint8))


def grey_values(plane: NDArray[Any]) -> NDArray[np.uint8]:
    """Return a plane as 8 bits, its low percentile black and its high one white."""
    values = plane.astype(np.float32)
    finite = values[np.isfinite(values)]
    low, high = np.percentile(finite, PERCENTILES) if finite.size else (0.0, 1.0)
    scaled = (values - low) / (high - low) if high > low else np.zeros_like(values)
    return (np.clip(np.nan_to_num(scaled), 0, 1) * 255).astype(np.uint8)


def _png(pixels: NDArray[np.uint8]) -> bytes:
    buffer = BytesIO()
    Picture.fromarray(pixels).save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()
