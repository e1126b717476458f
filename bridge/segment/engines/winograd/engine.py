"""The engine: a StarDist network in single precision, with a quarter of the multiplications."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.files.threads import allowed_threads, cores
from bridge.model.folder import ModelFolder
from bridge.model.network import INPUT, Convolution
from bridge.segment.engines.base import NO_MARGINS, Margins, Prediction, explained
from bridge.segment.engines.receptive_field import Interval
from bridge.segment.engines.unet import UnetTiles, read_unet
from bridge.segment.engines.winograd import layers
from bridge.segment.engines.winograd.memory import Scratch, Workspace
from bridge.segment.engines.winograd.plan import Convolving, Pooling, minimal, plan
from bridge.segment.engines.winograd.regions import alignment, needed, reach, scales
from bridge.segment.engines.winograd.transforms import POINTS, STEP
from bridge.segment.engines.winograd.vectors import ROWS
from bridge.segment.engines.winograd.weights import heads_of, kernel_of, stored_channels

_BLOCK_BYTES = 1 << 19
"""What squares that are computed together take, so that a core's own memory holds them."""

_SHARES = 8
"""Parts of a layer for each thread: who is done sooner takes another."""

_HELD = 1.25
"""Memory that is held, of what layers take: a piece that one leaves seldom fits the next."""


@dataclass(frozen=True)
class _Region:
    """The part of a layer that is computed, and its numbers: (height + 1, width + 1, channels)."""

    y: Interval
    x: Interval
    values: NDArray[np.float32]


@dataclass
class _Tile:
    """What is known while a tile is predicted.

    Attributes:
        pixels: (height, width, channels) float32.
        cores: what is predicted of it, along y and x.
        needed: what is computed of each layer, along y and x.
        least_prob: as for :meth:`bridge.segment.engines.base.Engine.predict`.
        regions: layers that are there.
    """

    pixels: NDArray[Any]
    cores: tuple[Interval, Interval]
    needed: tuple[dict[str, Interval], dict[str, Interval]]
    least_prob: float
    regions: dict[str, _Region]

    def edges(self, name: str) -> tuple[Interval, Interval]:
        """What is computed of a layer."""
        return self.needed[0][name], self.needed[1][name]


