"""Tiles of an image, chosen by memory, and the probabilities of each, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from bridge.classify.pixels.classifier import PixelClassifier
from bridge.classify.pixels.intensities import Rescaling
from bridge.classify.pixels.planes import PlaneReader, Span, with_halo
from bridge.errors import BadInputError

GIB = 2**30

_SIDES = (256, 128, 64, 32)
_SIDES_Z = (64, 32, 16, 8, 4, 1)
_ROW_MULTIPLE = 512  # of tiles that are larger and do not reach across: files have such chunks


@dataclass(frozen=True)
class Tiling:
    """Sizes of tiles, and how many are worked on at once.

    Attributes:
        shape: (z, y, x) of a tile.
        workers: tiles at once.
    """

    shape: tuple[int, int, int]
    workers: int

    def slabs(self, depth: int) -> Iterator[Span]:
        """Yield the slices of each layer of tiles."""
        yield from _spans(depth, self.shape[0])

    def bands(self, height: int) -> Iterator[Span]:
        """Yield the rows of each row of tiles."""
        yield from _spans(height, self.shape[1])


@dataclass(frozen=True)
class Band:
    """Probabilities of a row of tiles: whole rows of the image.

    Attributes:
        t: time point.
        z: slices.
        y: rows.
        probabilities: (class, z, y, x) float32.
    """

    t: int
    z: Span
    y: Span
    probabilities: NDArray[np.float32]


def choose_tiling(
    classifier: PixelClassifier,
    sizes: tuple[int, int, int],
    *,
    memory: float,
    workers: int,
    tile: int | None = None,
) -> Tiling:
    """Choose tiles that do the least beside what is kept, within the memory.

    Args:
        classifier: its filters say how much they need.
        sizes: (z, y, x) of the image.
        memory: bytes for all tiles at work.
        workers: tiles at once, at most.
        tile: side of the tiles in pixels, where it is given.

    Raises:
        BadInputError: the smallest tile needs more memory.
    """
    depth, height, width = sizes
    if tile is not None:
        side = tile if tile <= _ROW_MULTIPLE else tile // _ROW_MULTIPLE * _ROW_MULTIPLE
        sides_y = [height if tile >= height else side]
        sides_x = [min(tile, width)]
    else:
        sides_y = sorted({min(side, height) for side in _SIDES}, reverse=True)
        sides_x = sorted({min(side, width) for side in _SIDES}, reverse=True)
    is_3d = classifier.is_3d and depth > 1
    sides_z = sorted({min(side, depth) for side in _SIDES_Z}, reverse=True) if is_3d else [1]
    least = float("inf")
    for count in range(max(1, workers), 0, -1):
        best: tuple[float, tuple[int, int, int]] | None = None
        for shape in product(sides_z, sides_y, sides_x):
            pixels = shape[0] * shape[1] * shape[2]
            needed = classifier.bank.memory(shape) + 8 * classifier.n_classes * pixels
            least = min(least, needed)
            if needed <= memory / count and (best is None or needed / pixels < best[0]):
                best = (needed / pixels, shape)
        if best is not None:
            across = -(-width // best[1][2]) * -(-height // best[1][1]) * -(-depth // best[1][0])
            return Tiling(best[1], min(count, across))
    raise BadInputError(
        "--memory",
        f"{memory / GIB:.2g} GiB is not enough: the smallest tile needs {least / GIB:.2g}",
        "give more, or choose features of smaller scales",
    )


def predict_bands(
    classifier: PixelClassifier,
    reader: PlaneReader,
    tiling: Tiling,
    rescaling: Rescaling | None = None,
) -> Generator[Band]:
    """Yield the probabilities of an image, rows by rows: by time point, slices, rows.

    Args:
        classifier: the classifier.
        reader: the image, with as many channels as the classifier has.
        tiling: the tiles; the probabilities do not depend on them.
        rescaling: applied to the values first.
    """
    image = reader.image
    sizes = (image.size("Z"), image.height, image.width)
    pieces = _pieces(classifier, reader, tiling, rescaling, sizes)
    waiting: deque[tuple[_Piece, Future[NDArray[np.float32]]]] = deque()
    with ThreadPoolExecutor(tiling.workers) as pool:
        try:
            band: Band | None = None
            more = True
            while more or waiting:
                while more and len(waiting) <= tiling.workers:
                    piece = next(pieces, None)
                    if piece is None:
                        more = False
                        break
                    work = pool.submit(classifier.predict, piece.block, piece.keep)
                    waiting.append((piece.without_block(), work))
                if not waiting:
                    break
                piece, work = waiting.popleft()
                found = work.result()
                if band is None:
                    shape = (len(found), *(b - a for a, b in piece.spans[:2]), sizes[2])
                    z, y = piece.spans[:2]
                    band = Band(piece.t, z, y, np.empty(shape, np.float32))
                x0, x1 = piece.spans[2]
                band.probabilities[..., x0:x1] = found
                if x1 == sizes[2]:
                    yield band
                    band = None
        finally:
            pool.shutdown(cancel_futures=True)


def predict_window(
    classifier: PixelClassifier,
    reader: PlaneReader,
    place: tuple[int, int],
    window: tuple[Span, Span],
    rescaling: Rescaling | None = None,
) -> NDArray[np.float32]:
    """Return the probabilities (class, y, x) of a part of a plane.

    Args:
        classifier: the classifier.
        reader: the image.
        place: time point and slice.
        window: rows and columns.
        rescaling: applied to the values first.
    """
    t, z = place
    image = reader.image
    sizes = (image.size("Z"), image.height, image.width)
    parts = []
    for first, stop in _spans(window[0][1] - window[0][0], _SIDES[0]):
        spans = ((z, z + 1), (window[0][0] + first, window[0][0] + stop), window[1])
        around = _surroundings(spans, classifier.bank.halo, sizes)
        block = reader.block(t, around)
        keep_z, keep_y, keep_x = _inside(spans, around)
        found = classifier.predict(
            block if rescaling is None else rescaling(block), (keep_z, keep_y, keep_x)
        )
        parts.append(found[:, 0])
    return np.concatenate(parts, axis=1)


@dataclass(frozen=True, eq=False)
class _Piece:
    """A tile with its surroundings."""

    t: int
    spans: tuple[Span, Span, Span]
    keep: tuple[slice, slice, slice]
    block: NDArray[np.float32]

    def without_block(self) -> _Piece:
        return _Piece(self.t, self.spans, self.keep, np.empty(0, np.float32))


def _pieces(
    classifier: PixelClassifier,
    reader: PlaneReader,
    tiling: Tiling,
    rescaling: Rescaling | None,
    sizes: tuple[int, int, int],
) -> Iterator[_Piece]:
    halo = classifier.bank.halo
    depth, height, width = sizes
    for t in range(reader.image.size("T")):
        for z in tiling.slabs(depth):
            reader.keep(t, with_halo(z, halo[0], depth))
            for y in tiling.bands(height):
                for x in _spans(width, tiling.shape[2]):
                    spans = (z, y, x)
                    around = _surroundings(spans, halo, sizes)
                    block = reader.block(t, around)
                    keep_z, keep_y, keep_x = _inside(spans, around)
                    yield _Piece(
                        t,
                        spans,
                        (keep_z, keep_y, keep_x),
                        block if rescaling is None else rescaling(block),
                    )


def _surroundings(spans: Sequence[Span], halo: Sequence[int], sizes: Sequence[int]) -> list[Span]:
    return [
        with_halo(span, reach, size) for span, reach, size in zip(spans, halo, sizes, strict=True)
    ]


def _inside(spans: Sequence[Span], around: Sequence[Span]) -> list[slice]:
    return [slice(a - low, b - low) for (a, b), (low, _) in zip(spans, around, strict=True)]


def _spans(size: int, step: int) -> Iterator[Span]:
    for start in range(0, size, step):
        yield start, min(start + step, size)
