"""Missed objects by what became of them: merged, split, faint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.training.evaluation.overlap import Labels, Overlap

FAINT = 0.25
"""Part of the true objects of an image that counts as faint: the dimmest."""


@dataclass(frozen=True, kw_only=True)
class Mistakes:
    """Missed true objects at one overlap, by what became of them; none counts twice.

    Attributes:
        iou: least intersection over union of a match.
        merged: lie, with more than half of their pixels, in a found object that holds more than
            half of another true object, too.
        split: hold at least two found objects, with more than half of the pixels of each.
        faint: neither, and among the dimmest quarter of the true objects of their image.

    >>> Mistakes(iou=0.5, merged=2) + Mistakes(iou=0.5, merged=1, faint=4)
    Mistakes(iou=0.5, merged=3, split=0, faint=4)
    """

    iou: float
    merged: int = 0
    split: int = 0
    faint: int = 0

    def __add__(self, other: Mistakes) -> Mistakes:
        if self.iou != other.iou:
            raise ValueError(f"mistakes at IoUs of {self.iou:g} and {other.iou:g} do not add up")
        return Mistakes(
            iou=self.iou,
            merged=self.merged + other.merged,
            split=self.split + other.split,
            faint=self.faint + other.faint,
        )


def find_mistakes(
    overlap: Overlap, iou: float, is_faint: NDArray[np.bool_] | None = None
) -> Mistakes:
    """Count what became of the objects that were missed.

    Args:
        overlap: of the found with the true objects of an image.
        iou: least intersection over union of a match.
        is_faint: (n,) which true objects are faint; none where ``None``.

    Raises:
        BadInputError: the overlap is not above 0 and at most 1.

    >>> from bridge.training.evaluation.overlap import find_overlap
    >>> truth = np.array([[1, 1, 2, 2, 0, 3, 3, 3, 3]])
    >>> found = np.array([[5, 5, 5, 5, 0, 6, 6, 7, 7]])
    >>> find_mistakes(find_overlap(truth, found), 0.6)
    Mistakes(iou=0.6, merged=2, split=1, faint=0)
    """
    is_missed = np.ones(len(overlap.true_labels), bool)
    is_missed[overlap.match(iou)[0]] = False
    rows, columns = overlap.rows, overlap.columns
    true_areas, found_areas = overlap.true_areas[rows], overlap.found_areas[columns]
    shared = overlap.ious * (true_areas + found_areas) / (1 + overlap.ious)
    holds_true = 2 * shared > true_areas
    held = np.bincount(columns[holds_true], minlength=len(overlap.found_labels))
    is_merged = np.zeros(len(is_missed), bool)
    is_merged[rows[holds_true & (held[columns] > 1)]] = True
    holds_found = 2 * shared > found_areas
    is_split = np.bincount(rows[holds_found], minlength=len(is_missed)) > 1
    is_merged &= is_missed
    is_split &= is_missed & ~is_merged
    rest = is_missed & ~is_merged & ~is_split
    faint = 0 if is_faint is None else int((rest & is_faint).sum())
    return Mistakes(iou=iou, merged=int(is_merged.sum()), split=int(is_split.sum()), faint=faint)


def find_faint(image: NDArray[Any], truth: Labels) -> NDArray[np.bool_]:
    """Return which true objects of an image are faint: the dimmest quarter, by their mean.

    Args:
        image: (height, width, channels); of colours the mean counts, else the first channel.
        truth: (height, width) labels of the true objects: 0 background, below 0 not reviewed.

    Returns:
        (n,) by ascending label.

    >>> find_faint(np.array([[[1], [7], [8], [9]]]), np.array([[1, 2, 3, 4]])).tolist()
    [True, False, False, False]
    """
    is_color = image.shape[-1] == 3 and image.dtype == np.uint8
    plane = image.mean(axis=-1) if is_color else image[..., 0]
    labels, numbers = np.unique(truth[truth > 0], return_inverse=True)
    if not len(labels):
        return np.zeros(0, bool)
    means = np.bincount(numbers, plane[truth > 0].astype(np.float64)) / np.bincount(numbers)
    is_faint = np.zeros(len(labels), bool)
    is_faint[np.argsort(means, kind="stable")[: int(FAINT * len(labels))]] = True
    return is_faint
