"""Cutting a plane into overlapping tiles that a network sees as it would see the whole plane."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from queue import Queue
from threading import Event, Semaphore, Thread
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")

MEMORY = 2.0
"""GiB that prediction takes by itself, beside the image and what is made of it."""


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


def padded_shape(shape: tuple[int, int], divisor: tuple[int, int]) -> tuple[int, int]:
    """Height and width, rounded up to what the network's pooling and grid divide."""
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
    core sees all it looks at.

    Args:
        shape: (height, width) of the padded plane.
        alignment: as of :class:`bridge.segment.engines.base.Engine`.
        halo: how far a prediction looks, pixels.
        counts: (rows, columns) of tiles, at most; fewer where a tile would be empty.
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


def counts_for(
    shape: tuple[int, int],
    bytes_per_pixel: float,
    memory: float,
    halo: tuple[int, int] = (0, 0),
    largest: int = 2500,
) -> tuple[int, int]:
    """How many rows and columns of tiles keep the network within a memory budget.

    Args:
        shape: (height, width) of the plane.
        bytes_per_pixel: what the network needs for a pixel of a tile.
        memory: bytes that a tile may take.
        halo: how far a prediction looks, pixels.
        largest: pixels; longer sides are not faster.
    """
    side = min(largest, int((memory / bytes_per_pixel) ** 0.5))
    if max(shape) <= side:
        return 1, 1
    rows, columns = (
        -(-size // max(128, side - 2 * reach)) for size, reach in zip(shape, halo, strict=True)
    )
    return rows, columns


def reflected(start: int, stop: int, size: int) -> NDArray[Any]:
    """Indices start to stop - 1 of an axis, mirrored at its ends without repeating the edge pixel.

    The same as numpy's ``pad(mode="reflect")``, which StarDist uses.
    """
    if size == 1:
        return np.zeros(stop - start, np.intp)
    period = 2 * (size - 1)
    index = np.arange(start, stop) % period
    return np.where(index < size, index, period - index)


def ahead(items: Generator[T], at_most: int) -> Generator[T]:
    """Items that a thread of its own makes while those before them are worked on.

    Args:
        items: closed by that thread, after the item that it is at, when this generator is closed.
        at_most: items that are made before they are asked for.
    """
    made: Queue[tuple[T] | BaseException | None] = Queue()
    room = Semaphore(at_most)
    unwanted = Event()

    def work() -> None:
        try:
            with closing(items):
                while room.acquire() and not unwanted.is_set():
                    made.put((next(items),))
        except StopIteration:
            made.put(None)
        except BaseException as error:
            made.put(error)

    worker = Thread(target=work, name="ahead", daemon=True)
    worker.start()
    try:
        while (item := made.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            room.release()
            yield item[0]
    finally:
        unwanted.set()
        room.release()
        worker.join()
