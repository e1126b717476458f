"""Candidates that stay, a spatial index of them, and whether one of them covers another."""

# numba's decorators carry no types
# mypy: disallow-untyped-decorators=False

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bridge.files.compiled import compiled
from bridge.segment.nms.corners import correct_for_rounding
from bridge.segment.nms.outline import (
    BOTTOM,
    LEFT,
    MOST_ROWS,
    PLAIN,
    RIGHT,
    TOP,
    compute_area,
    compute_frame,
    compute_vertices,
    fill_table,
)
from bridge.segment.nms.overlap import (
    bound_overlap_by_boxes,
    bound_overlap_by_rows,
    bound_union,
    compute_overlap,
    compute_row_overlap,
    compute_slab_overlap,
)

# Columns of a winner's record, after its frame.
_TABLE, _CANDIDATE, _NEXT, _SIMPLE = range(8, 12)

_ROUNDING = 3.0
"""Square pixels that rounded corners may add to or take from an overlap; the most seen was 2."""

_NO_AREA = 1e-10  # StarDist adds it to every area, so that an empty outline can be divided by
_SMALLEST_CELL = 4
_MOST_CELLS_PAINTED = 1 << 16


class CandidateSet(NamedTuple):
    """All candidates, and the rule.

    Attributes:
        dist: (n, rays) float32.
        points: (n, 2) int32 (y, x).
        sin: (rays,) float32.
        cos: (rays,) float32.
        threshold: float32.
    """

    dist: NDArray[Any]
    points: NDArray[Any]
    sin: NDArray[Any]
    cos: NDArray[Any]
    threshold: Any


class Winners(NamedTuple):
    """Candidates that stay, in the order in which they were found.

    Attributes:
        record: (room, 12) int32: frame, start in the table (-1: none), candidate, the next winner
            in the same cell (-1: none), whether the centre sees the whole outline.
        area: (room,) float64.
        table: (4, rows) float64, as of :func:`bridge.segment.nms.outline.fill_table`.
        kind: (rows,) uint8.
    """

    record: NDArray[Any]
    area: NDArray[Any]
    table: NDArray[Any]
    kind: NDArray[Any]


class SpatialIndex(NamedTuple):
    """A grid of cells for each size of outlines, with the winners centred in each cell.

    Attributes:
        origin: (2,) int64, (y, x) of the first cell's corner.
        levels: (n, 5) int64, one a size of outlines: cell side, which is the furthest that an
            outline of this level reaches from its centre; rows; columns; first cell; winners.
        heads: (cells of all levels,) int32, the last winner centred in a cell, or -1.
        guess: (rows, columns) int32 of the first level's cells: the winner that probably covers a
            candidate centred there, or -1.
    """

    origin: NDArray[Any]
    levels: NDArray[Any]
    heads: NDArray[Any]
    guess: NDArray[Any]


class _Outline(NamedTuple):
    """Memory for the outline of one candidate.

    Attributes:
        x: (rays,) int32, vertices.
        y: likewise.
        frame: (8,) int32.
        table: (4, MOST_ROWS) float64.
        kind: (MOST_ROWS,) uint8.
    """

    x: Any
    y: Any
    frame: Any
    table: Any
    kind: Any


