"""The candidates that stay, where they lie, and whether one of them covers a further candidate."""

# numba's decorators carry no types
# mypy: disallow-untyped-decorators=False

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from bridge.segment.nms.corners import change_by_rounding
from bridge.segment.nms.outline import (
    BOTTOM,
    LEFT,
    MOST_ROWS,
    PLAIN,
    RIGHT,
    TOP,
    area_of,
    fill_table,
    frame_of,
    vertices,
)
from bridge.segment.nms.overlap import (
    exact_area,
    octagon_around,
    plain_row,
    row_bounds,
    shared_box,
    slab,
)

# Places in a winner's record, after its frame.
_TABLE, _CANDIDATE, _NEXT, _SIMPLE = range(8, 12)

_ROUNDING = 3.0
"""Square pixels that rounded corners may add to or take from an overlap; the most seen was 2."""

_NO_AREA = 1e-10  # StarDist adds it to every area, so that an empty outline can be divided by
_LEAST_CELL = 4
_MOST_CELLS_PAINTED = 1 << 16


class Scene(NamedTuple):
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
    """Outlines that stay, in the order in which they were found.

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


class Places(NamedTuple):
    """Where winners lie.

    Attributes:
        origin: (2,) int64, (y, x) of the first cell's corner.
        levels: (n, 5) int64, one a size of outlines: cell side, which is the furthest that an
            outline of this level reaches from its centre; rows; columns; first cell; winners.
        heads: (cells of all levels,) int32, the last winner centred in a cell, or -1.
        guess: (rows, columns) int32 of the first level's cells: the winner on whose outline a
            candidate centred there probably lies, or -1.
    """

    origin: NDArray[Any]
    levels: NDArray[Any]
    heads: NDArray[Any]
    guess: NDArray[Any]


def places_for(points: NDArray[Any], reach: float) -> Places:
    """Empty places for winners among candidates at some points.

    Args:
        points: (n, 2) (y, x), at least one.
        reach: the longest ray.
    """
    low, high = points.min(axis=0).astype(np.int64), points.max(axis=0).astype(np.int64)
    span = high - low
    side = _LEAST_CELL
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
    return Places(low, np.array(levels, np.int64), np.full(cells, -1, np.int32), guess)


def candidates_of(winners: Winners, count: int) -> NDArray[np.intp]:
    """Which candidates the first winners are, in their order."""
    return winners.record[:count, _CANDIDATE].astype(np.intp)


def no_winners() -> Winners:
    """Room for none yet."""
    return Winners(
        np.empty((0, 12), np.int32), np.empty(0), np.empty((4, 0)), np.empty(0, np.uint8)
    )


def with_room(winners: Winners, count: int, rows: int, more: int, more_rows: int) -> Winners:
    """The same winners with room for more of them.

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


@numba.njit(nogil=True, cache=True)
def uncovered(
    members: Any, scene: Scene, winners: Winners, places: Places, free: Any, heights: Any
) -> None:
    """Say which candidates no winner covers.

    Args:
        members: candidates, in any order.
        scene: all candidates.
        winners: more probable ones that stay.
        places: where they lie.
        free: (members,) bool to fill.
        heights: (members,) int32 to fill: rows of the outline of a free one.
    """
    rays = scene.dist.shape[1]
    x, y = np.empty(rays, np.int32), np.empty(rays, np.int32)
    x_b, y_b = np.empty(rays, np.int32), np.empty(rays, np.int32)
    table, kind = np.empty((4, MOST_ROWS)), np.empty(MOST_ROWS, np.uint8)
    frame = np.empty(8, np.int32)
    for m in range(len(members)):
        point = scene.points[members[m]]
        vertices(scene.dist[members[m]], point, scene.sin, scene.cos, x, y)
        frame_of(x, y, frame)
        area, simple = area_of(x, y, point)
        covered = False
        if simple:
            side = places.levels[0, 0]
            guess = places.guess[
                (point[0] - places.origin[0]) // side, (point[1] - places.origin[1]) // side
            ]
            if guess >= 0:
                covered = _surely_covers(winners, guess, frame, area, simple, scene.threshold)
        if not covered:
            covered, _ = _covered(
                x, y, frame, area, simple, scene, winners, places, 0, x_b, y_b, table, kind
            )
        free[m] = not covered
        heights[m] = 0 if covered else frame[BOTTOM] - frame[TOP]


