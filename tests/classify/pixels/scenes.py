"""Small images, strokes and classifiers to train and apply."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge.classify.pixels.classifier import PixelClassifier
from bridge.classify.pixels.training import train_pixel_classifier
from bridge.formats.ilastik.feature_selection import FEATURE_IDS, FeatureSelection
from bridge.formats.ilastik.labels import Block, Strokes
from bridge.images import Image, from_array

CLASSES = ("background", "nucleus")


def selection(*scales: float, in_2d: bool = False) -> FeatureSelection:
    """Return every feature at some scales, 0.7 and 1.6 where none is given."""
    scales = scales or (0.7, 1.6)
    return FeatureSelection(
        scales, ((True,) * len(scales),) * len(FEATURE_IDS), (in_2d,) * len(scales)
    )


def blobs(shape: Sequence[int], seed: int = 0) -> NDArray[np.uint16]:
    """Return bright squares on a dark, noisy ground; the last two axes are Y and X."""
    rng = np.random.default_rng(seed)
    y, x = np.indices(tuple(shape)[-2:])
    bright = ((y // 12) % 2 == 1) & ((x // 12) % 2 == 1)
    values = 200 + 800 * bright + rng.normal(0, 40, tuple(shape))
    return np.asarray(values.clip(0), np.uint16)


def strokes_on(values: NDArray[Any], *, classes: int = 2) -> Strokes:
    """Return strokes in the first plane of an array (…, Y, X): dark 1, bright 2."""
    plane = np.zeros(values.shape[-2:], np.uint8)
    first = values.reshape(-1, *values.shape[-2:])[0]
    plane[4:20:2, 4:20] = np.where(first[4:20:2, 4:20] > 600, classes, 1)
    shape = {2: (1, 1), 3: (1, values.shape[0])}[values.ndim]
    return Strokes((*shape, *values.shape[-2:]), (Block((0, 0, 0, 0), plane[None, None]),))


def image_of(values: NDArray[Any], name: str = "image") -> Image:
    """Return a plane or a stack as an image."""
    return from_array(values, axes="YX" if values.ndim == 2 else "ZYX", name=name)


def trained(values: NDArray[Any] | None = None, **options: Any) -> PixelClassifier:
    """Return a classifier of dark and bright, trained on one image with 10 trees."""
    pytest.importorskip("sklearn")
    pixels = blobs((40, 44)) if values is None else values
    options = {"selection": selection(), "trees": 10, **options}
    chosen = options.pop("selection")
    return train_pixel_classifier(
        [image_of(pixels)], [strokes_on(pixels)], CLASSES, chosen, **options
    )