def build_index(points: NDArray[Any], reach: float) -> SpatialIndex:
    """Build an empty index for winners among candidates.

    Args:
        points: (n, 2) (y, x) of the candidates, at least one.
        reach: the longest ray.
    """
    low, high = points.min(axis=0).astype(np.int64), points.max(axis=0).astype(np.int64)
    span = high - low
    side = _SMALLEST_CELL
    while np.prod(span // side + 1) > 4 * len(points) + 1024:
        side *= 2
    levels = []
    cells = 0
    while True:
        rows, columns = (int(n) for n in span // side + 1)
        levels.append((side, rows, columns, cells, 0))
        cells += rows * columns
        if side > reach + 1:  # vertices are cut to whole pixels
            break
        side *= 2
    guess = np.full(levels[0][1:3], -1, np.int32)
    return SpatialIndex(low, np.array(levels, np.int64), np.full(cells, -1, np.int32), guess)


def winning_candidates(winners: Winners, count: int) -> NDArray[np.intp]:
    """Return the indices of the candidates that the first ``count`` winners are, in their order."""
    return winners.record[:count, _CANDIDATE].astype(np.intp)


def no_winners() -> Winners:
    """Return winners with room for none yet."""
    return Winners(
        np.empty((0, 12), np.int32), np.empty(0), np.empty((4, 0)), np.empty(0, np.uint8)
    )


def make_room(winners: Winners, count: int, rows: int, more: int, more_rows: int) -> Winners:
    """Copy winners to larger arrays, where there is not room for more.

    Args:
        winners: what there is.
        count: how many of them are used.
        rows: how many rows of the table are used.
        more: winners to come, at most.
        more_rows: rows of their outlines, at most.
    """
    record, area, table, kind = winners
    if count + more > len(area):
        room = 2 * (count + more)
        record, area = np.empty((room, record.shape[1]), np.int32), np.empty(room)
        record[:count], area[:count] = winners.record[:count], winners.area[:count]
    if rows + more_rows > len(kind):
        room = 2 * (rows + more_rows)
        table, kind = np.empty((4, room)), np.empty(room, np.uint8)
        table[:, :rows], kind[:rows] = winners.table[:, :rows], winners.kind[:rows]
    return Winners(record, area, table, kind)


@compiled(nogil=True)
def find_uncovered(
    members: Any, candidates: Any, winners: Any, index: Any, free: Any, heights: Any
) -> None:
    """Find the candidates that no winner covers.

    Args:
        members: candidates, in any order.
        candidates: all of them (:class:`CandidateSet`).
        winners: more probable ones that stay (:class:`Winners`).
        index: of the winners (:class:`SpatialIndex`).
        free: (members,) bool to fill.
        heights: (members,) int32 to fill: rows of the outline of a free one.
    """
    outline, other = _new_outline(candidates), _new_outline(candidates)
    frame, side, origin = outline.frame, index.levels[0, 0], index.origin
    for m in range(len(members)):
        point = candidates.points[members[m]]
        area, simple = _compute_outline(members[m], candidates, outline)
        guess = index.guess[(point[0] - origin[0]) // side, (point[1] - origin[1]) // side]
        covered = guess >= 0 and _surely_covers(
            winners, guess, frame, area, simple, candidates.threshold
        )
        if not covered:
            covered, _ = _is_covered(outline, area, simple, candidates, winners, index, 0, other)
        free[m] = not covered
        heights[m] = 0 if covered else frame[BOTTOM] - frame[TOP]


@compiled(nogil=True)
def admit(
    members: Any,
    candidates: Any,
    winners: Any,
    index: Any,
    first: int,
    count: int,
    rows: int,
    open_cells: Any,
    open_below: int,
    is_open: Any,
) -> Any:
    """Take those candidates as winners that none of the latest winners covers.

    Args:
        members: candidates that no winner before ``first`` covers, most probable first.
        candidates: all of them (:class:`CandidateSet`).
        winners: with room for them (:class:`Winners`).
        index: of the winners (:class:`SpatialIndex`).
        first: the first of the latest winners.
        count: winners before the call.
        rows: rows of the table that they use.
        open_cells: (rows, columns) uint8 of the first level's cells: where a candidate lies that
            cannot be decided yet; no cells at all where everything can.
        open_below: candidates that reach below this row cannot be decided yet.
        is_open: (n,) bool of all candidates, to mark those that cannot be decided yet.

    Returns:
        Number of winners and rows of the table now.
    """
    outline, other = _new_outline(candidates), _new_outline(candidates)
    frame = outline.frame
    for candidate in members:
        area, simple = _compute_outline(candidate, candidates, outline)
        covered, tabled = _is_covered(
            outline, area, simple, candidates, winners, index, first, other
        )
        if covered:
            continue
        if open_cells.size:
            top, bottom, left, right = _find_cells(frame, index)
            cells = open_cells[top:bottom, left:right]
            if frame[BOTTOM] > open_below or cells.any():
                cells[:] = 1
                is_open[candidate] = True
                continue
        record = winners.record[count]
        record[:8] = frame
        record[_CANDIDATE], record[_SIMPLE] = candidate, simple
        winners.area[count] = area
        height = np.int64(frame[BOTTOM]) - frame[TOP]
        if height <= MOST_ROWS:
            if not tabled:
                fill_table(outline.x, outline.y, frame[TOP], height, outline.table, outline.kind)
            record[_TABLE] = rows
            winners.kind[rows : rows + height] = outline.kind[:height]
            winners.table[:, rows : rows + height] = outline.table[:, :height]
            rows += height
        else:
            record[_TABLE] = -1
        _add_to_index(count, winners, candidates, index)
        count += 1
    return count, rows


@compiled(nogil=True)
def _new_outline(candidates: Any) -> Any:
    rays = candidates.dist.shape[1]
    return _Outline(
        np.empty(rays, np.int32),
        np.empty(rays, np.int32),
        np.empty(8, np.int32),
        np.empty((4, MOST_ROWS)),
        np.empty(MOST_ROWS, np.uint8),
    )


@compiled(nogil=True, inline="always")
def _compute_outline(candidate: int, candidates: Any, outline: Any) -> Any:
    """Compute vertices and frame of a candidate; return its area and whether it is simple."""
    point = candidates.points[candidate]
    dist, sin, cos = candidates.dist[candidate], candidates.sin, candidates.cos
    compute_vertices(dist, point, sin, cos, outline.x, outline.y)
    compute_frame(outline.x, outline.y, outline.frame)
    return compute_area(outline.x, outline.y, point)


@compiled(nogil=True)
def _add_to_index(winner: int, winners: Any, candidates: Any, index: Any) -> None:
    record, levels, origin = winners.record[winner], index.levels, index.origin
    point = candidates.points[record[_CANDIDATE]]
    reach = max(
        point[1] - record[LEFT],
        record[RIGHT] - point[1],
        point[0] - record[TOP],
        record[BOTTOM] - point[0],
    )
    level = 0
    while level < len(levels) - 1 and levels[level, 0] < reach:
        level += 1
    side = levels[level, 0]
    row, column = (point[0] - origin[0]) // side, (point[1] - origin[1]) // side
    cell = levels[level, 3] + row * levels[level, 2] + column
    record[_NEXT] = index.heads[cell]
    index.heads[cell] = winner
    levels[level, 4] += 1

    top, bottom, left, right = _find_cells(record, index)
    if (bottom - top) * (right - left) > _MOST_CELLS_PAINTED:
        return
    side = levels[0, 0]
    for row in range(top, bottom):
        y = origin[0] + row * side + side // 2
        for column in range(left, right):
            x = origin[1] + column * side + side // 2
            guess = index.guess[row, column]
            if guess >= 0:
                there = candidates.points[winners.record[guess, _CANDIDATE]]
                if (y - there[0]) ** 2 + (x - there[1]) ** 2 <= (y - point[0]) ** 2 + (
                    x - point[1]
                ) ** 2:
                    continue
            index.guess[row, column] = winner


@compiled(nogil=True)
def _find_cells(frame: Any, index: Any) -> Any:
    """Find the cells of the first level that a frame touches; outside the grid, those at its edge.

    Returns:
        First row, last row + 1, first column, last column + 1.
    """
    side, rows, columns = index.levels[0, 0], index.levels[0, 1], index.levels[0, 2]
    top = min(max((frame[TOP] - index.origin[0]) // side, 0), rows - 1)
    bottom = min(max((frame[BOTTOM] - index.origin[0]) // side, 0), rows - 1) + 1
    left = min(max((frame[LEFT] - index.origin[1]) // side, 0), columns - 1)
    right = min(max((frame[RIGHT] - index.origin[1]) // side, 0), columns - 1) + 1
    return top, bottom, left, right


@compiled(nogil=True)
def _surely_covers(
    winners: Any, winner: int, frame: Any, area: float, simple: bool, threshold: float
) -> Any:
    """Apply the bound that decides most pairs: the overlap is the areas less their union's."""
    if not (simple and winners.record[winner, _SIMPLE]):
        return False
    winner_area = winners.area[winner]
    overlap = area + winner_area - bound_union(frame, winners.record[winner])
    return overlap > threshold * (min(area, winner_area) + _NO_AREA) + _ROUNDING


@compiled(nogil=True)
def _is_covered(
    outline: Any,
    area: float,
    simple: bool,
    candidates: Any,
    winners: Any,
    index: Any,
    first: int,
    other: Any,
) -> Any:
    """Tell whether a winner from ``first`` on covers an outline, and whether it has a table now."""
    frame, threshold = outline.frame, candidates.threshold
    near, found = _find_near(frame, area, threshold, winners, index, first)
    if not found:
        return False, False
    if _surely_covers(winners, near[0], frame, area, simple, threshold):
        return True, False
    height = np.int64(frame[BOTTOM]) - frame[TOP]
    tabled = height <= MOST_ROWS
    if tabled:
        fill_table(outline.x, outline.y, frame[TOP], height, outline.table, outline.kind)
    for winner in near[:found]:
        if _covers(winner, outline, area, simple, candidates, winners, other, tabled):
            return True, tabled
    return False, tabled


@compiled(nogil=True)
def _find_near(
    frame: Any, area: float, threshold: float, winners: Any, index: Any, first: int
) -> Any:
    """Find winners from ``first`` on whose boxes overlap enough, that with most overlap in front.

    Returns:
        Their numbers, at the beginning of an array, and how many there are.
    """
    levels, origin = index.levels, index.origin
    near, found, most = np.empty(16, np.int32), 0, 0.0
    for level in range(len(levels)):
        if levels[level, 4] == 0:
            continue
        side = levels[level, 0]
        top = max((frame[TOP] - side - origin[0]) // side, 0)
        bottom = min((frame[BOTTOM] + side - origin[0]) // side + 1, levels[level, 1])
        left = max((frame[LEFT] - side - origin[1]) // side, 0)
        right = min((frame[RIGHT] + side - origin[1]) // side + 1, levels[level, 2])
        for row in range(top, bottom):
            for column in range(left, right):
                winner = index.heads[levels[level, 3] + row * levels[level, 2] + column]
                # A cell's last winner comes first, and leads to the ones before it.
                while winner >= first:
                    overlap = bound_overlap_by_boxes(frame, winners.record[winner])
                    small = min(area, winners.area[winner])
                    if overlap > 0 and overlap + _ROUNDING > threshold * small:
                        if found == len(near):
                            near = np.concatenate((near, np.empty_like(near)))
                        near[found] = winner
                        if overlap > most:
                            near[0], near[found] = near[found], near[0]
                            most = overlap
                        found += 1
                    winner = winners.record[winner, _NEXT]
    return near, found


@compiled(nogil=True)
def _covers(
    winner: int,
    outline: Any,
    area: float,
    simple: bool,
    candidates: Any,
    winners: Any,
    other: Any,
    tabled: bool,
) -> Any:
    """Apply StarDist's rule: by bounds where they decide, else by the area of the overlap."""
    x, y, frame, table, kind = outline
    if _surely_covers(winners, winner, frame, area, simple, candidates.threshold):
        return True
    record = winners.record[winner]
    top, bottom = max(frame[TOP], record[TOP]), min(frame[BOTTOM], record[BOTTOM])
    small = min(area, winners.area[winner]) + _NO_AREA
    limit = candidates.threshold * small
    both_tabled = tabled and record[_TABLE] >= 0
    start, start_b = np.int64(top) - frame[TOP], np.int64(top) - record[TOP] + record[_TABLE]
    if both_tabled:
        least, most = bound_overlap_by_rows(
            table, kind, start, winners.table, winners.kind, start_b, bottom - top
        )
        if least > limit + _ROUNDING:
            return True
        if most < limit - _ROUNDING:
            return False
    dist, point = candidates.dist[record[_CANDIDATE]], candidates.points[record[_CANDIDATE]]
    compute_vertices(dist, point, candidates.sin, candidates.cos, other.x, other.y)
    overlap = 0.0
    if both_tabled:
        for row in range(bottom - top):
            if kind[start + row] == PLAIN and winners.kind[start_b + row] == PLAIN:
                overlap += compute_row_overlap(table, start + row, winners.table, start_b + row)
            else:
                overlap += compute_slab_overlap(x, y, other.x, other.y, top + row, top + row + 1)
    else:
        overlap = compute_overlap(x, y, other.x, other.y, top, bottom)
    if simple and record[_SIMPLE]:
        overlap += correct_for_rounding(x, y, other.x, other.y)
    return np.float32(np.float32(overlap) / small) > candidates.threshold
