"""Agreement of found objects with true ones: matches, precision, recall, F1, overlap.

The figures are those of ``stardist.matching`` (criterion ``iou``): a found and a true object match
where their intersection over union (IoU) is at least a threshold, one to one, as many as possible.
Mean matched IoU is its ``mean_matched_score``, panoptic quality is eq. 1 of Kirillov et al.,
"Panoptic Segmentation", CVPR 2019.

Pixels that nobody has looked at (:data:`bridge.training.pairs.IGNORED`) are left out:

- Areas and overlaps are counted on reviewed pixels only.
- A found object with more than half of its pixels outside of what was reviewed is left out where
  it matches nothing, and so is no false positive. Where it matches an object at the border, it is
  right.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from bridge.training.evaluation.overlap import IOUS, Labels, Overlap, find_overlap
from bridge.training.evaluation.score import Score

__all__ = [
    "IOUS",
    "SIZES",
    "Overlap",
    "Score",
    "find_overlap",
    "pool_scores",
    "score_labels",
    "size_bounds",
]

SIZES = ("small", "medium", "large")
"""Size classes, by the equivalent diameter of an object."""


def pool_scores(overlaps: Iterable[Overlap], ious: Iterable[float] = IOUS) -> tuple[Score, ...]:
    """Score several images, all of their objects together.

    Args:
        overlaps: of each image.
        ious: least overlaps of a match.

    Returns:
        A score for each overlap, in their order.
    """
    totals = [Score(iou=iou) for iou in ious]
    for overlap in overlaps:
        totals = [total + overlap.score(total.iou) for total in totals]
    return tuple(totals)


def score_labels(
    truths: Iterable[Labels], founds: Iterable[Labels], ious: Iterable[float] = IOUS
) -> tuple[Score, ...]:
    """Score label images, all of their objects together.

    Args:
        truths: (height, width) labels of the true objects of each image, below 0 not reviewed.
        founds: labels of the found objects, of the same shapes and in the same order.
        ious: least overlaps of a match.

    Returns:
        A score for each overlap, in their order.

    Raises:
        BadInputError: two label images differ in size.

    >>> truth, found = np.array([[1, 1, 0, 2, 2]]), np.array([[5, 5, 0, 0, 0]])
    >>> score = score_labels([truth], [found], ious=(0.5,))[0]
    >>> score.tp, score.fn, score.precision, score.recall
    (1, 1, 1.0, 0.5)
    """
    return pool_scores((find_overlap(*both) for both in zip(truths, founds, strict=True)), ious)


def size_bounds(overlaps: Iterable[Overlap]) -> tuple[float, float]:
    """Return the terciles of the true objects' equivalent diameters, pixels.

    They divide the true objects of a data set into :data:`SIZES` of about as many objects each.
    Without objects both are 0.
    """
    diameters = [overlap.true_diameters for overlap in overlaps]
    together = np.concatenate(diameters) if diameters else np.zeros(0)
    if not len(together):
        return 0.0, 0.0
    low, high = np.quantile(together, (1 / 3, 2 / 3))
    return float(low), float(high)
