"""From a model and a person's own images to an 8-bit network that finds the same nuclei."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.errors import BadInputError, StarbridgeError
from bridge.images import Image, from_array, open_image
from bridge.images.locations import Location
from bridge.model.folder import ModelFolder
from bridge.model.network import Convolution, Network
from bridge.model.recipe import Recipe
from bridge.segment.engines.base import NO_MARGINS, Engine, Margins, Prediction
from bridge.segment.engines.int8 import quantise
from bridge.segment.engines.int8_cache import Calibration, find_quantised, store_quantised
from bridge.segment.engines.openvino import OpenVinoEngine, openvino_graph
from bridge.segment.engines.unet import read_unet
from bridge.segment.segmenter import Segmenter

log = logging.getLogger(__name__)

IOU = 0.8
"""At which overlap two nuclei count as the same one."""

SMALLEST_F1 = 0.98
"""An 8-bit network that agrees less with single precision is refused."""

_SIDE = 256  # pixels of a tile
_MOST_IMAGES = 8
_MOST_TILES = 48
_FEWEST_NUCLEI = 30  # below, one nucleus more or less decides
_PLANE_FOR_PERCENTILES = 2048


def calibrate(
    model: ModelFolder,
    recipe: Recipe,
    images: Sequence[Location],
    *,
    axes: str | None = None,
    pixel_size: float | None = None,
    smallest_f1: float = SMALLEST_F1,
    say: Callable[[str], None] = log.info,
) -> Calibration:
    """Make a model's 8-bit network, judge it, and keep it; only look where there is one already.

    Tiles with signal are taken from the first images. The network is calibrated on every other one;
    on the rest, its nuclei are compared with those of single precision. Where they differ too
    much, the first layer and the last ones are left in single precision.

    Args:
        model: a checked model folder.
        recipe: how it is applied.
        images: files and OME-Zarr folders that it will be applied to.
        axes: as in :meth:`bridge.segment.segmenter.Segmenter.segment`.
        pixel_size: likewise.
        smallest_f1: the least agreement that is accepted.
        say: told what takes a while.

    Returns:
        What the network was made and judged by.

    Raises:
        MissingPartError: OpenVINO or NNCF is not installed.
        BadInputError: nuclei that differ too much, too few of them to say so, no image that can
            be read, a model that OpenVINO cannot run, no place to keep the network.
    """
    found = find_quantised(model)
    if (
        found is not None
        and found[1].percentiles == recipe.percentiles
        and found[1].f1 >= smallest_f1
    ):
        return found[1]
    say(f"calibrating an 8-bit network of {model.name} on your images; this is done once")
    network = read_unet(model)
    graph = openvino_graph(network, model.grid)
    tiles = _seen_tiles(model, recipe, images, axes, pixel_size)
    for_calibration, held_out = tiles[::2], tiles[1::2]
    nuclei = sum(tile.nuclei for tile in held_out)
    if nuclei < _FEWEST_NUCLEI:
        raise BadInputError(
            "images",
            f"hold {nuclei} nuclei to compare an 8-bit network by, and {_FEWEST_NUCLEI} are needed",
            "give more images or larger ones, or use --precision f32",
        )
    best = 0.0
    for spared in ((), _sensitive(network)):
        quantised = quantise(graph, [tile.values for tile in for_calibration], spare=spared)
        engine = OpenVinoEngine(model, quantised)
        f1 = _agreement(Segmenter(model, _of_parts(model, recipe), engine), held_out)
        log.info("%s: 8-bit network with F1 %.4f", model.name, f1)
        best = max(best, f1)
        if f1 >= smallest_f1:
            break
    else:
        raise BadInputError(
            model.path,
            f"finds other nuclei in 8-bit integers than in single precision (F1 {best:.3f} at IoU "
            f"{IOU:g} on {nuclei} nuclei, {smallest_f1:g} is asked for)",
            "use --precision f32",
        )
    calibration = Calibration(
        percentiles=recipe.percentiles,
        images=tuple(dict.fromkeys(tile.image for tile in tiles)),
        tiles=len(for_calibration),
        held_out=len(held_out),
        nuclei=nuclei,
        iou=IOU,
        f1=round(f1, 4),
        spared=spared,
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        versions={name: version(name) for name in ("nncf", "openvino")},
    )
    store_quantised(model, quantised, calibration)
    return calibration


def _sensitive(network: Network) -> tuple[str, ...]:
    """The layer that sees the image, and those that say probability, distances and classes."""
    layers = [step for step in network.steps if isinstance(step, Convolution)]
    last = [layer for layer in layers if layer.kernel.shape[:2] == (1, 1)]
    return tuple(layer.name for layer in (layers[0], *last))


@dataclass(frozen=True)
class _SeenTile:
    """A part of an image, and what single precision makes of it.

    Attributes:
        image: name of the image.
        part: the part, of the channels that the model takes.
        whole: the plane that it is cut from, thinned out, for its percentiles.
        values: (height, width, channels) float32, as the network takes it.
        labels: the nuclei that single precision finds.
    """

    image: str
    part: Image
    whole: Image
    values: NDArray[Any]
    labels: NDArray[Any]

    @property
    def nuclei(self) -> int:
        return int(np.count_nonzero(np.unique(self.labels)))


def _seen_tiles(
    model: ModelFolder,
    recipe: Recipe,
    images: Sequence[Location],
    axes: str | None,
    pixel_size: float | None,
) -> list[_SeenTile]:
    """Tiles from all over the images, in single precision; images that cannot be read are left."""
    eye = _Eye(OpenVinoEngine(model))
    segmenter = Segmenter(model, recipe, eye)
    of_parts = Segmenter(model, _of_parts(model, recipe), eye)
    chosen = [images[i] for i in np.linspace(0, len(images) - 1, _MOST_IMAGES).round().astype(int)]
    chosen = list(dict.fromkeys(chosen))
    tiles: list[_SeenTile] = []
    problem: StarbridgeError | None = None
    for path in chosen:
        try:
            with open_image(path, axes=axes, pixel_size=pixel_size) as image:
                channels = segmenter.channels(image)
                tiles += _tiles_of(image, channels, of_parts, eye, _MOST_TILES // len(chosen))
        except StarbridgeError as error:
            log.info("not calibrated on: %s", error)
            problem = problem or error
    if problem is not None and not tiles:
        raise problem
    return tiles


def _of_parts(model: ModelFolder, recipe: Recipe) -> Recipe:
    """The recipe for images that hold the model's channels only, in its order."""
    return recipe.with_changes(
        channel=0 if model.n_channels == 1 else tuple(range(model.n_channels))
    )


