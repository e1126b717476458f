"""Standardisation of crops by those of training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from bridge.classify.objects.masked_crops import MaskedCrops
from bridge.classify.objects.scaling import FeatureScaling

_FARTHEST = 10.0  # standard deviations; what is farther from the mean is set to it

_GREATEST = 1e40  # means and deviations of crops are below


@dataclass(frozen=True, eq=False)
class CropScaling:
    """Sizes, means and deviations of the crops in training.

    Attributes:
        numbers: scaling of :func:`numbers_of`.

    Raises:
        ValueError: numbers of no channel, or beyond those of a crop.
    """

    numbers: FeatureScaling

    dtypes: ClassVar[Mapping[str, str]] = {
        "crop_medians": "<f8",
        "crop_means": "<f8",
        "crop_deviations": "<f8",
    }

    def __post_init__(self) -> None:
        """Check how many numbers there are."""
        n_numbers = len(self.numbers.means)
        if n_numbers < 3 or n_numbers % 2 == 0:
            raise ValueError(f"its crops have {n_numbers} numbers")
        if any((np.abs(part) > _GREATEST).any() for part in self.arrays().values()):
            raise ValueError("a mean or a deviation of its crops is too great")

    @classmethod
    def of(cls, crops: MaskedCrops) -> Self:
        """Measure crops, of which something is drawn of each."""
        numbers = numbers_of(crops)
        is_known = np.isfinite(numbers).any(axis=0)
        return cls(FeatureScaling.of(np.where(is_known, numbers, 0.0)))

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return len(self.numbers.means) // 2

    def standardise(self, crops: MaskedCrops) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return what a network looks at.

        Returns:
            Pixels (n, SIDE, SIDE, 2 · channels + 1): channels in standard deviations from the mean
            of the object, then in standard deviations from the mean of all pixels in training, 0
            outside, and the mask; and (n, 1 + 2 · channels) sizes, means and deviations in
            standard deviations from their means in training.
        """
        n = self.n_channels
        numbers = numbers_of(crops)
        numbers = np.where(np.isfinite(numbers), numbers, self.numbers.medians)
        middle = self.numbers.means[1 : n + 1]
        # the variance of all pixels is that between objects and the mean one inside of them
        parts = (
            self.numbers.deviations[1 : n + 1],
            self.numbers.means[n + 1 :],
            self.numbers.deviations[n + 1 :],
        )
        spread = np.hypot(np.hypot(*parts[:2]), parts[2])
        offset = _bounded((numbers[:, 1 : n + 1] - middle) / spread)
        gain = _bounded(numbers[:, n + 1 :] / spread)
        pixels = crops.pixels.astype(np.float32)
        shown, mask = pixels[..., :-1], pixels[..., -1:]
        in_training = _bounded(shown * gain[:, None, None] + mask * offset[:, None, None])
        pixels = np.concatenate([shown, in_training, mask], axis=3)
        return pixels, self.numbers.standardise(numbers).astype(np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return medians, means and deviations."""
        own = self.numbers
        return dict(zip(self.dtypes, (own.medians, own.means, own.deviations), strict=True))

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return the scaling of arrays.

        Raises:
            ValueError: arrays that do not fit each other.
        """
        return cls(FeatureScaling(*(arrays[name] for name in cls.dtypes)))


def numbers_of(crops: MaskedCrops) -> NDArray[np.float64]:
    """Return (n, 1 + 2 · channels): sizes, means of the channels, deviations of the channels.

    >>> numbers_of(MaskedCrops.empty(4, 2)).shape
    (4, 5)
    """
    return np.column_stack([crops.sizes, crops.means, crops.deviations]).astype(np.float64)


def _bounded(values: NDArray[np.floating]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = np.clip(values, -_FARTHEST, _FARTHEST).astype(np.float32)
    return found
