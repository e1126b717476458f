"""Pixels of regions as runs along rows: of objects, and of what lies around them."""

# numba's decorators carry no types
# mypy: disallow-untyped-decorators=False

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from bridge.files.compiled import compiled
from bridge.measure.pixels import PixelLists

_MOST_RUNS = 2**22  # of surroundings that are in memory at once: 64 MB


@dataclass(frozen=True)
class PixelRuns:
    """The pixels of n regions, region after region, row after row; regions may overlap.

    Attributes:
        starts: (n + 1,) int64; the runs of region i are those from ``starts[i]`` to
            ``starts[i + 1]``.
        begins: int64, flat index of the first pixel of each run.
        lengths: int32, pixels of each run.
        shape: (height, width) of the plane.
    """

    starts: NDArray[np.int64]
    begins: NDArray[np.int64]
    lengths: NDArray[np.int32]
    shape: tuple[int, int]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def only(self, number: int) -> PixelRuns:
        """Return one region alone."""
        part = slice(self.starts[number], self.starts[number + 1])
        starts = np.array([0, part.stop - part.start], np.int64)
        return PixelRuns(starts, self.begins[part], self.lengths[part], self.shape)

    @classmethod
    def of(cls, pixels: PixelLists) -> PixelRuns:
        """Return the runs of objects.

        >>> from bridge.measure.pixels import list_pixels
        >>> runs = PixelRuns.of(list_pixels(np.array([[1, 1, 0], [0, 1, 2]], np.int32), 2))
        >>> runs.starts.tolist(), runs.begins.tolist(), runs.lengths.tolist()
        ([0, 2, 3], [0, 4, 5], [2, 1, 1])
        """
        starts, begins, lengths = _runs(pixels.starts, pixels.positions, pixels.shape[1])
        return cls(starts, begins, lengths, pixels.shape)


