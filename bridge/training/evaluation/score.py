"""Counts of right, wrong and missed objects, and the figures that follow from them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Score:
    """Counts of matches at one overlap, and the figures that follow from them.

    Scores of the same ``iou`` can be added: the sum is that of all their objects together.
    Figures whose divisor is 0 are 0, as StarDist has them.

    Attributes:
        iou: least intersection over union of a match.
        tp: matched objects (true positives).
        fp: found objects without a match (false positives).
        fn: true objects without a match (false negatives).
        sum_iou: sum of the IoU of the matches.

    >>> score = Score(iou=0.5, tp=3, fp=1, fn=1, sum_iou=2.4)
    >>> score.f1, round(score.mean_matched_iou, 2), round(score.panoptic_quality, 2)
    (0.75, 0.8, 0.6)
    """

    iou: float
    tp: int = 0
    fp: int = 0
    fn: int = 0
    sum_iou: float = 0.0

    def __add__(self, other: Score) -> Score:
        if self.iou != other.iou:
            raise ValueError(f"scores at an IoU of {self.iou:g} and of {other.iou:g} do not add up")
        return Score(
            iou=self.iou,
            tp=self.tp + other.tp,
            fp=self.fp + other.fp,
            fn=self.fn + other.fn,
            sum_iou=self.sum_iou + other.sum_iou,
        )

    @property
    def n_true(self) -> int:
        """Number of true objects."""
        return self.tp + self.fn

    @property
    def n_found(self) -> int:
        """Number of found objects that count."""
        return self.tp + self.fp

    @property
    def precision(self) -> float:
        """Part of the found objects that are right, 0 to 1."""
        return _ratio(self.tp, self.n_found)

    @property
    def recall(self) -> float:
        """Part of the true objects that were found, 0 to 1."""
        return _ratio(self.tp, self.n_true)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, 0 to 1."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def mean_matched_iou(self) -> float:
        """Mean IoU of the matches, 0 to 1."""
        return _ratio(self.sum_iou, self.tp)

    @property
    def mean_true_iou(self) -> float:
        """Sum of the IoU of the matches over the number of true objects, 0 to 1."""
        return _ratio(self.sum_iou, self.n_true)

    @property
    def panoptic_quality(self) -> float:
        """Sum of the IoU of the matches over TP + FP / 2 + FN / 2, 0 to 1."""
        return _ratio(self.sum_iou, self.tp + self.fp / 2 + self.fn / 2)

    @property
    def is_empty(self) -> bool:
        """True where there was nothing to find and nothing was found."""
        return not (self.tp or self.fp or self.fn)

    def as_dict(self) -> dict[str, float]:
        """Return the counts and the figures by name, for tables and JSON."""
        return {
            "iou": self.iou,
            "tp": self.tp,
            "fp": self.fp,
            "fn": self.fn,
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "mean_matched_iou": self.mean_matched_iou,
            "mean_true_iou": self.mean_true_iou,
            "panoptic_quality": self.panoptic_quality,
        }


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
