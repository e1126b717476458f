"""Segment a part of an image as the whole image would be."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from bridge.batch.record import read_record
from bridge.detections import Detections
from bridge.errors import BadInputError
from bridge.segment.planes import magnification
from bridge.select.cropping import crop_image
from bridge.select.windows import Window

if TYPE_CHECKING:
    from bridge.images import Image
    from bridge.model.folder import ModelFolder
    from bridge.model.recipe import Recipe
    from bridge.segment.engines.base import Engine
    from bridge.segment.segmenter import Segmenter

_FIRST_REACH = 64  # pixels; more where a larger object is found


def resegment(
    image: Image, window: Window, segmenter: Segmenter, *, scale: float | None = None
) -> Detections:
    """Segment the surroundings of a window so that its objects are those of the whole image.

    The intensities that the model sees are scaled by the percentiles of the whole planes, and so
    much of the image around the window is segmented with it that the network's field of view, and
    the objects that reach into the window with their neighbours, are inside. Where image and model
    have the same pixel size, the objects are those of the whole image; where the image is
    resampled, outlines may differ by fractions of a pixel.

    Args:
        image: the whole image.
        window: the part.
        segmenter: the model.
        scale: as in :meth:`bridge.Segmenter.segment`.

    Returns:
        Detections in pixels of the whole image, complete inside the window, most probable first.

    Raises:
        BadInputError: as :meth:`bridge.Segmenter.segment`.
    """
    reach = _FIRST_REACH
    while True:
        around = _around(image, window, segmenter, reach, scale)
        part = crop_image(image, around)
        found = segmenter.segment(part, whole=image, scale=scale)
        largest = _largest_side(found)
        if largest <= reach or (around.height, around.width) == (image.height, image.width):
            break
        reach = largest
    objects = found.objects.copy()
    objects["geometry"] = objects.geometry.translate(around.left, around.top)
    return replace(found, objects=objects, image=image.info)


class ModelOfRun:
    """A model that segments crops with the recipe of the run that made their objects.

    Other processes load its network for themselves.

    Args:
        model: a model folder, or ``demo``.

    Attributes:
        model: the model folder, checked.

    Raises:
        BadInputError: no model folder, or damaged files.
    """

    def __init__(self, model: str) -> None:
        from bridge.model.folder import open_model

        self.model = open_model(model)
        self._engine: Engine | None = None

    def __call__(self, objects: Path) -> Segmenter:
        """Return the segmenter for the crop of a file of objects.

        Raises:
            MissingPartError: what can run the model is not installed.
            BadInputError: no engine can run it.
        """
        from bridge.segment.segmenter import Segmenter

        segmenter = Segmenter(self.model, recipe_of_run(objects, self.model), self._engine)
        self._engine = segmenter.engine
        return segmenter

    def __getstate__(self) -> dict[str, Any]:
        return {"model": self.model, "_engine": None}


def recipe_of_run(source: Path, model: ModelFolder) -> Recipe:
    """Find the recipe that a file of objects was made with.

    Args:
        source: file of objects, maybe in a folder that ``starbridge segment`` wrote.
        model: the model to segment with.

    Returns:
        The run's recipe, where its ``run.json`` names this model (by its hash); else the model's
        own.
    """
    for record in _records_of_run(source, model):
        if isinstance(recipe := record.get("recipe"), dict):
            try:
                return _recipe(model.recipe, recipe)
            except (TypeError, ValueError, BadInputError):
                continue
    return model.recipe


def scale_of_run(source: Path, model: ModelFolder) -> float | None:
    """Find the scale that a file of objects was made with.

    Args:
        source: as in :func:`recipe_of_run`.
        model: likewise.

    Returns:
        The run's ``--scale``; ``None`` where it had none, or the run is not known.
    """
    for record in _records_of_run(source, model):
        scale = record.get("scale")
        if isinstance(scale, int | float) and scale > 0:
            return float(scale)
    return None


def _records_of_run(source: Path, model: ModelFolder) -> Iterator[dict[str, Any]]:
    """Yield the records around a file of objects that name this model."""
    for folder in source.absolute().parents[:2]:
        try:
            record = read_record(folder)
        except BadInputError:
            continue
        made_by = record.get("model")
        if isinstance(made_by, dict) and made_by.get("sha256") == model.sha256:
            yield record


def _recipe(own: Recipe, recorded: dict[str, Any]) -> Recipe:
    values = {
        key: tuple(value) if isinstance(value, list) else value for key, value in recorded.items()
    }
    return own.with_changes(**values)


def _around(
    image: Image, window: Window, segmenter: Segmenter, reach: int, scale: float | None
) -> Window:
    """Return the window with the surroundings that decide its objects, within the image."""
    factors = magnification(image.pixel_size, segmenter.recipe.pixel_size, scale)
    # An object reaches in from outside, one beside it may win over it, and that one may lose.
    margins = [
        math.ceil(halo / factor) + 3 * reach
        for halo, factor in zip(segmenter.engine.halo, factors, strict=True)
    ]
    # The network's pooling must fall on the same pixels as in the whole image.
    top, left = (
        max(0, start - margin) // by * by
        for start, margin, by in zip(
            (window.top, window.left), margins, segmenter.engine.alignment, strict=True
        )
    )
    bottom = min(image.height, window.bottom + margins[0])
    right = min(image.width, window.right + margins[1])
    return Window(top, left, bottom - top, right - left)


def _largest_side(found: Detections) -> int:
    bounds = shapely.bounds(found.objects.geometry.to_numpy()).reshape(-1, 4)
    return math.ceil(float(np.max(bounds[:, 2:] - bounds[:, :2], initial=0.0)))
