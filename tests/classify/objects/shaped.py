"""Images of objects that differ by their shape and texture, not by size and brightness."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bridge import Detections
from bridge.images import Image, from_array

PITCH = 24


def shaped_objects(
    n: int = 16, *, seed: int = 0, n_channels: int = 1
) -> tuple[Image, Detections, list[str]]:
    """Return an image of discs and bars in turn, its objects, and their classes."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((PITCH, PITCH * n), np.int32)
    y, x = np.indices((PITCH, PITCH)) - PITCH / 2 + 0.5
    for number in range(n):
        length = rng.uniform(7, 10)
        inside = np.hypot(y, x) < length
        if number % 2:
            inside = (abs(y if rng.random() < 0.5 else x) < length / 3) & inside
        labels[:, number * PITCH : (number + 1) * PITCH][inside] = number + 1
    pixels: NDArray[np.float64] = rng.normal(500, 40, (n_channels, *labels.shape))
    image = from_array(np.rint(pixels).astype(np.uint16), axes="CYX")
    classes = ["bar" if number % 2 else "disc" for number in range(n)]
    return image, Detections.from_labels(labels, image=image.info), classes
