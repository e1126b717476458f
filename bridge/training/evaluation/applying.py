"""Apply models to training pairs."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bridge.training.evaluation.given_results import GivenResults, is_results
from bridge.training.pairs import TrainingPair

if TYPE_CHECKING:
    from bridge.detections import Detections
    from bridge.segment.segmenter import Segmenter


def load_models(
    models: Sequence[str | PathLike[str] | Segmenter | GivenResults],
) -> list[Segmenter | GivenResults]:
    """Load the models that are not loaded yet; folders of results are opened as what they are.

    Raises:
        BadInputError: a model that cannot be used.
        MissingPartError: what runs it is not installed.
    """
    from bridge.segment.segmenter import Segmenter

    loaded: list[Segmenter | GivenResults] = []
    for model in models:
        if isinstance(model, Segmenter | GivenResults):
            loaded.append(model)
        elif is_results(model):
            loaded.append(GivenResults(Path(model)))
        else:
            loaded.append(Segmenter.load(model))
    return loaded


def model_names(models: Sequence[Segmenter | GivenResults]) -> list[str]:
    """Return a name for each model or folder of results, numbered where several share one.

    Those of the same name in different folders are told apart by the folders' parents.
    """
    paths = [m.path.resolve() if isinstance(m, GivenResults) else m.model.path for m in models]
    names = [
        path.name if isinstance(m, GivenResults) else m.model.name
        for m, path in zip(models, paths, strict=True)
    ]
    folders = {
        name: {path for other, path in zip(names, paths, strict=True) if other == name}
        for name in names
    }
    names = [
        f"{path.parent.name}/{name}" if len(folders[name]) > 1 else name
        for name, path in zip(names, paths, strict=True)
    ]
    return [
        f"{name} ({names[:number].count(name) + 1})" if names.count(name) > 1 else name
        for number, name in enumerate(names)
    ]


def apply_model(segmenter: Segmenter, pair: TrainingPair) -> Detections:
    """Find the objects of a pair's image, with the model's recipe.

    The channels of the pair are those of the model where it has as many; else the recipe says which
    of them. The image is not rescaled: its pixel size is not known. The ranges of intensities of a
    pair that was cut from a larger image count more than the recipe's percentiles.

    Raises:
        BadInputError: the image lacks a channel, or cannot be normalised.
    """
    from bridge.images import from_array
    from bridge.segment.segmenter import Segmenter

    model, channels = segmenter.model, pair.image.shape[-1]
    recipe = segmenter.recipe
    if channels == model.n_channels:
        chosen = tuple(range(channels))
        recipe = recipe.with_changes(channel=chosen if channels > 1 else 0)
    applied = Segmenter(model, recipe, segmenter.engine)
    image = from_array(np.moveaxis(pair.image, -1, 0), axes="CYX", name=pair.source or pair.name)
    ranges = pair.ranges
    if ranges is not None:
        ranges = tuple(ranges[channel] for channel in applied.channels(image))
    return applied.segment(image, ranges=ranges, note=lambda line: None)
