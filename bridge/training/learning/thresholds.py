"""Choice of the probability and overlap thresholds of a trained model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bridge.training.evaluation.evaluating import ImageScore, evaluate
from bridge.training.evaluation.scoring import pool_scores
from bridge.training.learning.comparing import CHOSEN_AT, mean_f1
from bridge.training.pairs import TrainingPair

if TYPE_CHECKING:
    from bridge.segment.segmenter import Segmenter

ENOUGH_OBJECTS = 60
"""Fewer objects than these choose thresholds by chance: what is there stays."""

_NMS = (0.3, 0.4, 0.5)
_LOWEST, _HIGHEST, _STEP = 0.2, 0.8, 0.02
_AS_GOOD = 0.002


@dataclass(frozen=True)
class Thresholds:
    """Thresholds of a model and how they came about.

    Attributes:
        prob: probability threshold.
        nms: overlap threshold.
        reason: a clause for the user.
    """

    prob: float
    nms: float
    reason: str


def choose_thresholds(
    segmenter: Segmenter,
    pairs: Sequence[TrainingPair],
    progress: Callable[[int, int], None] | None = None,
) -> Thresholds:
    """Choose the thresholds at which the mean of F1 at IoU 0.5 and 0.7 is highest.

    Each image is segmented once for each overlap threshold, at a low probability: objects that are
    less probable neither suppress nor cover more probable ones, so that all probability thresholds
    follow from it. Of a range of thresholds that do as well, the middle one is taken. What the
    model has stays where that is better.

    Args:
        segmenter: the model with the thresholds that it has.
        pairs: images with labels that were not trained on.
        progress: called after each of the overlap thresholds.
    """
    recipe = segmenter.recipe
    count = sum(pair.count for pair in pairs)
    if count < ENOUGH_OBJECTS:
        return Thresholds(
            recipe.prob,
            recipe.nms,
            f"left at {recipe.prob:.2f} and {recipe.nms:.2f}: {count} validation objects are too "
            f"few to choose them ({ENOUGH_OBJECTS} are needed)",
        )
    probs = np.arange(_LOWEST, _HIGHEST + _STEP / 2, _STEP)
    best, given = (-1.0, recipe.prob, recipe.nms), 0.0
    overlaps = sorted({*_NMS, recipe.nms})
    for done, nms in enumerate(overlaps, 1):
        images = _evaluated(segmenter, pairs, min(_LOWEST, recipe.prob), nms)
        if nms == recipe.nms:
            given = _mean_f1(images, recipe.prob)
        f1 = np.array([_mean_f1(images, prob) for prob in probs])
        peak = int(f1.argmax())
        as_good = f1 >= f1[peak] - _AS_GOOD
        first, last = peak, peak
        while first > 0 and as_good[first - 1]:
            first -= 1
        while last < len(probs) - 1 and as_good[last + 1]:
            last += 1
        middle = round(float((probs[first] + probs[last]) / 2), 3)
        if (value := _mean_f1(images, middle)) > best[0]:
            best = (value, middle, nms)
        if progress:
            progress(done, len(overlaps))
    if given >= best[0]:
        return Thresholds(
            recipe.prob,
            recipe.nms,
            f"left at {recipe.prob:.2f} and {recipe.nms:.2f}: no others are better on "
            f"{count:,} validation objects",
        )
    return Thresholds(best[1], best[2], f"chosen on {count:,} validation objects")


def _evaluated(
    segmenter: Segmenter, pairs: Sequence[TrainingPair], prob: float, nms: float
) -> Sequence[ImageScore]:
    from bridge.segment.segmenter import Segmenter

    recipe = segmenter.recipe.with_changes(prob=prob, nms=nms)
    return evaluate(Segmenter(segmenter.model, recipe, segmenter.engine), pairs).images


def _mean_f1(images: Sequence[ImageScore], prob: float) -> float:
    scores = pool_scores((image.overlap.above(prob) for image in images), CHOSEN_AT)
    return mean_f1(scores)
