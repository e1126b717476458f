"""Candidates of a StarDist network: a point, a probability and the rays of an outline each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Candidates:
    """Objects that a network proposes.

    Attributes:
        prob: (n,) float32.
        dist: (n, rays) float32, pixels.
        points: (n, 2) int32, pixel-centre (y, x).
        classes: (n, classes + 1) float32, or ``None``.

    >>> one = Candidates(
    ...     prob=np.array([0.9], np.float32),
    ...     dist=np.full((1, 32), 5, np.float32),
    ...     points=np.array([[7, 8]], np.int32),
    ... )
    >>> len(Candidates.join([one, Candidates.none(32), one], 32))
    2
    """

    prob: NDArray[Any]
    dist: NDArray[Any]
    points: NDArray[Any]
    classes: NDArray[Any] | None = None

    def __len__(self) -> int:
        return len(self.prob)

    def take(self, index: NDArray[Any]) -> Candidates:
        """Return the candidates that an index or mask names, in its order."""
        classes = None if self.classes is None else self.classes[index]
        return Candidates(self.prob[index], self.dist[index], self.points[index], classes)

    @classmethod
    def none(cls, rays: int) -> Candidates:
        """Return no candidates."""
        return cls(
            np.empty(0, np.float32), np.empty((0, rays), np.float32), np.empty((0, 2), np.int32)
        )

    @classmethod
    def join(cls, parts: Sequence[Candidates], rays: int) -> Candidates:
        """Join the candidates of several parts, in their order."""
        filled = [part for part in parts if len(part)]
        if len(filled) < 2:
            return filled[0] if filled else cls.none(rays)
        classes = [part.classes for part in filled if part.classes is not None]
        return cls(
            np.concatenate([part.prob for part in filled]),
            np.concatenate([part.dist for part in filled]),
            np.concatenate([part.points for part in filled]),
            np.concatenate(classes) if len(classes) == len(filled) else None,
        )