class WinogradEngine(UnetTiles):
    """A StarDist 2D model, computed by starbridge itself.

    Args:
        model: the model folder.

    Raises:
        BadInputError: a network of another kind than StarDist's own U-Net, one with other
            functions than ``relu`` or other kernels than 3 x 3, or weights that are damaged or
            belong to another architecture.
    """

    name = "starbridge"
    device = "CPU"

    def __init__(self, model: ModelFolder) -> None:
        super().__init__(model)
        self.versions = {"numba": version("numba")}
        self._network = read_unet(model)
        try:
            self._works = plan(self._network)
        except NotImplementedError as error:
            raise BadInputError(
                model.path / "config.json",
                f"has {error}, which starbridge's own engine does not know",
                "use --engine openvino",
            ) from error
        self._stored = stored_channels(self._network)
        self._scales = [scales(self._network, axis) for axis in (0, 1)]
        self._last_use = {
            source.name: i for i, work in enumerate(self._works) for source in work.sources
        }
        names = [self._head(i) for i in range(len(self._network.heads))]
        convolving = [work for work in self._works if isinstance(work, Convolving)]
        self._kernels = {
            work.name: kernel_of(work, self._network, self._stored) for work in convolving
        }
        self._heads = {
            work.name: heads_of(work, self._network, self._stored, names)
            for work in convolving
            if work.heads
        }
        self._threads = allowed_threads() or cores()
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="winograd")
        self._workspace = Workspace()
        self._scratch = [Scratch() for _ in range(self._threads)]

    @property
    def alignment(self) -> tuple[int, int]:
        """Tiles and their cores begin at multiples of these, so that squares always lie alike."""
        y, x = (alignment(self._network, axis, self.divisor[axis]) for axis in (0, 1))
        return y, x

    @cached_property
    def halo(self) -> tuple[int, int]:
        """How far (y, x) in pixels a prediction looks, with all that its squares look at."""
        y, x = (reach(self._network, axis, self.alignment[axis]) for axis in (0, 1))
        return y, x

    @cached_property
    def bytes_per_pixel(self) -> float:
        """Layers that are held at once, for each pixel of a tile."""
        most = 0.0
        there: dict[str, float] = {}
        for i, work in enumerate(self._works):
            channels = self._stored[work.name]
            if isinstance(work, Convolving):
                if work.heads:
                    channels = 1 + self._heads[work.name].channels
                if work.pooled is not None:
                    there[work.pooled] = self._bytes(work.pooled, channels)
            there[work.name] = self._bytes(work.step.name, channels)
            most = max(most, sum(there.values()))
            there = {name: size for name, size in there.items() if self._last_use.get(name, i) != i}
        return _HELD * most

    def predict(
        self, tile: NDArray[Any], margins: Margins = NO_MARGINS, least_prob: float = 0.0
    ) -> Prediction:
        """Run the network on one (height, width, channels) float32 tile.

        Raises:
            BadInputError: the tile does not fit into memory.
        """
        height, width = tile.shape[:2]
        cores = (margins[0], height - margins[2]), (margins[1], width - margins[3])
        y, x = (
            needed(self._network, axis, cores[axis], size)
            for axis, size in enumerate((height, width))
        )
        try:
            return self._predict(_Tile(tile, cores, (y, x), least_prob, {}))
        except MemoryError as error:
            raise explained(error, tile) from error
        finally:
            self._workspace.give_all()

    def _predict(self, tile: _Tile) -> Prediction:
        found: dict[str, NDArray[np.float32]] = {}
        for i, work in enumerate(self._works):
            if isinstance(work, Pooling):
                self._pooled(work, tile)
            elif work.heads:
                found |= self._predict_heads(work, tile)
            elif minimal(work.step):
                self._convolve(work, tile)
            else:
                self._convolve_pixels(work, tile)
            for source in work.sources:
                if self._last_use[source.name] == i and source.name in tile.regions:
                    del tile.regions[source.name]
                    self._workspace.give(source.name)
        prob, dist, *classes = (found[self._head(i)] for i in range(len(self._network.heads)))
        return Prediction(prob, dist, _softmax(classes[0]) if classes else None)

    def _head(self, index: int) -> str:
        """Name of the convolution of a head."""
        name = self._network.heads[index]
        step = next(step for step in self._network.steps if step.name == name)
        return name if isinstance(step, Convolution) else step.inputs[0]

    def _bytes(self, name: str, channels: int) -> float:
        """Of a layer, for each pixel of the image."""
        return 4.0 * channels / (self._scales[0][name] * self._scales[1][name])

    def _region(self, tile: _Tile, name: str, edges: tuple[Interval, Interval]) -> _Region:
        """A layer to be written."""
        height, width = (last - first for first, last in edges)
        values = self._workspace.take(name, height + 1, width + 1, self._stored[name])
        tile.regions[name] = _Region(*edges, values)
        return tile.regions[name]

    def _seen(self, work: Convolving, tile: _Tile) -> list[layers.Seen]:
        """Two sources of what is computed of a layer."""
        found = []
        for source in work.sources:
            region = tile.regions[source.name]
            _, width, channels = region.values.shape
            inner, steps = (region.y, region.x), (width * channels, channels)
            tables = [
                steps[axis]
                * _places(
                    edges,
                    tile.pixels.shape[axis] // self._scales[axis][work.step.name],
                    source.enlarged[axis],
                    inner[axis],
                )
                for axis, edges in enumerate(tile.edges(work.step.name))
            ]
            found.append(layers.Seen(region.values, *tables))
        nothing = np.empty(0, np.intp)
        return [*found, layers.Seen(np.empty((0, 0, 0), np.float32), nothing, nothing)][:2]

    def _convolve(self, work: Convolving, tile: _Tile) -> None:
        edges = tile.edges(work.step.name)
        to = self._region(tile, work.name, edges).values
        pooled = np.empty((1, 1, 0), np.float32)
        if work.pooled is not None:
            (top, bottom), (left, right) = edges
            halves = (top // 2, bottom // 2), (left // 2, right // 2)
            pooled = self._region(tile, work.pooled, halves).values
        one, other = self._seen(work, tile)
        kernel = self._kernels[work.name]
        channels, wide = self._channels(work), len(kernel.bias)
        block = _block(channels + wide)
        down, across = _squares(edges)

        def share(first: int, last: int, scratch: Scratch) -> None:
            seen, products, square = scratch(
                POINTS * block * channels, POINTS * block * wide, STEP * STEP * to.shape[2]
            )
            layers.convolve(
                first,
                last,
                block,
                across,
                one,
                other,
                kernel,
                seen,
                products,
                square,
                to,
                pooled,
            )

        self._share(down * across, block, share)

    def _predict_heads(self, work: Convolving, tile: _Tile) -> dict[str, NDArray[np.float32]]:
        heads = self._heads[work.name]
        edges = tile.edges(work.step.name)
        height, width = (last - first for first, last in edges)
        joined = self._workspace.take(f"{work.name} heads", height, width, heads.channels)
        shape = (0, 0) if heads.prob is None else (height, width)
        prob = self._workspace.take(f"{work.name} prob", *shape)
        one, other = self._seen(work, tile)
        kernel = self._kernels[work.name]
        channels, wide = self._channels(work), len(kernel.bias)
        block = _block(channels + wide)
        down, across = _squares(edges)
        pixels = STEP * STEP * block

        def share(first: int, last: int, scratch: Scratch) -> None:
            seen, products, features, chosen, values = scratch(
                POINTS * block * channels,
                POINTS * block * wide,
                pixels * self._stored[work.name],
                pixels * self._stored[work.name],
                pixels * len(heads.layers.bias),
            )
            layers.convolve_to_heads(
                first,
                last,
                block,
                across,
                one,
                other,
                kernel,
                heads.layers,
                seen,
                products,
                features,
                chosen,
                values,
                prob,
                np.float32(tile.least_prob),
                joined,
            )

        self._share(down * across, block, share)
        y, x = (
            slice(
                core[0] // scale[work.step.name] - first, core[1] // scale[work.step.name] - first
            )
            for core, scale, (first, _) in zip(tile.cores, self._scales, edges, strict=True)
        )
        found = {name: joined[y, x, part] for name, part in heads.parts.items()}
        if heads.prob is not None:
            found[heads.prob] = prob[y, x]
        return found

    def _convolve_pixels(self, work: Convolving, tile: _Tile) -> None:
        edges = tile.edges(work.step.name)
        to = self._region(tile, work.name, edges).values
        height, width, channels, _ = work.step.kernel.shape
        source = self._workspace.take(
            INPUT, to.shape[0] + height - 2, to.shape[1] + width - 2 + ROWS, channels
        )
        source[:] = 0
        inner, outer = [], []
        for (first, last), size, length in zip(
            edges, tile.pixels.shape, (height, width), strict=False
        ):
            begin = first - (length - 1) // 2
            seen = slice(max(0, begin), min(size, last + length // 2))
            outer.append(seen)
            inner.append(slice(seen.start - begin, seen.stop - begin))
        source[tuple(inner)] = tile.pixels[tuple(outer)]
        stride = source.shape[1] * channels
        places = np.add.outer(np.arange(height) * stride, np.arange(width * channels))
        places = places.ravel().astype(np.intp)
        kernel = self._kernels[work.name]

        def share(first: int, last: int, scratch: Scratch) -> None:
            (products,) = scratch(ROWS * len(kernel.bias))
            layers.convolve_pixels(
                first,
                last,
                source,
                places,
                kernel.panels,
                kernel.bias,
                kernel.least,
                products,
                to,
            )

        self._share(len(to) - 1, 1, share)
        self._workspace.give(INPUT)

    def _pooled(self, work: Pooling, tile: _Tile) -> None:
        source = tile.regions[work.sources[0].name]
        to = self._region(tile, work.name, tile.edges(work.name))
        height, width = work.step.size
        top, left = to.y[0] * height - source.y[0], to.x[0] * width - source.x[0]

        def share(first: int, last: int, _scratch: Scratch) -> None:
            layers.pool(first, last, source.values, top, left, height, width, to.values)

        self._share(len(to.values) - 1, 1, share)

    def _channels(self, work: Convolving) -> int:
        return sum(self._stored[source.name] for source in work.sources)

    def _share(self, count: int, unit: int, work: Callable[[int, int, Scratch], None]) -> None:
        """Have all threads work on parts of a layer until it is done."""
        share = max(1, -(-count // (self._threads * _SHARES * unit))) * unit
        begins = iter(range(0, count, share))

        def thread(scratch: Scratch) -> None:
            for first in begins:  # the next of a range is one step for Python's threads
                work(first, min(first + share, count), scratch)

        threads = [self._pool.submit(thread, scratch) for scratch in self._scratch]
        wait(threads)  # all of them, before an error of one lets others take the memory
        for done in threads:
            done.result()


def _block(numbers: int) -> int:
    """Squares that are computed together, of so many channels seen and made."""
    return max(2, _BLOCK_BYTES // (4 * POINTS * numbers * ROWS)) * ROWS


def _squares(edges: tuple[Interval, Interval]) -> tuple[int, int]:
    """Along y and x."""
    down, across = (-(-(last - first) // STEP) for first, last in edges)
    return down, across


def _places(edges: Interval, size: int, enlarged: int, inner: Interval) -> NDArray[np.intp]:
    """Where what a layer's squares look at is found in a source.

    Args:
        edges: of what is computed of the layer.
        size: of the whole layer; beyond it there are zeros.
        enlarged: pixels of the layer for one of the source.
        inner: edges of what is there of the source.

    Returns:
        Rows (or columns) from one before the region to the end of its last square.
    """
    squares = -(-(edges[1] - edges[0]) // STEP)
    pixels = np.arange(edges[0] - 1, edges[0] + squares * STEP + 1)
    outside = (pixels < 0) | (pixels >= size)
    places = pixels // enlarged - inner[0]
    return np.where(outside, inner[1] - inner[0], places).astype(np.intp)


def _softmax(values: NDArray[np.float32]) -> NDArray[np.float32]:
    exponentials = np.exp(values - values.max(axis=-1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True), np.float32)
