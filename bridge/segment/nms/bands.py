"""Suppression over a plane whose candidates arrive row of tiles by row of tiles."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.segment.nms.candidates import Candidates
from bridge.segment.nms.greedy import decide
from bridge.segment.nms.outline import LONGEST_RAY

log = logging.getLogger(__name__)

RowsOfTiles = Iterable[tuple[Sequence[Candidates], int]]
"""The candidates of each row of tiles, top to bottom, and the row's first pixel row."""

_LEAST_REACH = 512


class LateObjectError(Exception):
    """A later candidate overturns what was decided before it was known.

    Args:
        reach: how far up from its centre a candidate reaches at most, pixels.
    """

    def __init__(self, reach: int) -> None:
        self.reach = reach
        super().__init__(f"candidates reach {reach} pixels")


def suppress_rows(
    predict: Callable[[], RowsOfTiles],
    threshold: float,
    rays: int,
    *,
    capacity: int = 2_000_000,
    reach: int = _LEAST_REACH,
) -> Candidates:
    """Keep the most probable candidate of each object of a plane that arrives from top to bottom.

    The result is that of :func:`bridge.segment.nms.suppress` on all candidates at once, whatever
    the tiles and however large the objects. Where a candidate reaches further up than was expected,
    and changes what was decided there, the plane is predicted once more with the measured reach.

    Args:
        predict: predicts the plane; called once more in that case.
        threshold: as in :func:`bridge.segment.nms.suppress`.
        rays: rays of an outline.
        capacity: as in :class:`BandedSuppression`.
        reach: likewise.

    >>> candidates = Candidates(
    ...     prob=np.array([0.6, 0.9], np.float32),
    ...     dist=np.full((2, 32), 10, np.float32),
    ...     points=np.array([[20, 20], [22, 20]], np.int32),
    ... )
    >>> suppress_rows(lambda: [([candidates], 0)], threshold=0.4, rays=32).points
    array([[22, 20]], dtype=int32)
    """
    while True:
        banded = BandedSuppression(threshold, rays, capacity=capacity, reach=reach)
        for row_of_tiles, top in predict():
            banded.add(row_of_tiles, top)
        try:
            return banded.finish()
        except LateObjectError as error:
            reach = error.reach
            log.info("objects reach up to %d pixels from their centres: predicted anew", reach)


def _longest_ray(dist: NDArray[Any]) -> float:
    """Return the longest ray of those that can be an object's."""
    longest = max(float(dist.max(initial=0)), -float(dist.min(initial=0)))
    if longest < LONGEST_RAY:
        return longest
    rays = np.abs(dist)
    return float(rays.max(initial=0, where=rays < LONGEST_RAY))


class BandedSuppression:
    """A suppression of candidates that arrive from top to bottom and need not all be held.

    Where all candidates fit into ``capacity`` they are thinned in one go. Beyond that, what later
    rows cannot change is decided at once: a candidate stays for good when it lies further up than
    a later one may reach, and no more probable candidate that is open itself lies on it; what it
    covers is dropped. How far later candidates reach is reckoned from those that were seen, and
    proven at the end: as long as every candidate that stayed for good is among the winners of all
    that is held, these are the winners of all there ever was, because each one that was dropped is
    covered by a winner.

    Args:
        threshold: as in :func:`bridge.segment.nms.suppress`.
        rays: rays of an outline.
        capacity: candidates to be held before they are thinned.
        reach: how far up from its centre a later candidate is reckoned to reach at least, pixels;
            twice what was seen, if that is more.

    >>> banded = BandedSuppression(threshold=0.4, rays=32)
    >>> banded.add([Candidates.none(32)], top=0)
    >>> len(banded.finish())
    0
    """

    def __init__(
        self,
        threshold: float,
        rays: int,
        *,
        capacity: int = 2_000_000,
        reach: int = _LEAST_REACH,
    ) -> None:
        self._threshold = threshold
        self._rays = rays
        self._capacity = capacity
        self._next_thinning = capacity
        self._reach = reach
        self._largest = 0.0
        self._held: list[Candidates] = []
        self._settled: NDArray[np.bool_] = np.empty(0, bool)  # of the first ones held
        self._overturned = False

    @property
    def held(self) -> int:
        """Number of candidates in memory."""
        return sum(len(part) for part in self._held)

    def add(self, row_of_tiles: Sequence[Candidates], top: int) -> None:
        """Add the candidates of one row of tiles, whose first pixel row is ``top``."""
        if self.held > self._next_thinning:
            self._thin(top)
        for part in row_of_tiles:
            self._largest = max(self._largest, _longest_ray(part.dist))
        self._held.extend(part for part in row_of_tiles if len(part))

    def finish(self) -> Candidates:
        """Return all winners, most probable first.

        Raises:
            LateObjectError: a candidate reached further up than was reckoned with, and changes
                what was decided there. Add all rows once more to a new object with its ``reach``.
        """
        everything = Candidates.join(self._held, self._rays)
        winners, _ = decide(everything, self._threshold)
        self._check(winners, len(everything))
        if self._overturned:
            raise LateObjectError(int(np.ceil(self._largest)) + 1)
        self._held, self._settled = [], np.empty(0, bool)
        return everything.take(winners)

    def _thin(self, bottom: int) -> None:
        """Decide what candidates centred below row ``bottom`` cannot change."""
        everything = Candidates.join(self._held, self._rays)
        self._held = []
        reach = max(self._reach, int(np.ceil(2 * self._largest)))
        winners, still_open = decide(everything, self._threshold, open_below=bottom - reach)
        kept = np.concatenate([winners, still_open])
        self._check(kept, len(everything))
        settled = self._all_settled(len(everything))
        settled[winners] = True
        self._settled = settled[kept]
        self._held = [everything.take(kept)]
        self._next_thinning = max(self._capacity, 2 * len(kept))

    def _check(self, kept: NDArray[Any], n: int) -> None:
        lost = self._all_settled(n)
        lost[kept] = False
        self._overturned |= bool(lost.any())

    def _all_settled(self, n: int) -> NDArray[np.bool_]:
        settled = np.zeros(n, bool)
        settled[: len(self._settled)] = self._settled
        return settled
