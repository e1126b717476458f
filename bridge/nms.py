"""Candidates of a StarDist network, and their thinning by non-maximum suppression (NMS)."""

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
    """

    prob: NDArray[Any]
    dist: NDArray[Any]
    points: NDArray[Any]
    classes: NDArray[Any] | None = None

    def __len__(self) -> int:
        return len(self.prob)

    def take(self, index: NDArray[Any]) -> Candidates:
        """The candidates that an index or mask names, in its order."""
        classes = None if self.classes is None else self.classes[index]
        return Candidates(self.prob[index], self.dist[index], self.points[index], classes)

    @classmethod
    def none(cls, rays: int) -> Candidates:
        """No candidates at all."""
        return cls(
            np.empty(0, np.float32), np.empty((0, rays), np.float32), np.empty((0, 2), np.int32)
        )

    @classmethod
    def join(cls, parts: Sequence[Candidates], rays: int) -> Candidates:
        """All candidates of several parts, in their order."""
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


def suppress(candidates: Candidates, threshold: float) -> Candidates:
    """Keep the most probable candidate of each object: StarDist's own NMS.

    Greedy by probability: a candidate goes when a more probable one that stays covers more than
    ``threshold`` of the smaller of the two areas.

    Returns:
        What stays, most probable first.
    """
    if not len(candidates):
        return candidates
    from stardist.nms import non_maximum_suppression_sparse

    *_, kept = non_maximum_suppression_sparse(
        candidates.dist, candidates.prob, candidates.points, nms_thresh=threshold, verbose=False
    )
    return candidates.take(kept)


class BandedSuppression:
    """NMS over a plane whose candidates arrive from top to bottom and need not all be held.

    Where all candidates fit into ``capacity`` they are thinned in one go, exactly as StarDist does.
    Beyond that the plane is cut into bands: a band is thinned together with the candidates that
    reach into it from above and below, and the winners of all bands once more among themselves, so
    that no object is kept twice.

    Args:
        threshold: as in :func:`suppress`.
        rays: rays of an outline.
        capacity: candidates to be held before a band is closed.
    """

    def __init__(self, threshold: float, rays: int, *, capacity: int = 3_000_000) -> None:
        self._threshold = threshold
        self._rays = rays
        self._capacity = capacity
        self._pending: list[Candidates] = []
        self._decided_to = 0
        self._winners: list[Candidates] = []

    def add(self, row_of_tiles: Sequence[Candidates], top: int) -> None:
        """Take the candidates of one row of tiles, whose first pixel row is ``top``."""
        held = sum(len(part) for part in self._pending)
        if held > self._capacity:
            joined = Candidates.join([*self._pending, *row_of_tiles], self._rays)
            self._close(joined, top)
        else:
            self._pending.extend(row_of_tiles)

    def finish(self) -> Candidates:
        """All winners, most probable first."""
        rest = suppress(Candidates.join(self._pending, self._rays), self._threshold)
        self._pending = []
        if not self._winners:
            return rest
        rest = rest.take(rest.points[:, 0] >= self._decided_to)
        everything = Candidates.join([*self._winners, rest], self._rays)
        self._winners = []
        return suppress(everything, self._threshold)

    def _close(self, candidates: Candidates, bottom: int) -> None:
        """Decide everything above ``bottom``; what may still matter below it is kept."""
        kept = suppress(candidates, self._threshold)
        rows = kept.points[:, 0]
        self._winners.append(kept.take((rows >= self._decided_to) & (rows < bottom)))
        # Two objects meet within two radii, and whether one of them stays may hang on a third.
        reach = 4 * int(np.ceil(candidates.dist.max(initial=0)))
        near = candidates.points[:, 0] >= max(bottom - reach, self._decided_to)
        self._pending = [candidates.take(near)]
        self._decided_to = bottom
