"""Motion of the objects of a time series, learned from the series itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_NORMAL_MAD = 1.4826  # standard deviation of a normal distribution over its median deviation
_SMALLEST = 1e-9
_FEWEST = 20  # pairs from which something can be learned

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Motion:
    """Changes that are usual from a frame to the next.

    Attributes:
        spread: (axes,) standard deviation of where an object is about where it was expected, in the
            units of positions.
        persistence: part of an object's last step that its next one repeats, from 0 to 1.
        change: (features,) standard deviation of the change of each feature.
        reach: distance within which nearly all are found about where they were expected.
    """

    spread: Floats
    persistence: float
    change: Floats
    reach: float

    @classmethod
    def of_pairs(
        cls, residuals: Floats, changes: Floats, persistence: float, *, slack: float = 1.5
    ) -> Motion:
        """Learn from pairs of objects that are most probably the same one in two frames.

        Args:
            residuals: (pairs, axes) found minus expected position.
            changes: (pairs, features) change of each feature; NaN where unknown.
            persistence: as in the attribute.
            slack: the reach is as many times the distance that 99 of 100 pairs keep.
        """
        axes, features = residuals.shape[1], changes.shape[1]
        if not len(residuals):
            return cls(np.ones(axes), 0.0, np.full(features, np.inf), 0.0)
        distances = np.linalg.norm(residuals, axis=1)
        if len(residuals) < _FEWEST:
            typical = max(float(np.sqrt((distances**2).mean() / axes)), _SMALLEST)
            farthest = 2 * float(distances.max())
            return cls(np.full(axes, typical), 0.0, np.full(features, np.inf), farthest)
        far = np.percentile(distances, 99)
        return cls(
            spread=np.maximum(deviation(residuals), _SMALLEST),
            persistence=persistence,
            change=np.maximum(deviation(changes), _SMALLEST),
            reach=float(max(slack * far, _SMALLEST)),
        )


def deviation(values: Floats) -> Floats:
    """Return the standard deviation of each column about 0, whatever a few outliers are.

    Args:
        values: (rows, columns); NaN counts as unknown, and a column without a number gets infinity.

    >>> deviation(np.array([[1.0], [-1.0], [1.0], [500.0]]))
    array([1.4826])
    """
    with np.errstate(all="ignore"):
        known = np.isfinite(values).any(axis=0)
        found = np.full(values.shape[1], np.inf)
        found[known] = np.nanmedian(np.abs(values[:, known]), axis=0) * _NORMAL_MAD
    return found


def learn_persistence(before: Floats, after: Floats) -> float:
    """Return the part of a step that the next one repeats.

    Args:
        before: (pairs, axes) steps.
        after: (pairs, axes) the steps of the same objects that follow.

    >>> learn_persistence(np.array([[2.0, 0]] * 20), np.array([[1.0, 0]] * 20))
    0.5
    """
    square = float((before**2).sum())
    if len(before) < _FEWEST or square == 0:
        return 0.0
    return float(np.clip((before * after).sum() / square, 0.0, 1.0))