def _tiles_of(
    image: Image, channels: list[int], of_parts: Segmenter, eye: _Eye, count: int
) -> Iterator[_SeenTile]:
    t, z = image.size("T") // 2, image.size("Z") // 2
    pixels = np.stack([image.plane(channel, z=z, t=t) for channel in channels])
    step = -(-max(pixels.shape[1:]) // _PLANE_FOR_PERCENTILES)
    whole = _in_memory(pixels[:, ::step, ::step], image)
    for y, x in _places_with_signal(pixels[0], count):
        part = _in_memory(pixels[:, y : y + _SIDE, x : x + _SIDE], image)
        found = of_parts.segment(part, tiles=1, whole=whole)
        yield _SeenTile(image.name, part, whole, eye.seen, found.to_labels())


def _in_memory(pixels: NDArray[Any], image: Image) -> Image:
    several = len(pixels) > 1
    return from_array(
        pixels if several else pixels[0],
        axes="CYX" if several else "YX",
        pixel_size=image.pixel_size,
        name=image.name,
    )


def _places_with_signal(plane: NDArray[Any], count: int) -> list[tuple[int, int]]:
    """Corners of tiles, evenly drawn from the half of the plane with more contrast.

    Only the tiles with the most would be those with the debris.
    """
    ends = [max(1, size - _SIDE + 1) for size in plane.shape]
    places = [(y, x) for y in range(0, ends[0], _SIDE) for x in range(0, ends[1], _SIDE)]
    contrast = [float(np.std(plane[y : y + _SIDE, x : x + _SIDE])) for y, x in places]
    ranked = [places[i] for i in np.argsort(contrast)[::-1]]
    if len(ranked) > count:
        half = max(count, len(ranked) // 2)
        ranked = [ranked[i] for i in np.linspace(0, half - 1, count).round().astype(int)]
    return ranked


def _agreement(segmenter: Segmenter, tiles: Sequence[_SeenTile]) -> float:
    """F1 of a segmenter's nuclei against those of single precision."""
    from stardist.matching import matching_dataset

    found = [segmenter.segment(tile.part, tiles=1, whole=tile.whole).to_labels() for tile in tiles]
    known = [tile.labels for tile in tiles]
    return float(matching_dataset(known, found, thresh=IOU, show_progress=False).f1)


class _Eye:
    """An engine that remembers the last tile that it was shown."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.name, self.device, self.versions = engine.name, engine.device, engine.versions
        self.seen: NDArray[Any] = np.empty((0, 0, 0), np.float32)

    @property
    def divisor(self) -> tuple[int, int]:
        return self._engine.divisor

    @property
    def halo(self) -> tuple[int, int]:
        return self._engine.halo

    @property
    def bytes_per_pixel(self) -> float:
        return self._engine.bytes_per_pixel

    @property
    def alignment(self) -> tuple[int, int]:
        return self._engine.alignment

    def predict(
        self, tile: NDArray[Any], margins: Margins = NO_MARGINS, least_prob: float = 0.0
    ) -> Prediction:
        self.seen = tile
        return self._engine.predict(tile, margins, least_prob)