@numba.njit(nogil=True, cache=True)
def admit(
    members: Any,
    scene: Scene,
    winners: Winners,
    places: Places,
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
        scene: all candidates.
        winners: with room for them.
        places: where winners lie.
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
    rays = scene.dist.shape[1]
    x, y = np.empty(rays, np.int32), np.empty(rays, np.int32)
    x_b, y_b = np.empty(rays, np.int32), np.empty(rays, np.int32)
    table, kind = np.empty((4, MOST_ROWS)), np.empty(MOST_ROWS, np.uint8)
    frame = np.empty(8, np.int32)
    for candidate in members:
        point = scene.points[candidate]
        vertices(scene.dist[candidate], point, scene.sin, scene.cos, x, y)
        frame_of(x, y, frame)
        area, simple = area_of(x, y, point)
        covered, tabled = _covered(
            x, y, frame, area, simple, scene, winners, places, first, x_b, y_b, table, kind
        )
        if covered:
            continue
        if open_cells.size and (frame[BOTTOM] > open_below or _touches(open_cells, frame, places)):
            _mark(open_cells, frame, places)
            is_open[candidate] = True
            continue
        record = winners.record[count]
        for k in range(8):
            record[k] = frame[k]
        record[_CANDIDATE], record[_SIMPLE] = candidate, simple
        winners.area[count] = area
        height = np.int64(frame[BOTTOM]) - frame[TOP]
        if height <= MOST_ROWS:
            if not tabled:
                fill_table(x, y, frame[TOP], height, table, kind)
            record[_TABLE] = rows
            for row in range(height):
                winners.kind[rows + row] = kind[row]
                for k in range(4):
                    winners.table[k, rows + row] = table[k, row]
            rows += height
        else:
            record[_TABLE] = -1
        _place(count, point, winners, scene, places)
        count += 1
    return count, rows


@numba.njit(nogil=True, cache=True)
def _place(winner: int, point: Any, winners: Winners, scene: Scene, places: Places) -> None:
    record, levels, origin = winners.record[winner], places.levels, places.origin
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
    record[_NEXT] = places.heads[cell]
    places.heads[cell] = winner
    levels[level, 4] += 1

    top, bottom, left, right = _cells(record, places)
    if (bottom - top) * (right - left) > _MOST_CELLS_PAINTED:
        return
    side = levels[0, 0]
    for row in range(top, bottom):
        y = origin[0] + row * side + side // 2
        for column in range(left, right):
            x = origin[1] + column * side + side // 2
            there = places.guess[row, column]
            if there >= 0:
                other = scene.points[winners.record[there, _CANDIDATE]]
                if (y - other[0]) ** 2 + (x - other[1]) ** 2 <= (y - point[0]) ** 2 + (
                    x - point[1]
                ) ** 2:
                    continue
            places.guess[row, column] = winner


@numba.njit(nogil=True, cache=True)
def _cells(frame: Any, places: Places) -> Any:
    """Cells of the first level that a frame touches; beyond the grid, the cells at its edge."""
    side, rows, columns = places.levels[0, 0], places.levels[0, 1], places.levels[0, 2]
    top = min(max((frame[TOP] - places.origin[0]) // side, 0), rows - 1)
    bottom = min(max((frame[BOTTOM] - places.origin[0]) // side, 0), rows - 1) + 1
    left = min(max((frame[LEFT] - places.origin[1]) // side, 0), columns - 1)
    right = min(max((frame[RIGHT] - places.origin[1]) // side, 0), columns - 1) + 1
    return top, bottom, left, right


@numba.njit(nogil=True, cache=True)
def _touches(open_cells: Any, frame: Any, places: Places) -> Any:
    top, bottom, left, right = _cells(frame, places)
    for row in range(top, bottom):
        for column in range(left, right):
            if open_cells[row, column]:
                return True
    return False


@numba.njit(nogil=True, cache=True)
def _mark(open_cells: Any, frame: Any, places: Places) -> None:
    top, bottom, left, right = _cells(frame, places)
    for row in range(top, bottom):
        for column in range(left, right):
            open_cells[row, column] = 1


@numba.njit(nogil=True, cache=True)
def _surely_covers(
    winners: Winners, winner: int, frame: Any, area: float, simple: bool, threshold: float
) -> Any:
    """The bound that decides most: what two outlines share is their areas less their union's."""
    if not (simple and winners.record[winner, _SIMPLE]):
        return False
    other = winners.area[winner]
    shared = area + other - octagon_around(frame, winners.record[winner])
    return shared > threshold * (min(area, other) + _NO_AREA) + _ROUNDING


@numba.njit(nogil=True, cache=True)
def _covered(
    x: Any,
    y: Any,
    frame: Any,
    area: float,
    simple: bool,
    scene: Scene,
    winners: Winners,
    places: Places,
    first: int,
    x_b: Any,
    y_b: Any,
    table: Any,
    kind: Any,
) -> Any:
    """Whether a winner from ``first`` on covers an outline, and whether its table was filled."""
    near, found = _near(frame, area, scene.threshold, winners, places, first)
    if not found:
        return False, False
    if _surely_covers(winners, near[0], frame, area, simple, scene.threshold):
        return True, False
    height = np.int64(frame[BOTTOM]) - frame[TOP]
    tabled = height <= MOST_ROWS
    if tabled:
        fill_table(x, y, frame[TOP], height, table, kind)
    for winner in near[:found]:
        if _covers(
            winner, x, y, frame, area, simple, scene, winners, x_b, y_b, table, kind, tabled
        ):
            return True, tabled
    return False, tabled


@numba.njit(nogil=True, cache=True)
def _near(
    frame: Any, area: float, threshold: float, winners: Winners, places: Places, first: int
) -> Any:
    """Winners from ``first`` on whose boxes share enough, the one that shares most in front."""
    levels, origin = places.levels, places.origin
    near, found, most_shared = np.empty(16, np.int32), 0, 0.0
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
                winner = places.heads[levels[level, 3] + row * levels[level, 2] + column]
                # A cell's last winner comes first, and leads to the ones before it.
                while winner >= first:
                    shared = shared_box(frame, winners.record[winner])
                    small = min(area, winners.area[winner])
                    if shared > 0 and shared + _ROUNDING > threshold * small:
                        if found == len(near):
                            near = _grown(near)
                        near[found] = winner
                        if shared > most_shared:
                            near[0], near[found] = near[found], near[0]
                            most_shared = shared
                        found += 1
                    winner = winners.record[winner, _NEXT]
    return near, found


@numba.njit(nogil=True, cache=True)
def _grown(values: Any) -> Any:
    larger = np.empty(2 * len(values), values.dtype)
    for k in range(len(values)):
        larger[k] = values[k]
    return larger


@numba.njit(nogil=True, cache=True)
def _covers(
    winner: int,
    x: Any,
    y: Any,
    frame: Any,
    area: float,
    simple: bool,
    scene: Scene,
    winners: Winners,
    x_b: Any,
    y_b: Any,
    table: Any,
    kind: Any,
    tabled: bool,
) -> Any:
    """StarDist's rule: bounds where they decide, else the area of the overlap."""
    if _surely_covers(winners, winner, frame, area, simple, scene.threshold):
        return True
    record = winners.record[winner]
    top, bottom = max(frame[TOP], record[TOP]), min(frame[BOTTOM], record[BOTTOM])
    small = min(area, winners.area[winner]) + _NO_AREA
    limit = scene.threshold * small
    both = tabled and record[_TABLE] >= 0
    start, start_b = np.int64(top) - frame[TOP], np.int64(top) - record[TOP] + record[_TABLE]
    if both:
        least, most = row_bounds(
            table, kind, start, winners.table, winners.kind, start_b, bottom - top
        )
        if least > limit + _ROUNDING:
            return True
        if most < limit - _ROUNDING:
            return False
    other = record[_CANDIDATE]
    vertices(scene.dist[other], scene.points[other], scene.sin, scene.cos, x_b, y_b)
    shared = 0.0
    if both:
        for row in range(bottom - top):
            if kind[start + row] == PLAIN and winners.kind[start_b + row] == PLAIN:
                shared += plain_row(table, start + row, winners.table, start_b + row)
            else:
                shared += slab(x, y, x_b, y_b, top + row, top + row + 1)
    else:
        shared = exact_area(x, y, x_b, y_b, top, bottom)
    if simple and record[_SIMPLE]:
        shared += change_by_rounding(x, y, x_b, y_b)
    return np.float32(np.float32(shared) / small) > scene.threshold
