"""Objects of one plane: threshold, holes, cuts, sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bridge.classify.pixels.objects.distance import distance_map
from bridge.classify.pixels.objects.regions import (
    at_border,
    fill_holes,
    keep_regions,
    label_regions,
    renumber,
)
from bridge.classify.pixels.objects.separating import separate
from bridge.classify.pixels.objects.smoothing import smooth
from bridge.classify.pixels.objects.thresholds import above, above_hysteresis, otsu_cutoff
from bridge.classify.pixels.objects.watershed import cut_apart

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bridge.classify.pixels.objects.settings import ObjectSettings

_EVEN = 1.0  # sigma in pixels that makes one maximum of several equal distances


def find_objects(
    plane: NDArray[np.float32], settings: ObjectSettings, *, full: float = 1.0
) -> NDArray[np.int32]:
    """Return the objects of a plane.

    Without smoothing and with the preset way to cut, it is the label image that the macro
    ``probability_postprocess.ijm`` makes in ImageJ.

    Args:
        plane: (height, width) probabilities, or intensities for Otsu's method.
        settings: what makes an object.
        full: value that stands for a probability of 1.

    Returns:
        (height, width) label image; objects are numbered by their first pixels, row by row.

    Raises:
        MissingPartError: the way to cut needs scikit-image, which is not installed.

    >>> from bridge.classify.pixels.objects.settings import ObjectSettings
    >>> plane = np.float32([[0.9, 0.9, 0, 0], [0, 0, 0, 0.9]])
    >>> find_objects(plane, ObjectSettings(smallest=2)).tolist()
    [[1, 1, 0, 0], [0, 0, 0, 0]]
    """
    plane = smooth(plane, settings.sigma)
    mask = make_mask(plane, settings, full)
    if settings.cut == "imagej":
        labels = label_regions(cut_apart(mask))
    elif settings.cut == "none":
        labels = label_regions(mask)
    else:
        by_distance = settings.cut == "distance"
        heights = smooth(distance_map(mask), _EVEN) if by_distance else plane
        labels = separate(mask, heights, settings.spacing)
    kept = keep_regions(labels, settings.smallest, settings.greatest)
    if settings.drop_border:
        kept &= ~at_border(labels)
    return renumber(labels, kept)


def make_mask(
    plane: NDArray[np.float32], settings: ObjectSettings, full: float = 1.0
) -> NDArray[np.bool_]:
    """Return the pixels of objects, by threshold and with holes filled.

    Args:
        plane: (height, width) values, smoothed already.
        settings: threshold and holes.
        full: value that stands for a probability of 1.
    """
    if settings.cutoff is None:
        found = otsu_cutoff(plane)
        mask = np.zeros(plane.shape, bool) if found is None else above(plane, found)
    elif settings.low is not None:
        mask = above_hysteresis(plane, settings.low * full, settings.cutoff * full)
    else:
        mask = above(plane, settings.cutoff * full)
    return fill_holes(mask) if settings.holes else mask
