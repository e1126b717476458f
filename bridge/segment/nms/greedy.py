"""Non-maximum suppression by StarDist's rule."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
from numpy.typing import NDArray

from bridge.segment.nms.candidates import Candidates
from bridge.segment.nms.outline import LONGEST_RAY, MOST_ROWS, ray_directions
from bridge.segment.nms.winners import (
    CandidateSet,
    SpatialIndex,
    Winners,
    admit,
    build_index,
    find_uncovered,
    make_room,
    no_winners,
    winning_candidates,
)

_FIRST_BLOCK = 1024
_WORTH_THREADS = 4096
_MOST_AT_ONCE = 4096


def suppress(candidates: Candidates, threshold: float, *, threads: int | None = None) -> Candidates:
    """Keep the most probable candidate of each object.

    StarDist's rule: candidates are looked at from the most to the least probable, and one goes when
    one that stays covers more than ``threshold`` of the smaller of the two areas. Outlines are
    taken as StarDist takes them, their vertices cut to whole pixels and the corners of the overlap
    rounded to whole pixels. Of equally probable candidates the upper one comes first, then the one
    further left. Candidates whose probability or rays are not finite describe no object and go.

    The result does not depend on the number of threads.

    Args:
        candidates: in any order.
        threshold: share of the smaller area, 0 to 1.
        threads: as many as numba is set to where ``None``.

    Returns:
        The candidates that stay, most probable first.

    >>> candidates = Candidates(
    ...     prob=np.array([0.6, 0.9, 0.7], np.float32),
    ...     dist=np.full((3, 32), 10, np.float32),
    ...     points=np.array([[20, 20], [20, 22], [60, 60]], np.int32),
    ... )
    >>> suppress(candidates, threshold=0.4).points
    array([[20, 22],
           [60, 60]], dtype=int32)
    """
    winners, _ = decide(candidates, threshold, threads=threads)
    return candidates.take(winners)


def decide(
    candidates: Candidates,
    threshold: float,
    *,
    open_below: int | None = None,
    threads: int | None = None,
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Decide which candidates stay, and which cannot be decided yet.

    Args:
        candidates: in any order.
        threshold: as in :func:`suppress`.
        open_below: candidates that reach below this row may meet others that are not known yet;
            ``None`` where all are known.
        threads: as in :func:`suppress`.

    Returns:
        Indices of the candidates that stay whatever is still to come, most probable first; and of
        those that more probable candidates, which are open themselves, may still decide upon. All
        others are covered by one that stays.
    """
    ranked, reach = _rank(candidates)
    if not len(ranked):
        return ranked, ranked
    points = np.ascontiguousarray(candidates.points, np.int32)
    dist = np.ascontiguousarray(candidates.dist, np.float32)
    known = CandidateSet(dist, points, *ray_directions(dist.shape[1]), np.float32(threshold))
    index = build_index(points, reach)
    is_open = np.zeros(len(points), bool)
    open_cells = np.zeros(index.guess.shape if open_below is not None else (0, 0), np.uint8)
    winners, count, rows = no_winners(), 0, 0
    # Nearly all candidates of a block fall to winners of the blocks before it, in parallel; the few
    # that do not are settled one by one.
    workers = threads or numba.get_num_threads()
    with ThreadPoolExecutor(workers) as pool:
        for start, stop in _blocks(len(ranked)):
            first = count
            members, heights = _find_free(ranked[start:stop], known, winners, index, pool, workers)
            for part in range(0, len(members), _MOST_AT_ONCE):
                these = members[part : part + _MOST_AT_ONCE]
                more_rows = int(np.minimum(heights[part : part + len(these)], MOST_ROWS).sum())
                winners = make_room(winners, count, rows, len(these), more_rows)
                count, rows = admit(
                    these,
                    known,
                    winners,
                    index,
                    first,
                    count,
                    rows,
                    open_cells,
                    open_below or 0,
                    is_open,
                )
    return winning_candidates(winners, count), np.flatnonzero(is_open)


def _find_free(
    members: NDArray[np.intp],
    known: CandidateSet,
    winners: Winners,
    index: SpatialIndex,
    pool: ThreadPoolExecutor,
    workers: int,
) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
    """Return the members that no winner covers, in their order, and the rows of their outlines."""
    by_place = np.argsort(members)  # neighbours in memory are neighbours in the plane
    placed = members[by_place]
    free, heights = np.empty(len(members), bool), np.empty(len(members), np.int32)
    shares = workers if len(members) >= _WORTH_THREADS else 1
    edges = np.linspace(0, len(members), shares + 1).astype(int)

    def look(k: int) -> None:
        part = slice(edges[k], edges[k + 1])
        find_uncovered(placed[part], known, winners, index, free[part], heights[part])

    list(pool.map(look, range(shares)))
    where = np.sort(by_place[free])
    rows = np.empty(len(members), np.int32)
    rows[by_place] = heights
    return members[where], rows[where]


def _blocks(n: int) -> list[tuple[int, int]]:
    """Cut n ranks into blocks, each as long as all before it."""
    edges = [0]
    while edges[-1] < n:
        edges.append(min(n, max(_FIRST_BLOCK, 2 * edges[-1])))
    return list(itertools.pairwise(edges))


def _rank(candidates: Candidates) -> tuple[NDArray[np.intp], float]:
    """Rank the candidates that can be objects, ties by place; return them and the longest ray."""
    prob, points, dist = candidates.prob, candidates.points, candidates.dist
    order: NDArray[np.intp] = np.argsort(-prob)
    at = prob[order]
    differs = at[1:] != at[:-1]
    if not differs.all():
        tied = np.zeros(len(order), bool)
        tied[1:] = ~differs
        tied[:-1] |= ~differs
        rank = np.concatenate([[0], np.cumsum(differs)])[tied]
        among = order[tied]
        y, x = (points[among] - points.min(axis=0).astype(np.int64)).T
        place = y * (x.max() + 1) + x
        order[tied] = among[np.argsort(rank * (place.max() + 1) + place, kind="stable")]
    longest = max(float(dist.max(initial=0)), -float(dist.min(initial=0)))
    if np.isfinite(at).all() and longest < LONGEST_RAY:  # which NaN is not
        return order, longest
    possible = np.isfinite(prob) & (np.abs(dist) < LONGEST_RAY).all(axis=1)
    kept = order[possible[order]]
    return kept, float(np.abs(dist[kept]).max(initial=0))
