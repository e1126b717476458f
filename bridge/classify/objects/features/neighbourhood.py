"""Nearest neighbours of every object of a plane."""

# numba's decorators carry no types
# mypy: disallow-untyped-decorators=False

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from bridge.files.compiled import compiled

_WIDEST_CELL = 64.0  # of the grid: crowded places have few points a cell also beside empty ones
_MOST_CELLS = 2**26


def find_neighbours(
    points: NDArray[np.float64], count: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Find the nearest other points of each point, on a grid; linear for points evenly spread.

    Args:
        points: (n, 2) finite, in pixels.
        count: neighbours of each.

    Returns:
        Distances (n, count) in ascending order and numbers of the points (n, count); infinity and
        -1 where there are not so many.

    >>> distances, numbers = find_neighbours(np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]]), 2)
    >>> distances[0].tolist(), numbers[0].tolist()
    ([1.0, 5.0], [2, 1])
    """
    if not len(points):
        return np.empty((0, count)), np.empty((0, count), np.int64)
    low = points.min(axis=0)
    height, width = np.maximum(points.max(axis=0) - low, 1.0)
    side = min(max(np.sqrt(2 * height * width / len(points)), 1.0), _WIDEST_CELL)
    side = max(side, np.sqrt(height / _MOST_CELLS * width), height / _MOST_CELLS * 2)
    side = max(side, width / _MOST_CELLS * 2)
    rows, columns = int(height / side) + 1, int(width / side) + 1
    cells = np.minimum(((points - low) / side).astype(np.int64), [rows - 1, columns - 1])
    numbers = cells[:, 0] * columns + cells[:, 1]
    order = np.argsort(numbers, kind="stable")
    starts = np.zeros(rows * columns + 1, np.int64)
    np.cumsum(np.bincount(numbers, minlength=rows * columns), out=starts[1:])
    distances, found = _nearest(points, cells, order, starts, rows, columns, side, count)
    return distances, found


@compiled(parallel=True)
def _nearest(
    points: Any,
    cells: Any,
    order: Any,
    starts: Any,
    rows: int,
    columns: int,
    side: float,
    count: int,
) -> Any:
    n = len(points)
    distances = np.full((n, count), np.inf)
    found = np.full((n, count), -1, np.int64)
    for i in numba.prange(n):
        row, column = cells[i, 0], cells[i, 1]
        widest = max(row, rows - 1 - row, column, columns - 1 - column)
        for step in range(widest + 1):
            # What lies in cells beyond is farther than the cells between.
            if distances[i, count - 1] < ((step - 1) * side) ** 2 and step > 0:
                break
            for y in range(max(row - step, 0), min(row + step, rows - 1) + 1):
                is_side = y in (row - step, row + step)
                stride = 1 if is_side else max(2 * step, 1)
                for x in range(column - step, column + step + 1, stride):
                    if x < 0 or x >= columns:
                        continue
                    for k in range(starts[y * columns + x], starts[y * columns + x + 1]):
                        j = order[k]
                        if j == i:
                            continue
                        distance = (points[j, 0] - points[i, 0]) ** 2 + (
                            points[j, 1] - points[i, 1]
                        ) ** 2
                        place = count
                        while place > 0 and (
                            distance < distances[i, place - 1]
                            or (distance == distances[i, place - 1] and j < found[i, place - 1])
                        ):
                            if place < count:
                                distances[i, place] = distances[i, place - 1]
                                found[i, place] = found[i, place - 1]
                            place -= 1
                        if place < count:
                            distances[i, place] = distance
                            found[i, place] = j
        for k in range(count):
            distances[i, k] = np.sqrt(distances[i, k])
    return distances, found
