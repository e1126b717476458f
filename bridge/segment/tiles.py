"""Overlapping tiles of a plane, whose predictions are those of the whole plane."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import product
from typing import TypeVar, cast

_LEAST_SIDE = 16  # voxels of a tile of a volume without its halo

T = TypeVar("T")

Box = tuple[int, int, int]
"""A size along (z, y, x)."""

Span = tuple[int, int]
"""Start and stop along an axis."""

MEMORY = 2.0
"""GiB that prediction may take, beside the image and its results."""


@dataclass(frozen=True)
class Tile:
    """A rectangle that is predicted (outer) and the part of it whose predictions count (core).

    All are (start, stop) pixels of the padded plane.
    """

    core_y: tuple[int, int]
    core_x: tuple[int, int]
    outer_y: tuple[int, int]
    outer_x: tuple[int, int]

    @property
    def margins(self) -> tuple[int, int, int, int]:
        """Pixels of the outer part above, left of, below and right of the core."""
        return (
            self.core_y[0] - self.outer_y[0],
            self.core_x[0] - self.outer_x[0],
            self.outer_y[1] - self.core_y[1],
            self.outer_x[1] - self.core_x[1],
        )


def pad_shape(shape: tuple[int, int], divisor: tuple[int, int]) -> tuple[int, int]:
    """Round height and width up to multiples of the divisor.

    >>> pad_shape((100, 64), (16, 16))
    (112, 64)
    """
    height, width = (-(-size // by) * by for size, by in zip(shape, divisor, strict=True))
    return height, width


def tile_rows(
    shape: tuple[int, int],
    *,
    alignment: tuple[int, int],
    halo: tuple[int, int],
    counts: tuple[int, int],
) -> Iterator[list[Tile]]:
    """Cut a padded plane into rows of tiles, top to bottom.

    Tiles and cores begin at multiples of the alignment, so that pooling falls on the same pixels as
    in the whole plane; outer parts reach at least a halo further, so that every prediction of the
    core depends on nothing outside of its tile.

    Args:
        shape: (height, width) of the padded plane.
        alignment: as of :class:`bridge.segment.engines.base.Engine`.
        halo: how far a prediction looks, pixels.
        counts: (rows, columns) of tiles, at most; fewer where a tile would be empty.

    >>> rows = tile_rows((64, 96), alignment=(16, 16), halo=(8, 8), counts=(1, 2))
    >>> [tile.outer_x for tile in next(rows)]
    [(0, 64), (32, 96)]
    """
    edges = [_edges(n, by, k) for n, by, k in zip(shape, alignment, counts, strict=True)]
    margin = [-(-reach // by) * by for reach, by in zip(halo, alignment, strict=True)]

    def outer(core: tuple[int, int], axis: int) -> tuple[int, int]:
        return max(0, core[0] - margin[axis]), min(shape[axis], core[1] + margin[axis])

    for core_y in edges[0]:
        yield [Tile(core_y, core_x, outer(core_y, 0), outer(core_x, 1)) for core_x in edges[1]]


def _edges(size: int, alignment: int, count: int) -> list[tuple[int, int]]:
    blocks = -(-size // alignment)
    step = -(-blocks // max(1, min(count, blocks))) * alignment
    return [(start, min(start + step, size)) for start in range(0, size, step)]


def tile_boxes(
    shape: Box, *, alignment: Box, halo: Box, counts: Box
) -> Iterator[tuple[list[Span], list[Span]]]:
    """Cut a padded volume into tiles, as :func:`tile_rows` cuts a plane.

    Args:
        shape: (z, y, x) of the padded volume.
        alignment: where tiles and cores begin: multiples of these.
        halo: how far a prediction looks, voxels.
        counts: tiles along each axis, at most.

    Yields:
        The core and the outer part of a tile: (start, stop) along each axis.

    >>> boxes = tile_boxes((8, 16, 32), alignment=(4, 4, 4), halo=(2, 2, 2), counts=(1, 1, 2))
    >>> next(boxes)
    ([(0, 8), (0, 16), (0, 16)], [(0, 8), (0, 16), (0, 20)])
    """
    edges = [_edges(n, by, k) for n, by, k in zip(shape, alignment, counts, strict=True)]
    margin = [-(-reach // by) * by for reach, by in zip(halo, alignment, strict=True)]
    for core in product(*edges):
        outer = [
            (max(0, first - more), min(size, last + more))
            for (first, last), more, size in zip(core, margin, shape, strict=True)
        ]
        yield list(core), outer


def count_boxes(
    shape: Box, alignment: Box, halo: Box, bytes_per_voxel: float, memory: float
) -> Box:
    """Return how many tiles along (z, y, x) keep the network within a memory budget.

    Of the cuts that fit, the one is taken with the fewest voxels to predict, halos included. No
    core is narrower than the halo, nor than 16 voxels, even where the budget is then exceeded:
    a tile would be nearly all halo.

    Args:
        shape: (z, y, x) of the padded volume.
        alignment: as for :func:`tile_boxes`.
        halo: likewise.
        bytes_per_voxel: what the network needs for a voxel of a tile.
        memory: bytes that a tile may take.

    >>> count_boxes((64, 512, 512), (4, 4, 4), (8, 8, 8), bytes_per_voxel=2000, memory=1e9)
    (1, 7, 8)
    """
    ways = [
        list(_ways_to_cut(size, by, reach))
        for size, by, reach in zip(shape, alignment, halo, strict=True)
    ]

    def voxels(cut: tuple[_Cut, ...]) -> int:
        return math.prod(way.largest for way in cut)

    cuts = list(product(*ways))
    fitting = [cut for cut in cuts if voxels(cut) * bytes_per_voxel <= memory]
    if fitting:
        best = min(fitting, key=lambda cut: math.prod(way.total for way in cut))
    else:
        best = min(cuts, key=voxels)
    return best[0].count, best[1].count, best[2].count


@dataclass(frozen=True)
class _Cut:
    """A way to cut an axis.

    Attributes:
        count: number of tiles.
        largest: voxels of the longest one, with its halo.
        total: voxels of all, with their halos.
    """

    count: int
    largest: int
    total: int


def _ways_to_cut(size: int, alignment: int, halo: int) -> Iterator[_Cut]:
    margin = -(-halo // alignment) * alignment
    least = max(_LEAST_SIDE, margin)
    widths: set[int] = set()
    for count in range(1, max(1, size // least) + 1):
        edges = _edges(size, alignment, count)
        width = edges[0][1]
        if width in widths:  # fewer tiles of the same width
            continue
        widths.add(width)
        lengths = [min(size, last + margin) - max(0, first - margin) for first, last in edges]
        yield _Cut(len(edges), max(lengths), sum(lengths))


def count_tiles(
    shape: tuple[int, int],
    bytes_per_pixel: float,
    memory: float,
    halo: tuple[int, int] = (0, 0),
    largest: int = 2500,
) -> tuple[int, int]:
    """Return how many rows and columns of tiles keep the network within a memory budget.

    Args:
        shape: (height, width) of the plane.
        bytes_per_pixel: what the network needs for a pixel of a tile.
        memory: bytes that a tile may take.
        halo: how far a prediction looks, pixels.
        largest: pixels; longer sides are not faster.

    >>> count_tiles((10_000, 5_000), bytes_per_pixel=1000, memory=1e9)
    (10, 5)
    """
    side = min(largest, int((memory / bytes_per_pixel) ** 0.5))
    if max(shape) <= side:
        return 1, 1
    rows, columns = (
        -(-size // max(128, side - 2 * reach)) for size, reach in zip(shape, halo, strict=True)
    )
    return rows, columns


def prefetch(items: Generator[T], at_most: int) -> Generator[T]:
    """Run a generator in a thread of its own, some items ahead of the one that is asked for.

    Args:
        items: closed when this generator is closed, after the item that is being made.
        at_most: items that are made before they are asked for.

    >>> list(prefetch((n * n for n in range(4)), 2))
    [0, 1, 4, 9]
    """
    last = object()
    with closing(items), ThreadPoolExecutor(1, "prefetch") as thread:
        made = deque(thread.submit(next, items, last) for _ in range(at_most))
        try:
            while (item := made.popleft().result()) is not last:
                made.append(thread.submit(next, items, last))
                yield cast(T, item)
        finally:
            thread.shutdown(cancel_futures=True)
