"""Targets of the network for a patch: object probabilities, star distances, classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bridge.outlines.star_distances import star_distances
from bridge.training.pairs import IGNORED


@dataclass(frozen=True)
class Targets:
    """The targets of a patch or of a batch of them, on the network's grid.

    Attributes:
        prob: (…, y, x, 1) float32: distance to the object's boundary, 1 in its middle, 0 outside;
            :data:`~bridge.training.pairs.IGNORED` where nobody has looked.
        dist: (…, y, x, rays + 1) float32: the distance along each ray in pixels, and the weight
            with which it counts, which is ``prob`` without its -1.
        classes: (…, y, x, classes + 1) float32, one-hot with the background first, -1 throughout
            where nobody has looked or the object has no class; ``None`` for a model without them.
    """

    prob: NDArray[np.float32]
    dist: NDArray[np.float32]
    classes: NDArray[np.float32] | None = None

    def arrays(self) -> tuple[NDArray[np.float32], ...]:
        """Return what the network's outputs are compared with, in their order."""
        return (self.prob, self.dist) if self.classes is None else (*self,)

    def __iter__(self):  # type: ignore[no-untyped-def]
        yield self.prob
        yield self.dist
        yield self.classes


def make_targets(
    labels: NDArray[np.int32],
    *,
    grid: tuple[int, int],
    n_rays: int,
    class_numbers: Mapping[int, int] | None = None,
    n_classes: int = 0,
) -> Targets:
    """Return the targets of a patch, as ``StarDist2D.train`` computes them.

    Labels may be any numbers; they should not be much larger than there are objects.

    Args:
        labels: (height, width), multiples of the grid.
        grid: pixels between two predictions (y, x).
        n_rays: rays of an outline.
        class_numbers: the class of each label, from 1; labels that are missing have no class.
        n_classes: number of classes; 0 for a model without them.

    >>> labels = np.zeros((8, 8), np.int32)
    >>> labels[2:7, 2:7] = 30_000
    >>> labels[:, 0] = IGNORED
    >>> targets = make_targets(labels, grid=(1, 1), n_rays=4)
    >>> float(targets.prob[4, 4, 0]), float(targets.prob[0, 0, 0]), float(targets.dist[4, 4, 0])
    (1.0, -1.0, 2.5)
    """
    ignored = labels[:: grid[0], :: grid[1]] == IGNORED
    positive = np.maximum(labels, 0)
    numbers = np.flatnonzero(np.bincount(positive.ravel())[1:]) + 1
    renumber = np.zeros(int(positive.max()) + 1, np.int32)
    renumber[numbers] = np.arange(1, len(numbers) + 1)
    compact = renumber[positive]
    on_grid = np.ascontiguousarray(compact[:: grid[0], :: grid[1]])
    prob = _boundary_distance(on_grid)
    dist = np.empty((*prob.shape, n_rays + 1), np.float32)
    dist[..., :-1] = star_distances(compact, n_rays, grid)
    dist[..., -1] = prob
    target = prob[..., np.newaxis].copy()
    target[ignored] = IGNORED
    if not n_classes:
        return Targets(target, dist)
    known = class_numbers or {}
    # 0 is the background, -1 an object without a class
    table = np.array([0, *(known.get(int(n), -1) for n in numbers)], np.int64)
    number = table[on_grid]
    classes = np.eye(n_classes + 1, dtype=np.float32)[np.maximum(number, 0)]
    classes[(number < 0) | ignored] = IGNORED
    return Targets(target, dist, classes)


def _boundary_distance(labels: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return the distance to each object's boundary, as part of the largest one in the object."""
    from stardist.utils import edt_prob

    if not labels.any():
        return np.zeros(labels.shape, np.float32)
    if labels.min() == labels.max():
        # StarDist warns of a patch within one object, and takes background around it
        padded: NDArray[np.float32] = edt_prob(np.pad(labels, 1))[1:-1, 1:-1]
        return padded.astype(np.float32)
    return np.asarray(edt_prob(labels), np.float32)
