"""Touching objects told apart by scikit-image's watershed, without lines between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.classify.pixels.objects.regions import label_regions
from bridge.errors import MissingPartError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def separate(
    mask: NDArray[np.bool_], heights: NDArray[np.float32], spacing: int
) -> NDArray[np.int32]:
    """Return the objects of a mask: a basin for each maximum of a height, none of them lost.

    Args:
        mask: (height, width), true in objects.
        heights: (height, width) distances from the background, or probabilities.
        spacing: least distance between two maxima, pixels.

    Returns:
        (height, width) label image; objects are numbered by their first pixels, row by row.

    Raises:
        MissingPartError: scikit-image is not installed.
    """
    regions = label_regions(mask)
    if not regions.any():
        return regions
    try:
        from skimage.feature import peak_local_max
    except ImportError as error:
        raise MissingPartError("classify", "cut objects apart this way", "scikit-image") from error
    find_peaks: Any = peak_local_max  # has no types
    peaks = find_peaks(heights, min_distance=spacing, labels=regions, exclude_border=False)
    seeds = np.zeros(mask.shape, np.int32)
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    # a region of equal heights has no maximum; it is an object of its own
    is_seeded = np.zeros(int(regions.max()) + 1, bool)
    is_seeded[regions[seeds > 0]] = is_seeded[0] = True
    rest = ~is_seeded[regions]
    seeds[rest] = len(peaks) + regions[rest]
    return number_by_place(grow(seeds, -heights, mask))


def grow(
    seeds: NDArray[np.int32], depths: NDArray[np.float32], mask: NDArray[np.bool_]
) -> NDArray[np.int32]:
    """Grow seeds in a mask, from the deepest pixels upwards.

    Args:
        seeds: (height, width) labels, 0 where there is no seed.
        depths: (height, width) depths; lower is reached first.
        mask: (height, width), true where seeds may grow.

    Returns:
        (height, width) label image with the labels of the seeds.

    Raises:
        MissingPartError: scikit-image is not installed.
    """
    try:
        from skimage.segmentation import watershed
    except ImportError as error:
        raise MissingPartError("classify", "grow objects", "scikit-image") from error
    flood: Any = watershed  # has no types
    grown: NDArray[np.int32] = flood(depths, seeds, mask=mask, connectivity=2)
    return grown.astype(np.int32, copy=False)


def number_by_place(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return objects numbered from 1 by their first pixels, row by row.

    >>> number_by_place(np.array([[0, 7, 3]], np.int32)).tolist()
    [[0, 1, 2]]
    """
    found, first = np.unique(labels, return_index=True)
    order = found[np.argsort(first)]
    numbers = np.zeros(int(labels.max(initial=0)) + 1, np.int32)
    order = order[order > 0]
    numbers[order] = np.arange(1, len(order) + 1)
    return numbers[labels]
