"""Standardisation of features, and what stands for those that are missing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_FARTHEST = 10.0


@dataclass(frozen=True, eq=False)
class FeatureScaling:
    """Median, mean and standard deviation of each feature in training.

    Attributes:
        medians, means, deviations: (features,) float64; deviations are above 0.

    Raises:
        ValueError: values that are no numbers.

    >>> scaling = FeatureScaling.of(np.array([[1.0], [3.0], [np.nan]]))
    >>> scaling.standardise(np.array([[3.0], [np.nan], [1e9]])).round(3).ravel().tolist()
    [1.225, 0.0, 10.0]
    """

    medians: NDArray[np.float64]
    means: NDArray[np.float64]
    deviations: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Check the values, which may come from a file."""
        parts = (self.medians, self.means, self.deviations)
        if any(part.ndim != 1 or len(part) != len(self.medians) for part in parts):
            raise ValueError("means and deviations have sizes that disagree")
        if not all(np.isfinite(part).all() for part in parts) or (self.deviations <= 0).any():
            raise ValueError("a mean or a deviation is no number")

    @classmethod
    def of(cls, x: NDArray[np.float64]) -> FeatureScaling:
        """Measure features (n, features); each has at least one finite value."""
        known = np.where(np.isfinite(x), x, np.nan)
        medians = np.nanmedian(known, axis=0)
        filled = np.where(np.isnan(known), medians, known)
        deviations = filled.std(axis=0)
        # What does not vary says nothing, and what varies by rounding only says nothing either.
        is_flat = deviations <= 1e-12 * np.abs(medians)
        return cls(medians, filled.mean(axis=0), np.where(is_flat, 1.0, deviations))

    def standardise(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return features in standard deviations from the mean.

        Args:
            x: (n, features). Values that are no finite numbers are replaced by the median of
                training; those farther than 10 standard deviations from the mean are set to 10.
        """
        filled = np.where(np.isfinite(x), x, self.medians)
        return np.clip((filled - self.means) / self.deviations, -_FARTHEST, _FARTHEST)
