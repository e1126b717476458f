"""The engine: it runs the stages of a network on a tile, in several threads."""

from __future__ import annotations

import os
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
from bridge.segment.engines.base import (
    NO_MARGINS,
    Margins,
    Prediction,
    translate_memory_error,
)
from bridge.segment.engines.receptive_field import Interval, ReceptiveField
from bridge.segment.engines.unet import UnetTiles, read_unet
from bridge.segment.engines.winograd import layers
from bridge.segment.engines.winograd.memory import Scratch, Workspace
from bridge.segment.engines.winograd.regions import alignment, find_regions, reach
from bridge.segment.engines.winograd.stages import (
    ConvolutionStage,
    PoolingStage,
    is_winograd,
    plan_stages,
)
from bridge.segment.engines.winograd.transforms import OUTPUTS, POINTS
from bridge.segment.engines.winograd.vectors import ROWS
from bridge.segment.engines.winograd.weights import pack_heads, pack_kernel, stored_channels

_BLOCK_BYTES = 1 << 19
"""Memory of squares that are computed together, so that a core's own cache holds them."""

_SHARES = 8
"""Parts of a layer for each thread: a thread that is done takes another."""

_HELD = 1.25
"""Memory that is held, of what layers take: a piece that one releases seldom fits the next."""

_NO_LAYER = np.empty((0, 0, 0), np.float32)


@dataclass(frozen=True)
class _Region:
    """The part of a layer that is computed, and its numbers: (height + 1, width + 1, channels)."""

    y: Interval
    x: Interval
    values: NDArray[np.float32]


@dataclass
class _Tile:
    """A tile while it is predicted.

    Attributes:
        pixels: (height, width, channels) float32.
        cores: the part that is predicted, along y and x.
        needed: the part of each layer that is computed, along y and x.
        min_prob: as for :meth:`bridge.segment.engines.base.Engine.predict`.
        regions: layers in memory.
    """

    pixels: NDArray[Any]
    cores: tuple[Interval, Interval]
    needed: tuple[dict[str, Interval], dict[str, Interval]]
    min_prob: float
    regions: dict[str, _Region]

    def edges(self, name: str) -> tuple[Interval, Interval]:
        """Return the part of a layer that is computed, along y and x."""
        return self.needed[0][name], self.needed[1][name]


