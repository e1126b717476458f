"""Folders of images and masks as people have them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray


def picture(seed: int, shape: tuple[int, ...] = (48, 64)) -> NDArray[np.uint16]:
    """An image of noise."""
    return np.random.default_rng(seed).integers(0, 4000, shape).astype(np.uint16)


def squares(
    count: int = 6, shape: tuple[int, int] = (48, 64), dtype: Any = np.uint16
) -> NDArray[Any]:
    """A label image of squares of 8 x 8 px, 16 px apart."""
    labels = np.zeros(shape, dtype)
    for number in range(count):
        y, x = 4 + number // 4 * 16, 4 + number % 4 * 16
        labels[y : y + 8, x : x + 8] = number + 1
    return labels


def save(path: Path, array: NDArray[Any], **options: Any) -> Path:
    """Write a TIFF, with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, array, photometric="minisblack", **options)
    return path
