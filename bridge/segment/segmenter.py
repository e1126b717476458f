"""Segmenter: apply a StarDist model to an image."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.detections import Detections, Outline
from bridge.errors import BadInputError
from bridge.images import Image, from_array, open_image
from bridge.images.info import ImageInfo, PixelSize
from bridge.model.folder import ModelFolder, open_model
from bridge.model.recipe import Recipe
from bridge.outlines import rasterize, star_polygons
from bridge.segment.engines.base import Engine, Margins
from bridge.segment.engines.registry import AUTO, EngineSpec, find_engine
from bridge.segment.nms import Candidates, suppress_rows
from bridge.segment.normalize import percentile_range
from bridge.segment.tiles import (
    MEMORY,
    Tile,
    count_tiles,
    pad_shape,
    prefetch,
    tile_rows,
)

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
"""Called with tiles done and tiles in all."""

_BORDER = 2  # StarDist trusts no object centred in the outermost two predictions
_SAME_SCALE = 0.05
_TILES_AHEAD = 4  # whose candidates may wait while those before them are thinned
_TILES_SHARE = 0.75  # of the memory; the rest is for candidates
_HELD_TIMES = 4  # a candidate's bytes while it is thinned: joined, ordered, its outline


class Segmenter:
    """A StarDist model, the recipe to apply it, and the engine that runs it.

    Args:
        model: a checked model folder.
        recipe: how to apply it; the model's own when ``None``.
        engine: a loaded network; when ``None``, ``spec`` loads it on first use.
        spec: which engine to load, here and in other processes; the fastest that is installed
            when ``None``.

    Attributes:
        spec: as given; ``None`` where only a loaded network was.

    >>> disc = np.hypot(*np.mgrid[-32:32, -32:32]) < 8
    >>> len(Segmenter.load("demo").segment(1000.0 * disc))
    1
    """

    def __init__(
        self,
        model: ModelFolder,
        recipe: Recipe | None = None,
        engine: Engine | None = None,
        spec: EngineSpec | None = None,
    ) -> None:
        self.model = model
        self.recipe = recipe or model.recipe
        self.spec = spec or (AUTO if engine is None else None)
        self._engine = engine

    @classmethod
    def load(
        cls,
        model: str | PathLike[str] = "demo",
        *,
        prob: float | None = None,
        nms: float | None = None,
        percentiles: tuple[float, float] | None = None,
        channel: int | str | tuple[int | str, ...] | None = None,
        engine: str = "auto",
    ) -> Segmenter:
        """Load a model folder, or the model that comes with starbridge.

        Args:
            model: a StarDist model folder, or ``demo``.
            prob: as in :class:`bridge.model.recipe.Recipe`; the model's own where ``None``.
            nms: likewise.
            percentiles: likewise.
            channel: likewise.
            engine: a word of :func:`bridge.segment.engines.registry.engine_names`.

        Raises:
            BadInputError: no model folder, damaged files, weights of another architecture, a
                network that the engine cannot run, an unknown engine.
            MissingPartError: the engine is not installed.
        """
        folder = open_model(model)
        recipe = folder.recipe.with_changes(
            prob=prob, nms=nms, percentiles=percentiles, channel=channel
        )
        segmenter = cls(folder, recipe, spec=find_engine(engine))
        segmenter.engine  # noqa: B018 - loads it, so that errors are raised here
        return segmenter

    @property
    def engine(self) -> Engine:
        """The loaded network.

        Raises:
            BadInputError: damaged weights, weights of another architecture, a network that the
                engine cannot run.
            MissingPartError: the engine is not installed.
        """
        if self._engine is None:
            self._engine = (self.spec or AUTO).load(self.model)
        return self._engine

    def segment(
        self,
        image: str | PathLike[str] | NDArray[Any] | Image,
        *,
        axes: str | None = None,
        pixel_size: float | None = None,
        tiles: int | tuple[int, int] | None = None,
        memory: float = MEMORY,
        outline: Outline = "star",
        progress: Progress | None = None,
        whole: Image | None = None,
    ) -> Detections:
        """Find the objects of an image.

        A stack is segmented plane by plane; labels count on through its planes.

        Args:
            image: a file, an open image, or an array (YX, or with ``axes``).
            axes: letters of TZCYX, where the file does not say or says it wrongly.
            pixel_size: µm, where the file does not say or says it wrongly.
            tiles: number of tiles along y and x (one number: along both); ``None``: as many as
                memory asks for.
            memory: GiB for prediction: the network with a tile, and its candidates. The image's
                plane and the label image come on top, at some bytes a pixel.
            outline: ``star`` (StarDist's rays) or ``traced`` (along pixel edges of the label
                image, where overlaps belong to the more probable object).
            progress: called after each tile.
            whole: the open image that ``image`` was cut from: the percentiles are those of its
                planes, so that the model sees the intensities that it sees in the whole image.

        Returns:
            Detections with ``prob``, most probable first, labelled from 1 in that order.

        Raises:
            BadInputError: an image that cannot be read or segmented; the text says why.
        """
        with ExitStack() as opened:
            if not isinstance(image, Image):
                image = opened.enter_context(
                    from_array(image, axes=axes, pixel_size=pixel_size)
                    if isinstance(image, np.ndarray)
                    else open_image(image, axes=axes, pixel_size=pixel_size)
                )
            return self._segment_planes(image, tiles, memory, outline, progress, whole)

    def _segment_planes(
        self,
        image: Image,
        tiles: int | tuple[int, int] | None,
        memory: float,
        outline: Outline,
        progress: Progress | None,
        whole: Image | None,
    ) -> Detections:
        channels = self.channels(image)
        info = image.info
        planes = [(t, z) for t in range(info.size_t) for z in range(info.size_z)]
        found: list[NDArray[np.object_]] = []
        columns: dict[str, list[Any]] = {"label": [], "prob": [], "class": [], "z": [], "t": []}
        first_label = 1
        for number, (t, z) in enumerate(planes):
            plane = np.stack([image.plane(c, z=z, t=t) for c in channels], axis=-1)
            where = _name_plane(image, t, z)
            report = _scale_progress(progress, number, len(planes)) if progress else None
            ranges = [
                percentile_range(
                    plane[..., k] if whole is None else whole.plane(c, z=z, t=t),
                    self.recipe.percentiles,
                    where,
                )
                for k, c in enumerate(channels)
            ]
            kept, scale = self._predict(
                plane, ranges, where, info.pixel_size, tiles, memory, report
            )
            polygons = star_polygons(kept.dist, kept.points, scale=scale)
            labels = np.arange(first_label, first_label + len(kept))
            first_label += len(kept)
            if outline == "traced":
                polygons, visible = _trace_visible(polygons, kept.prob, plane.shape[:2])
                if not visible.all():
                    log.info("%s: %d objects lie wholly under others", where, (~visible).sum())
                kept, labels, polygons = kept.take(visible), labels[visible], polygons[visible]
            found.append(polygons)
            columns["label"].append(labels)
            columns["prob"].append(kept.prob.astype(np.float64))
            columns["class"].append(_class_names(kept))
            columns["z"].append(np.full(len(kept), z))
            columns["t"].append(np.full(len(kept), t))
        return Detections.from_polygons(
            np.concatenate(found),
            columns={key: np.concatenate(parts) for key, parts in columns.items()},
            image=info,
            outline=outline,
        )

    def channels(self, image: Image) -> list[int]:
        """Return the indices of the image's channels that the network takes, in its order.

        Raises:
            BadInputError: a channel that the image does not have, or a choice that is missing.
        """
        wanted = self.recipe.channel
        chosen = list(wanted) if isinstance(wanted, tuple) else [wanted]
        source = image.path or image.name
        if self.model.n_channels > 1 and len(chosen) == 1:
            if image.size("C") != self.model.n_channels:
                raise BadInputError(
                    source,
                    f"has {image.size('C')} channels, and the model takes {self.model.n_channels}",
                    "say which, in the model's order: --channel 0,1",
                )
            return list(range(self.model.n_channels))
        if len(chosen) != self.model.n_channels:
            raise BadInputError(
                "channel",
                f"{len(chosen)} channels were chosen, and the model takes {self.model.n_channels}",
                f"choose {self.model.n_channels}",
            )
        if image.is_rgb and wanted == self.model.recipe.channel:
            image.plane()  # raises the error that a colour image needs a choice
        if image.size("C") == 1 and wanted == self.model.recipe.channel:
            return [0]
        return [image.channel_index(c) for c in chosen]

    def _predict(
        self,
        plane: NDArray[Any],
        ranges: list[tuple[float, float]],
        source: str,
        pixel_size: PixelSize | None,
        tiles: int | tuple[int, int] | None,
        memory: float,
        progress: Progress | None,
    ) -> tuple[Candidates, tuple[float, float]]:
        """Predict a (height, width, channels) plane and suppress its candidates.

        The intensities ``ranges`` of each channel are brought to 0 and 1.

        Returns:
            The winners, and the size (y, x) of a predicted pixel in the plane's pixels.
        """
        resampled = _resample(plane, pixel_size, self.recipe.pixel_size, source)
        scale = (plane.shape[0] / resampled.shape[0], plane.shape[1] / resampled.shape[1])
        low = np.array([r[0] for r in ranges], np.float32)
        span = np.array([r[1] - r[0] for r in ranges], np.float32)
        shape = resampled.shape[:2]
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
            values: NDArray[np.float32] = resampled[pixels].astype(np.float32, copy=False)
            values -= low
            values /= span
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
        ), scale

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
        prediction = self.engine.predict(values, tile.margins, self.recipe.prob)
        if flat is not None and not (prediction.prob > self.recipe.prob).any():
            blank.add(flat)
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


def _resample(
    plane: NDArray[Any], pixel_size: PixelSize | None, model_size: float | None, source: str
) -> NDArray[Any]:
    """Resample a plane to the model's pixel size, where both are known."""
    if pixel_size is None or model_size is None:
        return plane
    factors = (pixel_size.y / model_size, pixel_size.x / model_size)
    if all(abs(f - 1) <= _SAME_SCALE for f in factors):
        return plane
    from skimage.transform import resize

    size = tuple(max(1, round(n * f)) for n, f in zip(plane.shape[:2], factors, strict=True))
    log.info(
        "%s: resampled from %.4g to the model's %.4g µm per pixel",
        source,
        pixel_size.yx,
        model_size,
    )
    resampled: NDArray[Any] = resize(
        plane.astype(np.float32),
        (*size, plane.shape[2]),
        order=1,
        mode="reflect",
        anti_aliasing=min(factors) < 1,
        preserve_range=True,
    )
    return resampled


