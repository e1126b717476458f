"""Link objects from frame to frame by a sparse assignment.

Each frame's objects are assigned to the tracks that may go on in it, all at once and so that the
sum of costs is least (linear assignment: Jaqaman et al., Nat. Methods 5 (2008), 695-702). A cost is
the negative logarithm of how probable it is that a track goes on in an object: by the distance from
where the track's last step leads, and by the change of area and intensity. How far objects move,
how long they keep their way and how much they change is learned from the series.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching
from scipy.spatial import cKDTree

from bridge.track.motion import Motion, learn_persistence
from bridge.track.points import Points, mutual_neighbours

_MISSED = 3.0  # negative logarithm of the part that a detector misses, 5 %
_FINEST = 1_000  # times the spread, at most, that a link may reach
_ROUNDS = 2  # of learning from the links of the round before

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Links:
    """Which object follows which.

    Attributes:
        before: (n,) row of the object before, or -1 for the first one of a track.
        motion: what was learned.
    """

    before: Indices
    motion: Motion


def link_points(points: Points, *, max_distance: float | None = None, gap: int = 2) -> Links:
    """Link objects over time.

    Args:
        points: the objects.
        max_distance: from where a track is expected to the object in which it goes on a frame
            later, in the units of positions; learned where ``None``.
        gap: frames in which an object may be missing.

    >>> x = np.array([[0.0, 0.0], [9.0, 0.0], [1.0, 0.0], [8.5, 0.0]])
    >>> points = Points(np.array([0, 0, 1, 1]), x, np.zeros((4, 0)))
    >>> link_points(points, max_distance=3).before
    array([-1, -1,  0,  1])
    """
    motion = _first_guess(points)
    before = np.full(len(points.frame), -1, np.int64)
    for _ in range(_ROUNDS):
        before = _link(points, motion, max_distance or motion.reach, gap)
        motion = _learn(points, before)
    return Links(_link(points, motion, max_distance or motion.reach, gap), motion)


def _first_guess(points: Points) -> Motion:
    """Learn from objects of neighbouring frames that are each other's nearest."""
    pairs: list[tuple[Indices, Indices]] = []
    last: Indices | None = None
    for _, rows in points.frames():
        if last is not None:
            a, b = mutual_neighbours(points.position[last], points.position[rows])
            pairs.append((last[a], rows[b]))
        last = rows
    before = np.concatenate([a for a, _ in pairs]) if pairs else np.empty(0, np.int64)
    after = np.concatenate([b for _, b in pairs]) if pairs else np.empty(0, np.int64)
    return Motion.of_pairs(
        points.position[after] - points.position[before],
        points.features[after] - points.features[before],
        0.0,
    )


def _learn(points: Points, before: Indices) -> Motion:
    """Learn from links between neighbouring frames."""
    rows = np.flatnonzero(before >= 0)
    rows = rows[points.frame[rows] - points.frame[before[rows]] == 1]
    step = np.full_like(points.position, np.nan)
    step[rows] = points.position[rows] - points.position[before[rows]]
    again = rows[np.isfinite(step[before[rows], 0])]
    persistence = learn_persistence(step[before[again]], step[again])
    expected = np.nan_to_num(step[before[rows]]) * persistence
    return Motion.of_pairs(
        step[rows] - expected, points.features[rows] - points.features[before[rows]], persistence
    )


def _link(points: Points, motion: Motion, reach: float, gap: int) -> Indices:
    # Where nothing moves at all, costs would be too large to add up.
    motion = replace(motion, spread=np.maximum(motion.spread, reach / _FINEST))
    before = np.full(len(points.frame), -1, np.int64)
    step = np.zeros_like(points.position)  # a frame, of each object's track
    open_rows = np.empty(0, np.int64)  # last objects of the tracks that may go on
    for frame, rows in points.frames():
        elapsed = frame - points.frame[open_rows]
        open_rows = open_rows[elapsed <= gap + 1]
        elapsed = frame - points.frame[open_rows]
        tracks, objects = _assign(points, open_rows, rows, elapsed, step, motion, reach)
        linked = rows[objects]
        before[linked] = open_rows[tracks]
        way = points.position[linked] - points.position[before[linked]]
        step[linked] = way / elapsed[tracks, None]
        goes_on = np.ones(len(open_rows), bool)
        goes_on[tracks] = False
        open_rows = np.concatenate([open_rows[goes_on], rows])
    return before


