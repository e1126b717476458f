"""Choose the objects whose class a reviewer should give next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bridge.errors import BadInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def uncertainty(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return how unsure a classifier is: 1 minus the margin between its two best classes.

    The margin is what a further example near the border of two classes changes most (Scheffer,
    Decomain and Wrobel 2001, "Active hidden Markov models for information extraction").

    Args:
        probabilities: (n, classes) that add up to 1 in each row; NaN for an object that was not
            classed.

    Returns:
        (n,) from 0 (sure) to 1 (two classes are equally probable); NaN where a row has NaN.

    Raises:
        BadInputError: there are fewer than two classes.

    >>> uncertainty(np.array([[0.5, 0.5, 0.0], [0.1, 0.9, 0.0]])).round(2).tolist()
    [1.0, 0.2]
    """
    values = np.asarray(probabilities, np.float64)
    if values.ndim != 2 or values.shape[1] < 2:
        raise BadInputError(
            "probabilities", "are not of several classes", "train on two classes at least"
        )
    best = np.partition(values, -2, axis=1)[:, -2:]
    unsure: NDArray[np.float64] = 1 - (best[:, 1] - best[:, 0])
    # NaN are sorted last, and may be one of the two or none
    unsure[np.isnan(values).any(axis=1)] = np.nan
    return np.clip(unsure, 0, 1)


def choose_objects(
    unsure: NDArray[np.floating], images: Sequence[str], count: int = 100
) -> NDArray[np.intp]:
    """Choose the objects to class next: the most uncertain ones of every image.

    No image gets more than an equal share, as long as others have objects: one odd image would
    otherwise take all, and its objects resemble each other.

    Args:
        unsure: (n,) uncertainty of each object (:func:`uncertainty`); NaN is never chosen.
        images: image of each.
        count: number of objects.

    Returns:
        Positions of the chosen objects, the most uncertain first: ``count`` or all that have an
        uncertainty; equal for equal arguments.

    Raises:
        BadInputError: a negative number, or not one image an object.

    >>> choose_objects(np.array([0.9, 0.8, 0.7, 0.1]), ["a", "a", "a", "b"], 2).tolist()
    [0, 3]
    """
    values = np.asarray(unsure, np.float64)
    if count < 0:
        raise BadInputError("number of objects to check", f"{count} is below 0", "give 0 or more")
    if len(images) != len(values):
        raise BadInputError(
            "objects to check",
            f"are {len(values)}, of {len(images)} images",
            "name the image of each object",
        )
    order = np.argsort(-values, kind="stable")
    order = order[: np.count_nonzero(~np.isnan(values))]  # NaN are sorted last
    _, numbers = np.unique(np.asarray(images, object).astype(str), return_inverse=True)
    taken = _shares(np.bincount(numbers[order]), count)
    # place of each object among those of its image
    by_image = np.argsort(numbers[order], kind="stable")
    counts = np.bincount(numbers[order])
    first = np.concatenate([[0], np.cumsum(counts)])[:-1]
    place = np.empty(len(order), np.intp)
    place[by_image] = np.arange(len(order)) - np.repeat(first, counts)
    chosen: NDArray[np.intp] = order[place < taken[numbers[order]]][:count]
    return chosen


def _shares(available: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Return how many objects each image may give, so that ``count`` come together.

    Args:
        available: objects of each image.
        count: wanted.
    """
    # the smallest equal share with which enough come together
    low, high = 0, int(available.max(initial=0))
    while low < high:
        share = (low + high) // 2
        if int(np.minimum(available, share).sum()) >= count:
            high = share
        else:
            low = share + 1
    return np.minimum(available, low)
