"""Segmenter: apply a StarDist model to an image."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from os import PathLike
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bridge.detections import Detections, Outline
from bridge.errors import BadInputError
from bridge.images import Image, from_array, open_image
from bridge.images.channels import list_channels
from bridge.model.folder import ModelFolder, open_model
from bridge.model.recipe import Normalization, Recipe
from bridge.objects3d import from_volume
from bridge.segment.collecting import ObjectCollector, name_classes
from bridge.segment.engines.base import Engine, VolumeEngine
from bridge.segment.engines.registry import AUTO, EngineSpec, find_engine
from bridge.segment.linking import MIN_PLANES, link_planes
from bridge.segment.nms import Candidates
from bridge.segment.normalize import IntensityRanges, find_ranges
from bridge.segment.notes import PlaneNotes, note_on_size
from bridge.segment.planes import (
    check_scale,
    magnification,
    name_plane,
    read_plane,
    resample,
    set_slice_distance,
)
from bridge.segment.prediction import PlanePredictor, Progress
from bridge.segment.tiles import MEMORY
from bridge.segment.volumes import VolumePredictor, read_volume, volume_factors

log = logging.getLogger(__name__)

Note = Callable[[str], None]
"""Called with a sentence for the user."""

Stack2D = Literal["plane", "link"]
"""Stacks with a 2D model: each plane for itself, or its nuclei linked to those of a volume."""

_Predict = Callable[[NDArray[Any], IntensityRanges, Progress], Candidates]


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
        self._volume_engine: VolumeEngine | None = None

    @classmethod
    def load(
        cls,
        model: str | PathLike[str] = "demo",
        *,
        prob: float | None = None,
        nms: float | None = None,
        percentiles: tuple[float, float] | None = None,
        channel: int | str | tuple[int | str, ...] | None = None,
        normalize: Normalization | None = None,
        engine: str = "auto",
    ) -> Segmenter:
        """Load a model folder, or the model that comes with starbridge.

        What is odd about the folder is logged.

        Args:
            model: a StarDist model folder, or ``demo``.
            prob: as in :class:`bridge.model.recipe.Recipe`; the model's own where ``None``.
            nms: likewise.
            percentiles: likewise.
            channel: likewise.
            normalize: likewise.
            engine: a word of :func:`bridge.segment.engines.registry.engine_names`.

        Raises:
            BadInputError: no model folder, damaged files, weights of another architecture, a
                network that the engine cannot run, an unknown engine.
            MissingPartError: the engine is not installed.
        """
        folder = open_model(model, allow_3d=True)
        recipe = folder.recipe.with_changes(
            prob=prob, nms=nms, percentiles=percentiles, channel=channel, normalize=normalize
        )
        for line in folder.notes:
            log.warning("%s", line)
        segmenter = cls(folder, recipe, spec=find_engine(engine))
        segmenter.network  # noqa: B018 - loads it, so that errors are raised here
        return segmenter

    @property
    def network(self) -> Engine | VolumeEngine:
        """The loaded network, of planes or of volumes as the model is.

        Raises:
            BadInputError: as :attr:`engine`, or an engine of planes for a model of volumes.
            MissingPartError: the engine is not installed.
        """
        return self.engine if self.model.n_dim == 2 else self._volumes

    @property
    def _volumes(self) -> VolumeEngine:
        if self._volume_engine is None:
            self._volume_engine = (self.spec or AUTO).load_volumes(self.model)
        return self._volume_engine

    @property
    def engine(self) -> Engine:
        """The loaded network of a 2D model.

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
        scale: float | None = None,
        z_step: float | None = None,
        stack_2d: Stack2D = "plane",
        min_planes: int = MIN_PLANES,
        progress: Progress | None = None,
        note: Note | None = None,
        whole: Image | None = None,
        ranges: Sequence[tuple[float, float]] | None = None,
    ) -> Detections:
        """Find the objects of an image.

        A 2D model segments a stack plane by plane; labels count on through its planes, unless they
        are linked. A 3D model segments volumes. A plane or volume of one value throughout has no
        objects.

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
            scale: how often the image is enlarged before prediction (2: nuclei look twice as large
                to the model), in place of the rescaling by pixel sizes. Outlines are in pixels of
                the image all the same.
            z_step: µm between slices, where the file does not say or says it wrongly.
            stack_2d: ``link`` makes objects of a volume of the planes' (:func:`link_planes`); for
                a 2D model.
            min_planes: with ``link``, the least slices of an object.
            progress: called after each tile.
            note: called with each sentence on the image that a user wants to know, such as planes
                that were left out; ``None``: they are logged.
            whole: the open image that ``image`` was cut from: the percentiles are those of its
                planes, so that the model sees the intensities that it sees in the whole image.
            ranges: (low, high) intensities of each of the model's channels that become 0 and 1, in
                place of the percentiles.

        Returns:
            Detections with ``prob``, most probable first, labelled from 1 in that order; of volumes
            as :mod:`bridge.objects3d` has them, traced where a 3D model found them. ``class`` is
            the most probable class of a model that has some, ``None`` where background is more
            probable than all of them.

        Raises:
            BadInputError: an image that cannot be read or segmented, or both a scale and a pixel
                size; the text says why.

        >>> disc = np.hypot(*np.mgrid[-16:16, -16:16]) < 4
        >>> len(Segmenter.load("demo").segment(1000.0 * disc, scale=2))
        1
        """
        check_scale(scale, pixel_size)
        with ExitStack() as opened:
            if not isinstance(image, Image):
                image = opened.enter_context(
                    from_array(image, axes=axes, pixel_size=pixel_size)
                    if isinstance(image, np.ndarray)
                    else open_image(image, axes=axes, pixel_size=pixel_size)
                )
            set_slice_distance(image, z_step)
            if self.model.n_dim == 3:
                if stack_2d != "plane":
                    raise BadInputError(
                        "linking of slices",
                        f"is for 2D models, and {self.model.name} is a 3D model",
                        "leave out --stack-2d",
                    )
                found, lines = self._segment_volumes(image, tiles, memory, scale, ranges, progress)
                _tell(image, lines, note)
                return found
            factors = magnification(image.pixel_size, self.recipe.pixel_size, scale)
            notes = PlaneNotes(image.info, self.recipe.percentiles)
            objects = ObjectCollector(outline, self.recipe)
            predictor = PlanePredictor(self.model, self.engine, self.recipe)

            def predict(
                plane: NDArray[Any], ranges: IntensityRanges, report: Progress
            ) -> Candidates:
                return predictor.predict(plane, ranges, tiles=tiles, memory=memory, progress=report)

            self._segment_planes(
                image, whole or image, ranges, factors, predict, objects, notes, progress
            )
            found = objects.detections(image.info)
            lines = notes.lines()
            # of a part of an image, its whole is what the size concerns
            if whole is None and (
                line := note_on_size(found.objects.geometry.area, factors, self.recipe.diameter)
            ):
                lines.append(line)
            if stack_2d == "link":
                found = self._link(found, image, min_planes)
            _tell(image, lines, note)
        return found

    def _link(self, found: Detections, image: Image, min_planes: int) -> Detections:
        channels = self.channels(image)

        def read(z: int, t: int) -> NDArray[Any]:
            mean: NDArray[Any] = read_plane(image, channels, t=t, z=z).mean(axis=-1)
            return mean

        return link_planes(found, read, min_planes=min_planes)

    def _segment_volumes(
        self,
        image: Image,
        tiles: int | tuple[int, int] | None,
        memory: float,
        scale: float | None,
        given: Sequence[tuple[float, float]] | None,
        progress: Progress | None,
    ) -> tuple[Detections, list[str]]:
        """Find the objects of each time point; return sentences for the user, too."""
        recipe, channels, info = self.recipe, self.channels(image), image.info
        factors, unknown = volume_factors(
            image.pixel_size,
            self.model.config["anisotropy"],
            recipe.pixel_size,
            scale,
            str(image.path or image.name),
        )
        lines = [unknown] if unknown else []
        if factors != (1.0, 1.0, 1.0):
            log.info("%s: enlarged %.3g x %.3g x %.3g (z, y, x)", image.name, *factors)
        predictor = VolumePredictor(self.model, self._volumes, recipe)
        stack = np.zeros((info.size_t, info.size_z, image.height, image.width), np.uint32)
        prob: dict[int, float] = {}
        classes: dict[int, str | None] = {}
        for t in range(info.size_t):
            source = f"{image.path or image.name}" + (f" (time point {t})" * (info.size_t > 1))
            volume = read_volume(image, channels, t)
            ranges = (
                find_ranges(volume, recipe.percentiles, recipe.normalize, source)
                if given is None
                else IntensityRanges.of(volume, given, source)
            )
            report = _scale_progress(progress, t, info.size_t)
            if not ranges.have_contrast:
                if ranges.coincide is not None:
                    raise _no_contrast(source, recipe, ranges.coincide)
                value = next(iter(ranges.constant.values()))
                lines.append(f"{source}: every voxel has the value {value:g}: there are no nuclei")
                report(1, 1)
                continue
            values = volume.astype(np.float32, copy=False)
            ranges.apply(values)
            objects = predictor.predict(
                values, factors, tiles=tiles, memory=memory, progress=report
            )
            count, labels = len(prob), objects.labels.astype(np.uint32)
            stack[t] = np.where(labels > 0, labels + count, 0)
            numbers = range(count + 1, count + 1 + len(objects.prob))
            prob |= zip(numbers, objects.prob.tolist(), strict=True)
            classes |= zip(
                numbers, name_classes(objects.classes, len(numbers), recipe), strict=True
            )
        columns: dict[str, dict[int, Any]] = {"prob": prob, "class": classes}
        return from_volume(stack, axes="TZYX", image=info, columns=columns), lines

    def _segment_planes(
        self,
        image: Image,
        whole: Image,
        given: Sequence[tuple[float, float]] | None,
        factors: tuple[float, float],
        predict: _Predict,
        objects: ObjectCollector,
        notes: PlaneNotes,
        progress: Progress | None,
    ) -> None:
        """Predict each plane that has contrast.

        Raises:
            BadInputError: there is none, and not because all are blank.
        """
        recipe, channels = self.recipe, self.channels(image)
        planes = list(image.planes())
        left_out: dict[str, float] = {}
        predicted = 0
        for number, (t, z) in enumerate(planes):
            source = name_plane(image, t, z)
            report = _scale_progress(progress, number, len(planes))
            plane = read_plane(image, channels, t=t, z=z)
            seen = plane if whole is image else read_plane(whole, channels, t=t, z=z)
            ranges = (
                find_ranges(seen, recipe.percentiles, recipe.normalize, source)
                if given is None
                else IntensityRanges.of(seen, given, source)
            )
            notes.add((t, z), channels, ranges)
            if ranges.have_contrast:
                resampled = resample(plane, factors, source)
                kept = predict(resampled, ranges, report)
                pixel = (plane.shape[0] / resampled.shape[0], plane.shape[1] / resampled.shape[1])
                objects.add(kept, plane.shape, t=t, z=z, pixel=pixel, source=source)
                predicted += 1
                continue
            if ranges.coincide is not None:
                left_out[source] = ranges.coincide
            report(1, 1)
        if left_out and not predicted:
            source, value = next(iter(left_out.items()))
            raise _no_contrast(source, recipe, value)

    def channels(self, image: Image) -> list[int]:
        """Return the indices of the image's channels that the network takes, in its order.

        Raises:
            BadInputError: a channel that the image does not have, or a choice that is missing.
        """
        wanted = self.recipe.channel
        chosen = list(wanted) if isinstance(wanted, tuple) else [wanted]
        source = image.path or image.name
        if self.model.n_channels > 1 and len(chosen) == 1:
            # An alpha channel is no colour.
            count = min(image.size("C"), 3) if image.is_rgb else image.size("C")
            if count != self.model.n_channels:
                raise BadInputError(
                    source,
                    f"has {image.size('C')} channels, and the model takes {self.model.n_channels}",
                    "say which, in the model's order, such as --channel 0,1: "
                    + list_channels(image.channels),
                )
            return list(range(self.model.n_channels))
        if len(chosen) != self.model.n_channels:
            raise BadInputError(
                "channel",
                f"{len(chosen)} channels were chosen, and the model takes {self.model.n_channels}",
                f"choose {self.model.n_channels}",
            )
        is_chosen = self.recipe.is_channel_chosen or wanted != self.model.recipe.channel
        if image.is_rgb and not is_chosen:
            image.plane()  # raises the error that a colour image needs a choice
        if image.size("C") == 1 and wanted == self.model.recipe.channel:
            return [0]
        return [image.channel_index(c) for c in chosen]


def _no_contrast(source: str, recipe: Recipe, value: float) -> BadInputError:
    low, high = recipe.percentiles
    return BadInputError(
        source,
        f"its percentiles {low:g} and {high:g} are both {value:g}",
        "almost all of it is background: crop it, or widen --percentiles (to 0 100)",
    )


def _tell(image: Image, lines: Sequence[str], note: Note | None) -> None:
    for line in lines:
        if note is None:
            log.warning("%s: %s", image.path or image.name, line)
        else:
            note(line)


def _scale_progress(progress: Progress | None, number: int, planes: int) -> Progress:
    """Report the progress of one plane as progress of the whole stack."""
    if progress is None:
        return lambda done, total: None
    return lambda done, total: progress(number * total + done, planes * total)
