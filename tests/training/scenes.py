"""Images of discs to train on, and networks that are trained in seconds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.training.learning.architecture import Architecture
from bridge.training.learning.settings import TrainingSettings
from bridge.training.pairs import TrainingPair

TINY = Architecture(like="fluo", grid=2, depth=2, filters=4, rays=16)


def discs(
    seed: int = 0, shape: tuple[int, int] = (96, 112), *, radius: float = 6, gap: int = 1
) -> NDArray[np.int32]:
    """A label image of discs on a grid with some play; labels are ``gap`` apart."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, np.int32)
    y, x = np.mgrid[: shape[0], : shape[1]]
    number = 0
    step = int(3.2 * radius)
    for cy in range(step // 2, shape[0], step):
        for cx in range(step // 2, shape[1], step):
            number += 1
            play = rng.uniform(-0.4, 0.4, 2) * radius
            inside = np.hypot(y - cy - play[0], x - cx - play[1]) < radius * rng.uniform(0.8, 1.1)
            labels[inside & (labels == 0)] = number * gap
    return labels


def disc_pair(
    name: str, seed: int, shape: tuple[int, int] = (96, 112), channels: int = 1, **options: Any
) -> TrainingPair:
    """An image with noise in which discs are bright, of 16 bits."""
    labels = discs(seed, shape)
    rng = np.random.default_rng(seed + 1000)
    image = rng.normal(200, 20, (*shape, channels)) + 1500 * (labels > 0)[..., np.newaxis]
    return TrainingPair(
        name=name, image=np.clip(image, 0, 65535).astype(np.uint16), labels=labels, **options
    )


def quick(**changes: Any) -> TrainingSettings:
    """Settings of a training of a second."""
    given: dict[str, Any] = {
        "steps": 4,
        "batch_size": 2,
        "patch": 32,
        "validate_every": 2,
        "learning_rate": 1e-3,
        "precision": "float32",
    }
    return TrainingSettings(**(given | changes))
