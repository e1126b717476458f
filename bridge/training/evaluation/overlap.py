"""Overlaps of found with true objects, from which every threshold is scored.

:mod:`bridge.training.evaluation.scoring` says what matches and what does not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.training.evaluation.score import Score

IOUS = (0.5, 0.6, 0.7, 0.8, 0.9)
"""Least overlaps (IoU) at which models are compared."""

_BLOCK = 1 << 22  # pixels that are compared at a time

Labels = NDArray[np.integer[Any]]
Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


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


def _size(labels: Labels) -> str:
    return " x ".join(str(n) for n in labels.shape)
