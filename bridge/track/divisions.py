"""Find divisions: a track that goes on in two.

Where a track begins beside another one, that one may have divided. Three things tell: both
daughters last, the mother lies in the middle between them, and together they are as large as it.
Each is weighed against what is usual when nothing divides, as learned from the series.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from bridge.track.linking import assign_cheapest
from bridge.track.motion import Motion
from bridge.track.points import Points

MIN_LIFE = 3
"""Frames in which each daughter must be seen, or until the series ends."""

_FARTHER = 1.5  # times the reach of a link: daughters move apart
_PRIOR = 0.5  # negative logarithm of the odds that a track that begins there is a daughter
_SIZE = 0.25  # standard deviation of the logarithm of the daughters' sizes and of their sum

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


def find_divisions(
    points: Points,
    before: Indices,
    motion: Motion,
    *,
    max_distance: float | None = None,
    gap: int = 2,
    has_size: bool = False,
) -> Indices:
    """Return the mother of every daughter that begins a track.

    Args:
        points: the objects.
        before: the object before each, as :class:`bridge.track.linking.Links` has it.
        motion: what was learned from the series.
        max_distance: from the mother to a daughter; learned where ``None``.
        gap: frames in which a daughter may be missing at first.
        has_size: whether the first feature is the logarithm of the size.

    Returns:
        (n,) row of the mother's last object for the first object of the second daughter, else -1.
        The first daughter is the object that follows the mother in ``before``.

    >>> frame = np.repeat(np.arange(6), [1, 1, 1, 2, 2, 2])
    >>> y = [0, 0, 0, 2, -2, 3, -3, 4, -4]
    >>> points = Points(frame, np.array([[v, 0.0] for v in y]), np.zeros((9, 0)))
    >>> motion = Motion(np.ones(2), 0.0, np.zeros(0), 4.0)
    >>> mothers = find_divisions(points, np.array([-1, 0, 1, 2, -1, 3, 4, 5, 6]), motion)
    >>> mothers.tolist()
    [-1, -1, -1, -1, 2, -1, -1, -1, -1]
    """
    n = len(before)
    mothers = np.full(n, -1, np.int64)
    after = np.full(n, -1, np.int64)
    linked = np.flatnonzero(before >= 0)
    after[before[linked]] = linked
    remaining = _lengths(after, points.frame)
    first, last = (int(points.frame.min()), int(points.frame.max())) if n else (0, 0)
    needed = np.minimum(MIN_LIFE, last - points.frame + 1)
    lasts = remaining >= needed
    starts = np.flatnonzero((before < 0) & (points.frame > first) & lasts)
    dividing = np.flatnonzero(after >= 0)
    dividing = dividing[lasts[after[dividing]]]
    reach = (max_distance or motion.reach) * _FARTHER
    found = [_near(points, dividing, starts, elapsed, reach) for elapsed in range(1, gap + 2)]
    mother = np.concatenate([a for a, _ in found])
    daughter = np.concatenate([b for _, b in found])
    sister = after[mother]
    cost = _costs(points, mother, sister, daughter, motion, has_size)
    a, b = assign_cheapest(mother, daughter, cost + _PRIOR)
    mothers[b] = a
    return mothers


def _lengths(after: Indices, frame: Indices) -> Indices:
    """Return how many objects of its track come from each on, itself included."""
    lengths = np.ones(len(after), np.int64)
    for row in np.argsort(frame, kind="stable")[::-1].tolist():
        if after[row] >= 0:
            lengths[row] += lengths[after[row]]
    return lengths


def _near(
    points: Points, mothers: Indices, starts: Indices, elapsed: int, reach: float
) -> tuple[Indices, Indices]:
    """Return pairs of mothers and tracks that begin near them so many frames later."""
    a: list[int] = []
    b: list[int] = []
    for frame in np.unique(points.frame[starts]):
        new = starts[points.frame[starts] == frame]
        old = mothers[points.frame[mothers] == frame - elapsed]
        if not len(old):
            continue
        near = cKDTree(points.position[old]).query_ball_point(points.position[new], reach)
        for row, those in zip(new, near, strict=True):
            a += old[those].tolist()
            b += [int(row)] * len(those)
    return np.array(a, np.int64), np.array(b, np.int64)


def _costs(
    points: Points,
    mother: Indices,
    sister: Indices,
    daughter: Indices,
    motion: Motion,
    has_size: bool,
) -> Floats:
    """Return the logarithm of how much more probable it is that nothing divided."""
    position, spread = points.position, motion.spread
    middle = (position[sister] + position[daughter]) / 2 - position[mother]
    alone = position[sister] - position[mother]
    cost = _unlikely(middle / spread) - _unlikely(alone / spread)
    if has_size:  # how sizes change at a division is a habit, no law: tails are wide
        size = points.features[:, 0]
        together = np.logaddexp(size[sister], size[daughter]) - size[mother]
        apart = size[sister] - size[daughter]
        change = size[sister] - size[mother]
        for value, deviation, sign in (
            (together, _SIZE, 1),
            (apart, _SIZE, 1),
            (change, motion.change[0], -1),
        ):
            cost += sign * np.log1p(np.nan_to_num(value / deviation) ** 2 / 2)
    return np.asarray(cost)


def _unlikely(away: Floats) -> Floats:
    """Return the negative logarithm of a normal density, but for a constant."""
    return np.asarray((away**2).sum(axis=1) / 2)