class WinogradEngine(UnetTiles):
    """A StarDist 2D model, computed by starbridge itself; see the README beside this module.

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
        self._network = network = read_unet(model)
        try:
            self._stages = plan_stages(network)
        except NotImplementedError as error:
            raise BadInputError(
                model.path / "config.json",
                f"has {error}, which starbridge's own engine does not support",
                "use --engine onnx",
            ) from error
        self._stored = stored_channels(network)
        self._fields = ReceptiveField(network, 0), ReceptiveField(network, 1)
        self._last_use = {
            source.name: i for i, stage in enumerate(self._stages) for source in stage.sources
        }
        names = [self._head(i) for i in range(len(network.heads))]
        stages = [stage for stage in self._stages if isinstance(stage, ConvolutionStage)]
        self._kernels = {stage.name: pack_kernel(stage, network, self._stored) for stage in stages}
        self._heads = {
            stage.name: pack_heads(stage, network, self._stored, names)
            for stage in stages
            if stage.heads
        }
        self._threads = allowed_threads() or cores()
        self._scratch = [Scratch() for _ in range(self._threads)]
        self._start_threads()

    @property
    def alignment(self) -> tuple[int, int]:
        """Tiles and their cores begin at multiples of these: squares cover the same pixels then."""
        y, x = (alignment(field, self.divisor[field.axis]) for field in self._fields)
        return y, x

    @cached_property
    def halo(self) -> tuple[int, int]:
        """Receptive field of a prediction and its squares (y, x), pixels to either side."""
        y, x = (reach(field, self.alignment[field.axis]) for field in self._fields)
        return y, x

    @cached_property
    def bytes_per_pixel(self) -> float:
        """Memory of layers that are held at once, for each pixel of a tile."""
        most = 0.0
        held: dict[str, float] = {}
        for i, stage in enumerate(self._stages):
            channels = self._stored[stage.name]
            if isinstance(stage, ConvolutionStage):
                if stage.heads:
                    channels = 1 + self._heads[stage.name].channels
                if stage.pooled is not None:
                    held[stage.pooled] = self._bytes(stage.pooled, channels)
            held[stage.name] = self._bytes(stage.step.name, channels)
            most = max(most, sum(held.values()))
            held = {name: size for name, size in held.items() if self._last_use.get(name, i) != i}
        return _HELD * most

    def predict(
        self, tile: NDArray[Any], margins: Margins = NO_MARGINS, min_prob: float = 0.0
    ) -> Prediction:
        """Run the network on one (height, width, channels) float32 tile.

        Raises:
            BadInputError: the tile does not fit into memory.
        """
        if self._process != os.getpid():
            self._start_threads()
        height, width = tile.shape[:2]
        cores = (margins[0], height - margins[2]), (margins[1], width - margins[3])
        y, x = (
            find_regions(field, core, size)
            for field, core, size in zip(self._fields, cores, (height, width), strict=True)
        )
        try:
            return self._predict(_Tile(tile, cores, (y, x), min_prob, {}))
        except MemoryError as error:
            raise translate_memory_error(error, tile) from error
        finally:
            self._workspace.release_all()

    def _start_threads(self) -> None:
        """Start threads in this process: those of the parent do not run in a forked one."""
        self._process = os.getpid()
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="winograd")
        self._workspace = Workspace()  # a fork amid a prediction leaves the old one half taken

    def _predict(self, tile: _Tile) -> Prediction:
        found: dict[str, NDArray[np.float32]] = {}
        for i, stage in enumerate(self._stages):
            if isinstance(stage, PoolingStage):
                self._pool_layer(stage, tile)
            elif stage.heads:
                found |= self._predict_heads(stage, tile)
            elif is_winograd(stage.step):
                self._convolve(stage, tile)
            else:
                self._convolve_pixels(stage, tile)
            for source in stage.sources:
                if self._last_use[source.name] == i and source.name in tile.regions:
                    del tile.regions[source.name]
                    self._workspace.release(source.name)
        prob, dist, *classes = (found[self._head(i)] for i in range(len(self._network.heads)))
        return Prediction(prob, dist, _softmax(classes[0]) if classes else None)

    def _head(self, index: int) -> str:
        """Return the name of the convolution of a head."""
        name = self._network.heads[index]
        step = next(step for step in self._network.steps if step.name == name)
        return name if isinstance(step, Convolution) else step.inputs[0]

    def _bytes(self, name: str, channels: int) -> float:
        """Return the memory of a layer for each pixel of the image."""
        return 4.0 * channels / (self._fields[0].scales[name] * self._fields[1].scales[name])

    def _allocate(self, tile: _Tile, name: str, edges: tuple[Interval, Interval]) -> _Region:
        """Allocate a layer."""
        height, width = (last - first for first, last in edges)
        values = self._workspace.allocate(name, height + 1, width + 1, self._stored[name])
        tile.regions[name] = _Region(*edges, values)
        return tile.regions[name]

    def _layer(self, stage: ConvolutionStage, tile: _Tile) -> layers.Convolution:
        """Address the one or two inputs of a convolution."""
        views = []
        for source in stage.sources:
            region = tile.regions[source.name]
            _, width, channels = region.values.shape
            inner, strides = (region.y, region.x), (width * channels, channels)
            tables = [
                strides[field.axis]
                * _find_pixels(
                    edges,
                    tile.pixels.shape[field.axis] // field.scales[stage.step.name],
                    source.enlarged[field.axis],
                    inner[field.axis],
                )
                for field, edges in zip(self._fields, tile.edges(stage.step.name), strict=True)
            ]
            views.append(layers.LayerView(region.values, *tables))
        nothing = np.empty(0, np.intp)
        views.append(layers.LayerView(_NO_LAYER, nothing, nothing))
        return layers.Convolution(views[0], views[1], self._kernels[stage.name])

    def _convolve(self, stage: ConvolutionStage, tile: _Tile) -> None:
        edges = tile.edges(stage.step.name)
        out = self._allocate(tile, stage.name, edges).values
        pooled = np.empty((1, 1, 0), np.float32)
        if stage.pooled is not None:
            (top, bottom), (left, right) = edges
            halves = (top // 2, bottom // 2), (left // 2, right // 2)
            pooled = self._allocate(tile, stage.pooled, halves).values
        layer = self._layer(stage, tile)

        def convolve(squares: layers.Squares, buffers: layers.Buffers) -> None:
            layers.convolve(squares, layer, buffers, out, pooled)

        self._share_squares(stage, edges, (1, 0, 0), convolve)

    def _predict_heads(self, stage: ConvolutionStage, tile: _Tile) -> dict[str, NDArray[Any]]:
        heads = self._heads[stage.name]
        edges = tile.edges(stage.step.name)
        height, width = (last - first for first, last in edges)
        joined = self._workspace.allocate(f"{stage.name} heads", height, width, heads.channels)
        shape = (0, 0) if heads.prob is None else (height, width)
        prob = self._workspace.allocate(f"{stage.name} prob", *shape)
        layer, min_prob = self._layer(stage, tile), np.float32(tile.min_prob)

        def convolve(squares: layers.Squares, buffers: layers.Buffers) -> None:
            layers.convolve_to_heads(squares, layer, heads.layers, buffers, prob, min_prob, joined)

        block = self._block(stage)
        self._share_squares(stage, edges, (block, block, block), convolve)
        y, x = (
            slice(core[0] // scale - first, core[1] // scale - first)
            for core, scale, (first, _) in zip(
                tile.cores, (f.scales[stage.step.name] for f in self._fields), edges, strict=True
            )
        )
        found = {name: joined[y, x, part] for name, part in heads.parts.items()}
        if heads.prob is not None:
            found[heads.prob] = prob[y, x]
        return found

    def _block(self, stage: ConvolutionStage) -> int:
        """Return how many squares are computed together, a multiple of ``ROWS``."""
        channels = self._channels(stage) + len(self._kernels[stage.name].bias)
        return max(2, _BLOCK_BYTES // (4 * POINTS * channels * ROWS)) * ROWS

    def _share_squares(
        self,
        stage: ConvolutionStage,
        edges: tuple[Interval, Interval],
        held: tuple[int, int, int],
        convolve: Callable[[layers.Squares, layers.Buffers], None],
    ) -> None:
        """Have all threads work on the squares of a layer.

        Args:
            stage: the layer.
            edges: the part that is computed, along y and x.
            held: squares whose results, chosen results and heads a thread's buffers hold.
            convolve: computes some squares.
        """
        block, kernel = self._block(stage), self._kernels[stage.name]
        heads = self._heads.get(stage.name)
        down, across = (-(-(last - first) // OUTPUTS) for first, last in edges)
        results, chosen, values = (OUTPUTS * OUTPUTS * squares for squares in held)

        def work(first: int, last: int, scratch: Scratch) -> None:
            buffers = scratch(
                POINTS * block * self._channels(stage),
                POINTS * block * len(kernel.bias),
                results * self._stored[stage.name],
                chosen * self._stored[stage.name],
                values * (len(heads.layers.bias) if heads else 0),
            )
            convolve(layers.Squares(first, last, block, across), layers.Buffers(*buffers))

        self._share(down * across, block, work)

    def _convolve_pixels(self, stage: ConvolutionStage, tile: _Tile) -> None:
        edges = tile.edges(stage.step.name)
        out = self._allocate(tile, stage.name, edges).values
        height, width, channels, _ = stage.step.kernel.shape
        source = self._workspace.allocate(
            INPUT, out.shape[0] + height - 2, out.shape[1] + width - 2 + ROWS, channels
        )
        source[:] = 0
        inner, outer = [], []
        for (first, last), size, length in zip(
            edges, tile.pixels.shape, (height, width), strict=False
        ):
            begin = first - (length - 1) // 2
            inside = slice(max(0, begin), min(size, last + length // 2))
            outer.append(inside)
            inner.append(slice(inside.start - begin, inside.stop - begin))
        source[tuple(inner)] = tile.pixels[tuple(outer)]
        stride = source.shape[1] * channels
        offsets = np.add.outer(np.arange(height) * stride, np.arange(width * channels))
        offsets = offsets.ravel().astype(np.intp)
        kernel = self._kernels[stage.name]

        def work(first: int, last: int, scratch: Scratch) -> None:
            (products,) = scratch(ROWS * len(kernel.bias))
            layers.convolve_pixels(first, last, source, offsets, kernel, products, out)

        self._share(len(out) - 1, 1, work)
        self._workspace.release(INPUT)

    def _pool_layer(self, stage: PoolingStage, tile: _Tile) -> None:
        source = tile.regions[stage.sources[0].name]
        out = self._allocate(tile, stage.name, tile.edges(stage.name))
        height, width = stage.step.size
        corner = out.y[0] * height - source.y[0], out.x[0] * width - source.x[0]

        def work(first: int, last: int, _scratch: Scratch) -> None:
            layers.pool(first, last, source.values, corner, height, width, out.values)

        self._share(len(out.values) - 1, 1, work)

    def _channels(self, stage: ConvolutionStage) -> int:
        return sum(self._stored[source.name] for source in stage.sources)

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


def _find_pixels(edges: Interval, size: int, enlarged: int, inner: Interval) -> NDArray[np.intp]:
    """Return the rows (or columns) of a source under a layer's squares.

    Args:
        edges: of the part of the layer that is computed.
        size: of the whole layer; beyond it there are zeros.
        enlarged: pixels of the layer for one of the source.
        inner: edges of the part of the source in memory.

    Returns:
        From one before the region to the end of its last square.
    """
    squares = -(-(edges[1] - edges[0]) // OUTPUTS)
    pixels = np.arange(edges[0] - 1, edges[0] + squares * OUTPUTS + 1)
    outside = (pixels < 0) | (pixels >= size)
    return np.where(outside, inner[1] - inner[0], pixels // enlarged - inner[0]).astype(np.intp)


def _softmax(values: NDArray[np.float32]) -> NDArray[np.float32]:
    exponentials = np.exp(values - values.max(axis=-1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True), np.float32)
