"""Overlapping tiles of a plane, whose predictions are those of the whole plane."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import TypeVar, cast

T = TypeVar("T")

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
