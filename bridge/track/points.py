"""Objects of a time series as points with features, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Points:
    """Objects as tracking sees them.

    Attributes:
        frame: (n,) time point of each.
        position: (n, axes) in µm, or pixels where the size of a pixel is unknown.
        features: (n, features) what changes little from frame to frame and by factors, as
            logarithms: of area and intensity. NaN where unknown.
    """

    frame: Indices
    position: Floats
    features: Floats

    def frames(self) -> Iterator[tuple[int, Indices]]:
        """Yield every time point from the first to the last, and the rows that lie in it."""
        if not len(self.frame):
            return
        order = np.argsort(self.frame, kind="stable")
        first, last = int(self.frame[order[0]]), int(self.frame[order[-1]])
        edges = np.searchsorted(self.frame[order], np.arange(first, last + 2))
        for number, (start, stop) in enumerate(pairwise(edges)):
            yield first + number, order[start:stop]


def mutual_neighbours(a: Floats, b: Floats) -> tuple[Indices, Indices]:
    """Return rows of two sets of points that are each other's nearest.

    >>> mutual_neighbours(np.array([[0.0], [5.0]]), np.array([[5.5], [0.5], [0.7]]))
    (array([0, 1]), array([1, 0]))
    """
    if not len(a) or not len(b):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    of_a = cKDTree(b).query(a)[1]
    of_b = cKDTree(a).query(b)[1]
    rows = np.flatnonzero(of_b[of_a] == np.arange(len(a)))
    return rows, of_a[rows]
