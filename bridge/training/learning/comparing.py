"""Comparison of a trained model with the one that it began with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bridge.training.evaluation.evaluating import Evaluation, evaluate
from bridge.training.evaluation.score import Score
from bridge.training.pairs import TrainingPair
from bridge.training.record import Comparison

CHOSEN_AT = (0.5, 0.7)
"""Overlaps (IoU) whose mean F1 decides: on states of a network, thresholds, models."""


@dataclass(frozen=True)
class Judgement:
    """Quality of a state of the network.

    Attributes:
        new: mean F1 on the validation images of the new domain.
        old: the same on the old domain; ``None`` without one.
        worth: what is compared: ``new``, less twice what was forgotten beyond what may be lost.
    """

    new: float
    old: float | None
    worth: float


@dataclass(frozen=True)
class Yardstick:
    """Images and scores by which a state of the network is judged.

    Attributes:
        new: validation images of the new domain.
        old: images of the old domain, on which it is measured what was forgotten.
        before: the F1 of the start on the old domain; 0 where there is none.
        may_lose: how much of it may be lost.
    """

    new: Sequence[TrainingPair]
    old: Sequence[TrainingPair] = ()
    before: float = 0.0
    may_lose: float = 0.02

    @property
    def resolution(self) -> float:
        """Difference of F1 that one object of the validation images makes; 0 without objects."""
        count = sum(pair.count for pair in self.new)
        return 1 / count if count else 0.0

    def judge(self, model: Any) -> Judgement:
        """Apply a model (a folder or a segmenter) to both and weigh the results."""
        new = mean_f1(evaluate(model, self.new).scores)
        old = mean_f1(evaluate(model, self.old).scores) if self.old else None
        lost = 0.0 if old is None else max(self.before - old - self.may_lose, 0.0)
        return Judgement(new, old, new - 2 * lost)


def mean_f1(scores: Sequence[Score]) -> float:
    """Return the mean F1 at the overlaps by which models are chosen.

    >>> mean_f1([Score(iou=0.5, tp=8), Score(iou=0.7, tp=4, fp=4, fn=4), Score(iou=0.9)])
    0.75
    """
    return float(np.mean([score.f1 for score in scores if score.iou in CHOSEN_AT]))


def compare(
    models: Sequence[Any], parts: Sequence[tuple[str, Sequence[TrainingPair]]]
) -> tuple[Comparison, ...]:
    """Score a trained model, and the one before, on several sets of images.

    Args:
        models: the trained model, and the one that it began with if there was one.
        parts: name and images of each set; sets without images are left out.
    """
    comparisons = []
    for name, pairs in parts:
        if not pairs:
            continue
        results: tuple[Evaluation, ...] = evaluate(list(models), pairs)
        after, *before = results
        comparisons.append(
            Comparison(
                name=name,
                images=len(pairs),
                objects=sum(pair.count for pair in pairs),
                before=before[0].scores if before else (),
                after=after.scores,
            )
        )
    return tuple(comparisons)


def is_better(comparisons: Sequence[Comparison], may_lose: float) -> bool:
    """Tell whether a model is better than the one before.

    Args:
        comparisons: on the new images first, then on others.
        may_lose: how much of F1 may be lost on the others.

    Returns:
        Whether the mean F1 rose on the new images, and fell by no more than ``may_lose`` on each of
        the others. A model that began with random weights is better than none.
    """
    new, *others = comparisons
    if not new.before:
        return True
    lost = [mean_f1(other.before) - mean_f1(other.after) for other in others if other.before]
    return mean_f1(new.after) > mean_f1(new.before) and all(loss <= may_lose for loss in lost)


def describe(comparisons: Sequence[Comparison]) -> list[str]:
    """Return a line with the F1 before and after on each set of images."""
    lines = []
    for part in comparisons:
        before = f"{mean_f1(part.before):.3f} before, " if part.before else ""
        lines.append(
            f"{part.name} ({part.images} images, {part.objects:,} objects): F1 {before}"
            f"{mean_f1(part.after):.3f} after"
        )
    return lines
