"""Agreement of found objects with true ones: matches, precision, recall, F1, overlap.

The figures are those of ``stardist.matching`` (criterion ``iou``): a found and a true object match
where their intersection over union (IoU) is at least a threshold, one to one, as many as possible.
Mean matched IoU is its ``mean_matched_score``, panoptic quality is eq. 1 of Kirillov et al.,
"Panoptic Segmentation", CVPR 2019.

Pixels that nobody has looked at (:data:`bridge.train.pairs.IGNORED`) are left out:

- Areas and overlaps are counted on reviewed pixels only.
- A found object with more than half of its pixels outside of what was reviewed is left out where
  it matches nothing, and so is no false positive. Where it matches an object at the border, it is
  right.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.errors import BadInputError

IOUS = (0.5, 0.6, 0.7, 0.8, 0.9)
"""Least overlaps (IoU) at which models are compared."""

SIZES = ("small", "medium", "large")
"""Size classes, by the equivalent diameter of an object."""

_BLOCK = 1 << 22  # pixels that are compared at a time

Labels = NDArray[np.integer[Any]]
Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


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


@dataclass(frozen=True, kw_only=True, eq=False)
class Overlap:
    """Overlaps of the found with the true objects of an image: a sparse IoU matrix.

    All thresholds are scored from it, and found objects can be dropped again by their probability.
    It needs some 100 bytes an object, so that those of a whole data set fit into memory.

    Attributes:
        true_labels: (n,) labels of the true objects, ascending.
        true_areas: (n,) their pixels.
        found_labels: (m,) labels of the found objects, ascending.
        found_areas: (m,) their reviewed pixels.
        found_sizes: (m,) all of their pixels.
        probabilities: (m,) probability of each found object; NaN where it is not known.
        rows: (k,) position of the true object of each pair that overlaps.
        columns: (k,) position of its found object.
        ious: (k,) intersection over union of each pair, above 0.
    """

    true_labels: Indices
    true_areas: Indices
    found_labels: Indices
    found_areas: Indices
    found_sizes: Indices
    probabilities: Floats
    rows: Indices
    columns: Indices
    ious: Floats

    @property
    def is_outside(self) -> NDArray[np.bool_]:
        """(m,) which found objects have more than half of their pixels outside of what was seen."""
        return 2 * self.found_areas < self.found_sizes

    @property
    def true_diameters(self) -> Floats:
        """(n,) equivalent diameters of the true objects, pixels."""
        return _diameters(self.true_areas)

    def keep(self, kept: NDArray[np.bool_]) -> Overlap:
        """Return the overlaps without some of the found objects.

        Args:
            kept: (m,) which found objects stay.
        """
        pairs = kept[self.columns]
        numbers = np.cumsum(kept) - 1
        return replace(
            self,
            found_labels=self.found_labels[kept],
            found_areas=self.found_areas[kept],
            found_sizes=self.found_sizes[kept],
            probabilities=self.probabilities[kept],
            rows=self.rows[pairs],
            columns=numbers[self.columns[pairs]],
            ious=self.ious[pairs],
        )

    def above(self, probability: float) -> Overlap:
        """Return the overlaps of the objects that are found at a higher probability threshold.

        It is what segmenting anew gives: objects that are less probable neither suppress nor cover
        more probable ones. Objects whose probability is not known are dropped.
        """
        return self.keep(self.probabilities >= probability)

    def match(self, iou: float) -> tuple[Indices, Indices]:
        """Match found and true objects one to one, as many as possible.

        Where several ways give as many, the one with the largest sum of IoU counts.

        Args:
            iou: least intersection over union of a match, above 0 to 1.

        Returns:
            Positions of the true and of the found objects that match.
        """
        pairs = self._matched_pairs(iou)
        return self.rows[pairs], self.columns[pairs]

    def score(self, iou: float) -> Score:
        """Count the matches at one overlap.

        Raises:
            BadInputError: the overlap is not above 0 and at most 1.
        """
        return self.score_sizes((), iou)[0]

    def scores(self, ious: Iterable[float] = IOUS) -> tuple[Score, ...]:
        """Count the matches at several overlaps, in their order.

        >>> truth, found = np.array([[1, 1, 0, 2, 2]]), np.array([[5, 5, 0, 0, 0]])
        >>> [(s.tp, s.fp, s.fn) for s in find_overlap(truth, found).scores((0.5, 0.9))]
        [(1, 0, 1), (1, 0, 1)]
        """
        return tuple(self.score(iou) for iou in ious)

    def score_sizes(self, bounds: Sequence[float], iou: float) -> tuple[Score, ...]:
        """Count the matches at one overlap for each size class.

        A match or a miss belongs to the class of the true object, a false positive to the class of
        its own size.

        Args:
            bounds: ascending diameters in pixels that divide the classes; an object of exactly this
                diameter belongs to the larger ones.
            iou: least intersection over union of a match.

        Returns:
            A score for each class, one more than there are bounds.

        Raises:
            BadInputError: the overlap is not above 0 and at most 1.
        """
        pairs = self._matched_pairs(iou)
        rows = self.rows[pairs]
        of_true = np.searchsorted(bounds, self.true_diameters, side="right")
        of_found = np.searchsorted(bounds, _diameters(self.found_sizes), side="right")
        is_wrong = ~self.is_outside
        is_wrong[self.columns[pairs]] = False
        classes = len(bounds) + 1
        tp = np.bincount(of_true[rows], minlength=classes)
        fn = np.bincount(of_true, minlength=classes) - tp
        fp = np.bincount(of_found[is_wrong], minlength=classes)
        sums = np.bincount(of_true[rows], self.ious[pairs], minlength=classes)
        return tuple(
            Score(iou=iou, tp=int(tp[k]), fp=int(fp[k]), fn=int(fn[k]), sum_iou=float(sums[k]))
            for k in range(classes)
        )

    def _matched_pairs(self, iou: float) -> Indices:
        """Return the positions of the pairs that match."""
        if not 0 < iou <= 1:
            raise BadInputError(
                "IoU", f"{iou:g} is no overlap of a match", "give a number above 0, at most 1"
            )
        pairs = np.flatnonzero(self.ious >= iou)
        if _is_unique(self.rows[pairs]) and _is_unique(self.columns[pairs]):
            return pairs  # always so above 0.5
        return _assign(self.rows[pairs], self.columns[pairs], self.ious[pairs], pairs)


def find_overlap(
    truth: Labels, found: Labels, probabilities: Mapping[int, float] | None = None
) -> Overlap:
    """Measure how the objects of two label images overlap.

    Args:
        truth: (height, width) labels of the true objects: 0 background, below 0 not reviewed.
        found: (height, width) labels of the found objects: 0 background.
        probabilities: probability of found objects by label, for :meth:`Overlap.above`.

    Raises:
        BadInputError: the label images differ in size.

    >>> truth, found = np.array([[1, 1, 0, 2, 2]]), np.array([[5, 5, 0, 7, 0]])
    >>> find_overlap(truth, found).ious.tolist()
    [1.0, 0.5]
    """
    if truth.shape != found.shape:
        raise BadInputError(
            "found objects",
            f"are in a label image of {_size(found)} pixels, and the true ones of {_size(truth)}",
            "compare label images of the same image",
        )
    true, other, counts = _count_pairs(truth, found)
    true_labels, true_areas = _areas(true, counts, true > 0)
    found_labels, found_sizes = _areas(other, counts, other > 0)
    seen = np.where(true >= 0, counts, 0)
    found_areas = _areas(other, seen, other > 0)[1]
    both = (true > 0) & (other > 0)
    rows = np.searchsorted(true_labels, true[both])
    columns = np.searchsorted(found_labels, other[both])
    shared = counts[both]
    known = probabilities or {}
    return Overlap(
        true_labels=true_labels,
        true_areas=true_areas,
        found_labels=found_labels,
        found_areas=found_areas,
        found_sizes=found_sizes,
        probabilities=np.array([known.get(int(n), np.nan) for n in found_labels], np.float64),
        rows=rows,
        columns=columns,
        ious=shared / (true_areas[rows] + found_areas[columns] - shared),
    )


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


def _count_pairs(truth: Labels, found: Labels) -> tuple[Indices, Indices, Indices]:
    """Count the pixels of each pair of labels that there is; -1 stands for all not reviewed."""
    width = int(found.max(initial=0)) + 1
    keys, counts = [], []
    rows = max(1, _BLOCK // max(1, truth.shape[-1]))
    for start in range(0, len(truth), rows):
        part = slice(start, start + rows)
        true = np.maximum(truth[part].astype(np.int64), -1) + 1
        key = (true * width + np.maximum(found[part].astype(np.int64), 0)).ravel()
        # labels come in runs along a row: there are few of them to sort
        starts = np.flatnonzero(np.diff(key, prepend=-1))
        keys.append(key[starts])
        counts.append(np.diff(starts, append=len(key)))
    if not keys:
        return (np.zeros(0, np.int64),) * 3
    unique, inverse = np.unique(np.concatenate(keys), return_inverse=True)
    pixels = np.bincount(inverse, np.concatenate(counts)).astype(np.int64)
    true, other = np.divmod(unique, width)
    return true - 1, other, pixels


def _areas(labels: Indices, counts: Indices, chosen: NDArray[np.bool_]) -> tuple[Indices, Indices]:
    """Return the labels of the chosen pairs, each once, and their pixels."""
    unique, inverse = np.unique(labels[chosen], return_inverse=True)
    pixels = np.bincount(inverse, counts[chosen], minlength=len(unique)).astype(np.int64)
    return unique, pixels


def _assign(rows: Indices, columns: Indices, ious: Floats, pairs: Indices) -> Indices:
    """Choose pairs one to one: as many as possible, then those of the largest sum of IoU."""
    from scipy.optimize import linear_sum_assignment
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n, m = int(rows.max()) + 1, int(columns.max()) + 1
    graph = coo_array((np.ones(len(rows), bool), (rows, n + columns)), shape=(n + m, n + m))
    of_node = connected_components(graph, directed=False)[1]
    of_pair = of_node[rows]
    order = np.argsort(of_pair, kind="stable")
    kept = []
    for group in np.split(order, np.flatnonzero(np.diff(of_pair[order])) + 1):
        if len(group) == 1:
            kept.append(group)
            continue
        row, i = np.unique(rows[group], return_inverse=True)
        column, j = np.unique(columns[group], return_inverse=True)
        gain = np.zeros((len(row), len(column)))
        # one match more outweighs any overlap
        gain[i, j] = 2 * min(gain.shape) + ious[group]
        number = np.full(gain.shape, -1)
        number[i, j] = group
        chosen = number[linear_sum_assignment(gain, maximize=True)]
        kept.append(chosen[chosen >= 0])
    return np.sort(pairs[np.concatenate(kept)])


def _is_unique(numbers: Indices) -> bool:
    return len(np.unique(numbers)) == len(numbers)


def _diameters(areas: Indices) -> Floats:
    return 2 * np.sqrt(areas / np.pi)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _size(labels: Labels) -> str:
    return " x ".join(str(n) for n in labels.shape)