def find_surroundings(
    plane: NDArray[np.int32],
    objects: PixelRuns,
    margin: tuple[int, int, int],
    *,
    with_objects: bool,
) -> Iterator[tuple[int, PixelRuns]]:
    """Yield what lies around objects, as ilastik's neighbourhood: some objects at a time.

    A pixel is near where its distance to the nearest pixel of the object is below the largest
    margin. Distances along an axis with a smaller margin count as many times as that fits into
    the largest one, rounded down, and no pixel lies farther from the object's bounding box than
    the margins (on the far side: than one pixel more). Pixels of other objects count.

    Args:
        plane: (height, width) int32, in which object i is i + 1.
        objects: the same objects.
        margin: along x, y and z, in pixels, at least 1.
        with_objects: the object's own pixels belong to it, too.

    Yields:
        The number of the first object, and the surroundings of that and of following ones.
    """
    x, y, _ = margin
    largest = max(margin)
    reach = _reach(largest, largest // x, largest // y, y + 1)
    boxes = _boxes(objects.starts, objects.begins, objects.lengths, plane.shape[1])
    tall = np.maximum(boxes[:, 1] - boxes[:, 0], 0) + 2 * y + 1
    # An object interrupts a row of its surroundings as often as it has a run there.
    bound = np.cumsum(tall + np.diff(objects.starts))
    begin = 0
    while begin < len(objects):
        done = bound[begin - 1] if begin else 0
        end = max(int(np.searchsorted(bound, done + _MOST_RUNS, "right")), begin + 1)
        counts, starts = np.zeros(end - begin, np.int64), np.zeros(end - begin + 1, np.int64)
        fixed = (plane, begin, boxes[begin:end], reach, x, y, with_objects, counts, starts)
        _surround(*fixed, np.zeros(0, np.int64), np.zeros(0, np.int32))
        np.cumsum(counts, out=starts[1:])
        begins, lengths = np.empty(starts[-1], np.int64), np.empty(starts[-1], np.int32)
        _surround(*fixed, begins, lengths)
        yield begin, PixelRuns(starts, begins, lengths, objects.shape)
        begin = end


def _reach(largest: int, pitch_x: int, pitch_y: int, farthest: int) -> NDArray[np.int64]:
    """Return how far along x pixels are near that lie 0, 1, … rows away; -1 for not at all."""
    rows = np.arange(farthest + 1) * pitch_y
    left = largest**2 - rows**2  # squared distances along x are below that
    root = np.sqrt(np.maximum(left - 1, 0).astype(np.float64)) + 1e-9
    return np.where(left > 0, np.floor(root / pitch_x), -1).astype(np.int64)


@compiled()
def _runs(starts: Any, positions: Any, width: int) -> Any:
    n = len(starts) - 1
    ends = np.zeros(n + 1, np.int64)
    begins = np.empty(len(positions), np.int64)
    lengths = np.empty(len(positions), np.int32)
    count = 0
    for i in range(n):
        for k in range(starts[i], starts[i + 1]):
            at = np.int64(positions[k])
            follows = k > starts[i] and at == begins[count - 1] + lengths[count - 1]
            if follows and at % width:
                lengths[count - 1] += 1
            else:
                begins[count] = at
                lengths[count] = 1
                count += 1
        ends[i + 1] = count
    return ends, begins[:count].copy(), lengths[:count].copy()


@compiled()
def _boxes(starts: Any, begins: Any, lengths: Any, width: int) -> Any:
    """Return first and last row and column (n, 4) of each region; ends are exclusive."""
    n = len(starts) - 1
    boxes = np.zeros((n, 4), np.int64)
    for i in range(n):
        if starts[i] == starts[i + 1]:
            continue
        boxes[i, 0] = begins[starts[i]] // width
        boxes[i, 1] = begins[starts[i + 1] - 1] // width + 1
        boxes[i, 2] = width
        for k in range(starts[i], starts[i + 1]):
            column = begins[k] % width
            boxes[i, 2] = min(boxes[i, 2], column)
            boxes[i, 3] = max(boxes[i, 3], column + lengths[k])
    return boxes


@compiled(parallel=True)
def _surround(
    plane: Any,
    first: int,
    boxes: Any,
    reach: Any,
    margin_x: int,
    margin_y: int,
    with_object: bool,
    counts: Any,
    starts: Any,
    begins: Any,
    lengths: Any,
) -> None:
    """Count the runs of each surrounding, or write them where there is room for them."""
    height, width = plane.shape
    for i in numba.prange(len(boxes)):
        top, bottom, left, right = boxes[i, 0], boxes[i, 1], boxes[i, 2], boxes[i, 3]
        if bottom <= top:
            continue
        own = first + i + 1
        low_y, high_y = max(top - margin_y, 0), min(bottom + margin_y + 1, height)
        low_x, high_x = max(left - margin_x, 0), min(right + margin_x + 1, width)
        tall, wide = high_y - low_y, right - left
        far = len(reach)
        # rows between each pixel and the nearest of the object in its column
        away = np.full((tall, wide), far, np.int32)
        for column in range(wide):
            distance = far
            for row in range(tall):
                distance += 1
                if plane[low_y + row, left + column] == own:
                    distance = 0
                away[row, column] = min(distance, far)
            distance = far
            for row in range(tall - 1, -1, -1):
                distance += 1
                if away[row, column] == 0:
                    distance = 0
                away[row, column] = min(distance, away[row, column])
        changes = np.zeros(high_x - low_x + 1, np.int32)
        at = starts[i]
        count = 0
        for row in range(tall):
            changes[:] = 0
            for column in range(wide):
                if away[row, column] >= far:
                    continue
                near = reach[away[row, column]]
                if near >= 0:
                    x = left + column - low_x
                    changes[max(x - near, 0)] += 1
                    changes[min(x + near + 1, high_x - low_x)] -= 1
            depth = 0
            length = 0
            for x in range(high_x - low_x):
                depth += changes[x]
                inside = depth > 0 and (with_object or plane[low_y + row, low_x + x] != own)
                if inside:
                    length += 1
                if length and (not inside or x == high_x - low_x - 1):
                    if len(begins):
                        stop = low_x + x + (1 if inside else 0)
                        begins[at + count] = (low_y + row) * width + stop - length
                        lengths[at + count] = length
                    count += 1
                    length = 0
        counts[i] = count
