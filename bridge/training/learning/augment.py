"""Random changes of patches: turns, mirrors, scale, brightness, contrast, noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Augmentation:
    """Strengths of the random changes of patches.

    Flips and quarter turns are always done; the other changes are drawn from the ranges here.

    Attributes:
        scale: the largest factor by which a patch is enlarged, and its inverse by which it is
            shrunk; 1 leaves the size.
        gamma: standard deviation of the logarithm of the exponent of a display curve.
        gain: (lowest, highest) logarithm of the factor by which intensities are multiplied.
        offset: the largest amount that is added to or taken from the normalised intensities.
        noise: the largest standard deviation of the noise that is added.
    """

    scale: float = 1.4
    gamma: float = 0.2
    gain: tuple[float, float] = (-0.7, 0.5)
    offset: float = 0.1
    noise: float = 0.04

    def draw_scale(self, rng: np.random.Generator) -> float:
        """Draw the factor by which a patch is enlarged."""
        if self.scale == 1:
            return 1.0
        return float(np.exp(rng.uniform(-1, 1) * np.log(self.scale)))

    def apply(
        self, pixels: NDArray[np.float32], labels: NDArray[Any], rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[Any]]:
        """Turn and mirror a patch, and change its intensities.

        Args:
            pixels: (size, size, channels), normalised.
            labels: (size, size).
            rng: source of chance.

        Returns:
            Both, changed alike; the arguments are left as they are.
        """
        turns, is_mirrored = int(rng.integers(4)), bool(rng.integers(2))
        pixels, labels = np.rot90(pixels, turns), np.rot90(labels, turns)
        if is_mirrored:
            pixels, labels = pixels[:, ::-1], labels[:, ::-1]
        # images in 8 bits have often been through a display curve
        floor = np.minimum(pixels.min(axis=(0, 1)), 0)
        exponent = np.exp(rng.normal(0, self.gamma, pixels.shape[2])).astype(np.float32)
        changed = (pixels - floor) ** exponent + floor if self.gamma else pixels.copy()
        # a few very bright nuclei make all others faint once percentiles are brought to 0 and 1
        changed *= np.float32(np.exp(rng.uniform(*self.gain)))
        changed += np.float32(rng.uniform(-self.offset, self.offset))
        noise = rng.standard_normal(changed.shape, np.float32)
        changed += np.float32(rng.uniform(0, self.noise)) * noise
        return np.ascontiguousarray(changed), np.ascontiguousarray(labels)


NO_AUGMENTATION = Augmentation(scale=1, gamma=0, gain=(0, 0), offset=0, noise=0)
"""Only flips and quarter turns."""
