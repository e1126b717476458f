"""Segmenter: apply a StarDist model to an image."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.detections import Detections, Outline
from bridge.errors import BadInputError
from bridge.images import Image, from_array, open_image
from bridge.images.channels import list_channels
from bridge.model.folder import ModelFolder, open_model
from bridge.model.recipe import Normalization, Recipe
from bridge.segment.collecting import ObjectCollector
from bridge.segment.engines.base import Engine
from bridge.segment.engines.registry import AUTO, EngineSpec, find_engine
from bridge.segment.nms import Candidates
from bridge.segment.normalize import IntensityRanges, find_ranges
from bridge.segment.notes import PlaneNotes, note_on_size
from bridge.segment.planes import check_scale, magnification, name_plane, read_plane, resample
from bridge.segment.prediction import PlanePredictor, Progress
from bridge.segment.tiles import MEMORY

log = logging.getLogger(__name__)

Note = Callable[[str], None]
"""Called with a sentence for the user."""

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
        folder = open_model(model)
        recipe = folder.recipe.with_changes(
            prob=prob, nms=nms, percentiles=percentiles, channel=channel, normalize=normalize
        )
        for line in folder.notes:
            log.warning("%s", line)
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
        scale: float | None = None,
        progress: Progress | None = None,
        note: Note | None = None,
        whole: Image | None = None,
        ranges: Sequence[tuple[float, float]] | None = None,
    ) -> Detections:
        """Find the objects of an image.

        A stack is segmented plane by plane; labels count on through its planes. A plane of one
        value throughout has no objects.

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
            progress: called after each tile.
            note: called with each sentence on the image that a user wants to know, such as planes
                that were left out; ``None``: they are logged.
            whole: the open image that ``image`` was cut from: the percentiles are those of its
                planes, so that the model sees the intensities that it sees in the whole image.
            ranges: (low, high) intensities of each of the model's channels that become 0 and 1, in
                place of the percentiles.

        Returns:
            Detections with ``prob``, most probable first, labelled from 1 in that order. ``class``
            is the most probable class of a model that has some, ``None`` where background is more
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
            for line in lines:
                if note is None:
                    log.warning("%s: %s", image.path or image.name, line)
                else:
                    note(line)
        return found

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
            low, high = recipe.percentiles
            raise BadInputError(
                source,
                f"its percentiles {low:g} and {high:g} are both {value:g}",
                "almost all of it is background: crop it, or widen --percentiles (to 0 100)",
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


def _scale_progress(progress: Progress | None, number: int, planes: int) -> Progress:
    """Report the progress of one plane as progress of the whole stack."""
    if progress is None:
        return lambda done, total: None
    return lambda done, total: progress(number * total + done, planes * total)
