"""Prediction of a plane: tile by tile through the network, and suppression of its candidates."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.segment.engines.sharing import engine_lock
from bridge.segment.nms import Candidates, suppress_rows
from bridge.segment.tiles import MEMORY, Tile, count_tiles, pad_shape, prefetch, tile_rows

if TYPE_CHECKING:
    from bridge.model.folder import ModelFolder
    from bridge.model.recipe import Recipe
    from bridge.segment.engines.base import Engine, Margins, Prediction
    from bridge.segment.normalize import IntensityRanges

Progress = Callable[[int, int], None]
"""Called with tiles done and tiles in all."""

_BORDER = 2  # StarDist trusts no object centred in the outermost two predictions
_TILES_AHEAD = 4  # whose candidates may wait while those before them are thinned
_TILES_SHARE = 0.75  # of the memory; the rest is for candidates
_HELD_TIMES = 4  # a candidate's bytes while it is thinned: joined, ordered, its outline


class PlanePredictor:
    """A network and the thresholds with which it finds the objects of planes.

    Args:
        model: describes the network.
        engine: runs it.
        recipe: gives the thresholds.
    """

    def __init__(self, model: ModelFolder, engine: Engine, recipe: Recipe) -> None:
        self.model = model
        self.engine = engine
        self.recipe = recipe
        self._lock = engine_lock(engine)

    def predict(
        self,
        plane: NDArray[Any],
        ranges: IntensityRanges,
        *,
        tiles: int | tuple[int, int] | None = None,
        memory: float = MEMORY,
        progress: Progress | None = None,
    ) -> Candidates:
        """Predict a plane tile by tile and suppress its candidates.

        Args:
            plane: (height, width, channels) intensities.
            ranges: what is brought to 0 and 1.
            tiles: as in :meth:`bridge.Segmenter.segment`.
            memory: likewise.
            progress: called after each tile.

        Returns:
            The winners, most probable first, in pixels of the plane.

        Raises:
            BadInputError: numbers of tiles or an amount of memory that are none; a tile that does
                not fit into memory.
        """
        shape = plane.shape[:2]
        padded = pad_shape((shape[0], shape[1]), self.engine.divisor)
        counts = self._tile_counts(padded, tiles, memory)
        halo = self.engine.halo if counts != (1, 1) else (0, 0)
        rows = list(tile_rows(padded, alignment=self.engine.alignment, halo=halo, counts=counts))
        total = sum(len(row) for row in rows)

        # StarDist mirrors the plane at its edges, too.
        ys, xs = (
            np.pad(np.arange(n), (0, more - n), mode="reflect")
            for n, more in zip(shape, padded, strict=True)
        )

        def read(tile: Tile) -> NDArray[np.float32]:
            pixels = np.ix_(ys[slice(*tile.outer_y)], xs[slice(*tile.outer_x)])
            values: NDArray[np.float32] = plane[pixels].astype(np.float32, copy=False)
            ranges.apply(values)
            return values

        def tile_by_tile() -> Generator[Candidates]:
            blank: set[bytes] = set()
            tiles = [tile for row in rows for tile in row]
            with closing(prefetch((read(tile) for tile in tiles), 1)) as tiles_read:
                for done, (tile, values) in enumerate(zip(tiles, tiles_read, strict=True), 1):
                    candidates = self._candidates(values, tile, padded, shape, blank)
                    if progress:
                        progress(done, total)
                    yield candidates

        def predicted() -> Iterator[tuple[list[Candidates], int]]:
            with closing(prefetch(tile_by_tile(), _TILES_AHEAD)) as candidates:
                for row in rows:
                    yield [next(candidates) for _ in row], row[0].core_y[0]

        capacity = int((1 - _TILES_SHARE) * memory * 2**30 / (_HELD_TIMES * 4 * self.model.n_rays))
        return suppress_rows(
            predicted, self.recipe.nms, self.model.n_rays, capacity=max(capacity, 10_000)
        )

    def _candidates(
        self,
        values: NDArray[Any],
        tile: Tile,
        padded: tuple[int, int],
        shape: tuple[int, ...],
        blank: set[bytes],
    ) -> Candidates:
        """Predict the candidates of the core of a tile.

        Where a tile is of one value throughout, as around a stitched section, and the network found
        nothing anywhere in such a tile (they are kept in ``blank``), it would find nothing again.
        """
        flat = _describe_flat(values, tile.margins)
        if flat in blank:
            return Candidates.none(self.model.n_rays)
        with self._lock:
            prediction = self.engine.predict(values, tile.margins, self.recipe.prob)
            if flat is not None and not (prediction.prob > self.recipe.prob).any():
                blank.add(flat)
            return self._select(prediction, tile, padded, shape)

    def _select(
        self, prediction: Prediction, tile: Tile, padded: tuple[int, int], shape: tuple[int, ...]
    ) -> Candidates:
        """Copy what is probable enough, and centred in the core of a tile and in the plane."""
        grid = self.model.grid
        spans = []
        for axis, core in enumerate((tile.core_y, tile.core_x)):
            start = max(core[0] // grid[axis], _BORDER)
            stop = min(core[1] // grid[axis], padded[axis] // grid[axis] - _BORDER)
            spans.append((start, max(start, stop), core[0] // grid[axis]))
        (y0, y1, dy), (x0, x1, dx) = spans
        window = (slice(y0 - dy, y1 - dy), slice(x0 - dx, x1 - dx))
        prob = prediction.prob[window]
        rows, columns = np.nonzero(prob > self.recipe.prob)
        points = np.stack([(rows + y0) * grid[0], (columns + x0) * grid[1]], axis=1)
        inside = (points[:, 0] < shape[0]) & (points[:, 1] < shape[1])
        rows, columns, points = rows[inside], columns[inside], points[inside]
        classes = prediction.classes
        return Candidates(
            prob[rows, columns].astype(np.float32, copy=False),
            prediction.dist[window][rows, columns].astype(np.float32, copy=False),
            points.astype(np.int32),
            None
            if classes is None
            else classes[window][rows, columns].astype(np.float32, copy=False),
        )

    def _tile_counts(
        self, shape: tuple[int, int], tiles: int | tuple[int, int] | None, memory: float
    ) -> tuple[int, int]:
        if tiles is not None:
            counts = (tiles, tiles) if isinstance(tiles, int) else tiles
            if min(counts) < 1:
                raise BadInputError("tiles", f"{tiles} is no number of tiles", "give 1 or more")
            return counts
        if not memory > 0:
            raise BadInputError("memory", f"{memory} is no amount of memory", "give GiB, such as 2")
        for_a_tile = _TILES_SHARE * memory * 2**30
        engine = self.engine
        return count_tiles(shape, engine.bytes_per_pixel, for_a_tile, engine.halo)


def _describe_flat(values: NDArray[Any], margins: Margins) -> bytes | None:
    """Return a key of a tile whose pixels are all the same; ``None`` where they differ."""
    if (values != values[0, 0]).any():
        return None
    value: bytes = values[0, 0].tobytes()
    return repr((values.shape, margins)).encode() + value