def _trace_visible(
    polygons: NDArray[np.object_], prob: NDArray[Any], shape: tuple[int, ...]
) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    """Trace what is visible of each object once all are drawn; return which are visible, too."""
    from bridge.outlines import trace

    order = np.argsort(prob, kind="stable")
    drawn = rasterize(polygons[order], order + 1, (shape[0], shape[1]))
    labels, outlines = trace(drawn)
    traced = polygons.copy()
    visible = np.zeros(len(polygons), bool)
    visible[labels - 1] = True
    traced[labels - 1] = outlines
    return traced, visible


def _class_names(kept: Candidates) -> NDArray[np.object_]:
    """Name the most probable classes: StarDist numbers them from 1, 0 is background."""
    if kept.classes is None:
        return np.full(len(kept), None, object)
    numbers = 1 + np.argmax(kept.classes[:, 1:], axis=1) if len(kept) else np.empty(0, int)
    return np.array([f"class {n}" for n in numbers], object)


def _name_plane(image: Image, t: int, z: int) -> str:
    name = str(image.path or image.name)
    info: ImageInfo = image.info
    if info.size_t > 1:
        name += f" (time point {t})"
    if info.size_z > 1:
        name += f" (slice {z})"
    return name


def _scale_progress(progress: Progress, number: int, planes: int) -> Progress:
    """Report the progress of one plane as progress of the whole stack."""
    return lambda done, total: progress(number * total + done, planes * total)