def _assign(
    points: Points,
    tracks: Indices,
    rows: Indices,
    elapsed: Indices,
    step: Floats,
    motion: Motion,
    reach: float,
) -> tuple[Indices, Indices]:
    """Return positions in ``tracks`` and ``rows`` of those that belong together."""
    none = np.empty(0, np.int64)
    if not len(tracks) or not len(rows):
        return none, none
    keeps = motion.persistence
    # Steps that shrink by the same part each frame.
    repeats = (keeps * (1 - keeps**elapsed) / (1 - keeps)) if keeps < 1 else elapsed
    expected = points.position[tracks] + step[tracks] * np.asarray(repeats)[:, None]
    farthest = reach * np.sqrt(elapsed)
    near = cKDTree(points.position[rows]).query_ball_point(expected, farthest)
    counts = np.array([len(each) for each in near])
    a = np.repeat(np.arange(len(tracks)), counts)
    b = np.concatenate([np.asarray(each, np.int64) for each in near]) if len(a) else none
    if not len(a):
        return none, none
    cost = _costs(points, tracks[a], rows[b], expected[a], elapsed[a], motion)
    allowed = reach**2 / (motion.spread**2).mean() / 2 + _MISSED * (elapsed[a] - 1)
    return assign_cheapest(a, b, cost - allowed)


def _costs(
    points: Points, a: Indices, b: Indices, expected: Floats, elapsed: Indices, motion: Motion
) -> Floats:
    """Return the negative logarithm of how probable each link is, but for a constant."""
    away = (points.position[b] - expected) / motion.spread
    cost = (away**2).sum(axis=1) / (2 * elapsed)
    change = (points.features[b] - points.features[a]) / motion.change
    # Of a change that is out of question the tail counts: areas jump where outlines do.
    cost += np.log1p(np.nan_to_num(change) ** 2 / 2).sum(axis=1)
    cost += _MISSED * (elapsed - 1) + 0.5 * away.shape[1] * np.log(elapsed)
    return np.asarray(cost)


def assign_cheapest(a: Indices, b: Indices, cost: Floats) -> tuple[Indices, Indices]:
    """Return the pairs, each row and column once at most, whose costs add up to the least.

    Args:
        a: row of each candidate pair.
        b: column of each; no pair twice.
        cost: of each; only pairs of a cost below 0 are worth it.

    >>> rows = np.array([0, 0, 1])
    >>> assign_cheapest(rows, np.array([0, 1, 0]), np.array([-5.0, -4.0, -3.0]))
    (array([0, 1]), array([1, 0]))
    """
    worth = cost < 0
    if not worth.any():
        return np.empty(0, np.int64), np.empty(0, np.int64)
    used_rows, a = np.unique(a[worth], return_inverse=True)
    used_columns, b = np.unique(b[worth], return_inverse=True)
    cost = cost[worth]
    height, width = len(used_rows), len(used_columns)
    # Every row has a column of its own for "none": so all rows can be assigned. Weights must not
    # be 0, which would be no edge; a constant added to all changes nothing.
    base = 1.0 - float(cost.min())
    rows = np.concatenate([a, np.arange(height)])
    columns = np.concatenate([b, width + np.arange(height)])
    weights = np.concatenate([cost + base, np.full(height, base)])
    graph = csr_array((weights, (rows, columns)), shape=(height, width + height))
    row, column = min_weight_full_bipartite_matching(graph)
    real = column < width
    return used_rows[row[real]], used_columns[column[real]]
