"""Normalisation of training pairs as the segmenter normalises images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.segment.normalize import IntensityRanges, find_ranges
from bridge.training.pairs import TrainingPair

if TYPE_CHECKING:
    from bridge.model.recipe import Recipe


def pair_ranges(pair: TrainingPair, recipe: Recipe) -> IntensityRanges:
    """Return the intensities of a pair that become 0 and 1.

    Those of the whole image count, where the pair knows them.

    Raises:
        BadInputError: the percentiles of an image that is not blank coincide, or its ranges are not
            one a channel.
    """
    source = pair.source or pair.name
    if pair.ranges is not None:
        if len(pair.ranges) != pair.image.shape[-1]:
            raise BadInputError(
                source,
                f"has {pair.image.shape[-1]} channels, and intensities of {len(pair.ranges)}",
                "make its training pair anew",
            )
        low, high = np.array(pair.ranges, np.float32).T
        return IntensityRanges(low, np.where(high > low, high - low, np.inf).astype(np.float32))
    ranges = find_ranges(pair.image, recipe.percentiles, recipe.normalize, source)
    if ranges.coincide is not None:
        low, high = recipe.percentiles
        raise BadInputError(
            source,
            f"is almost all background: its percentiles {low:g} and {high:g} are both "
            f"{ranges.coincide:g}",
            "leave it out, or cut out the part with nuclei",
        )
    return ranges


def normalize_pair(pair: TrainingPair, recipe: Recipe) -> NDArray[np.float32]:
    """Return a pair's image with its percentiles brought to 0 and 1.

    >>> from bridge.model.recipe import Recipe
    >>> pair = TrainingPair(name="a", image=np.eye(9) * 7, labels=np.eye(9, dtype=int))
    >>> float(normalize_pair(pair, Recipe(percentiles=(0, 100))).max())
    1.0
    """
    values = pair.image.astype(np.float32)
    pair_ranges(pair, recipe).apply(values)
    return values
