"""Random forests applied to millions of pixels, and to objects.

The top of each tree, up to 64 ways out, is evaluated without a branch: a pixel starts with 64 bits,
one for each way out from left to right; each comparison that fails clears the bits to its left, and
the lowest bit that remains is the way out (QuickScorer, Lucchese et al., SIGIR 2015). Processors do
that for many pixels at once. What lies deeper is walked, node by node; the top is chosen so that
few training pixels get there.
"""

# numba's decorators carry no types
# mypy: disallow-untyped-decorators=False

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.files.compiled import compiled

if TYPE_CHECKING:
    from bridge.formats.ilastik.forest import StoredForest

_WAYS_OUT = 64  # of a tree's top: bits of a word
_CHUNK = 1024  # pixels that are worked on together; their words and votes stay in the cache
_DE_BRUIJN = 0x03F79D71B4CB0A89  # each 6 successive bits of it differ, so a product tells a bit
_ALL_BITS = 2**64 - 1
_SHIFT = 58


@dataclass(frozen=True, eq=False)
class DecisionForest:
    """A random forest, its trees in one table.

    Attributes:
        n_features: number of features of a pixel.
        columns: (inner nodes,) int32, the feature that a node looks at.
        thresholds: (inner nodes,) float32; values below go left.
        children: (inner nodes, 2) int32, left and right: the number of an inner node, which is
            larger than its parent's, or ``~n`` for leaf n.
        votes: (leaves, classes) float64 of each leaf.
        weights: (leaves,) float64, training samples that reached each leaf. They decide about the
            speed only.
        roots: (trees,) int32, as ``children``.
        groups: (trees,) int32, ascending. The votes of a group are divided by their sum, and groups
            are averaged by their numbers of trees.

    Raises:
        ValueError: arrays whose sizes or numbers disagree.
    """

    n_features: int
    columns: NDArray[np.int32]
    thresholds: NDArray[np.float32]
    children: NDArray[np.int32]
    votes: NDArray[np.float64]
    weights: NDArray[np.float64]
    roots: NDArray[np.int32]
    groups: NDArray[np.int32]

    def __post_init__(self) -> None:
        """Check that every walk through a tree ends at a leaf."""
        inner, leaves, trees = len(self.columns), len(self.votes), len(self.roots)
        shapes = (
            self.thresholds.shape == (inner,)
            and self.children.shape == (inner, 2)
            and self.votes.ndim == 2
            and self.votes.shape[1] > 0
            and self.weights.shape == (leaves,)
            and self.groups.shape == (trees,)
        )
        if not shapes or not trees or not leaves:
            raise ValueError("the arrays of a forest have sizes that disagree")
        links = np.concatenate([self.children.ravel(), self.roots])
        if links.min() < -leaves or links.max() >= inner:
            raise ValueError("a tree leads to a node that is not there")
        inward = self.children >= 0
        if (inward & (self.children <= np.arange(inner)[:, None])).any():
            raise ValueError("a tree leads from a node back to itself")
        if inner and not 0 <= self.columns.min() <= self.columns.max() < self.n_features:
            raise ValueError("a tree looks at a feature that is not there")
        if np.isnan(self.thresholds).any() or not np.isfinite(self.weights).all():
            raise ValueError("a forest has a threshold or a weight that is no number")
        if not (np.isfinite(self.votes).all() and (self.votes >= 0).all()):
            raise ValueError("a leaf has votes that are no numbers from 0 up")
        if not (self.votes.sum(axis=1) > 0).all():
            raise ValueError("a leaf has no votes")
        if (np.diff(self.groups) < 0).any():
            raise ValueError("the trees of a group do not follow each other")

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return int(self.votes.shape[1])

    @property
    def n_trees(self) -> int:
        """Number of trees."""
        return len(self.roots)

    @classmethod
    def from_stored(cls, stored: StoredForest) -> DecisionForest:
        """Return the forest of an ilastik project; its probabilities are vigra's.

        Args:
            stored: the forest as it stands in the project.
        """
        trees, groups = [], []
        for number, sub_forest in enumerate(stored.sub_forests):
            for tree in sub_forest.trees:
                votes = tree.probabilities
                if sub_forest.is_weighted:
                    # A leaf that no sample reached would have no vote at all.
                    votes = votes * np.maximum(tree.weights, 1e-300)[:, None]
                thresholds = _round_up(tree.thresholds)
                trees.append((tree.columns, thresholds, tree.children, votes, tree.weights))
                groups.append(number)
        return _join(stored.n_features, trees, groups)

    @classmethod
    def from_sklearn(cls, forest: Any) -> DecisionForest:
        """Return the forest that scikit-learn trained.

        Args:
            forest: a fitted ``sklearn.ensemble.RandomForestClassifier`` or
                ``ExtraTreesClassifier`` of one output.
        """
        trees = []
        for estimator in forest.estimators_:
            tree = estimator.tree_
            left, right = np.asarray(tree.children_left), np.asarray(tree.children_right)
            is_leaf = left < 0
            numbers = np.where(is_leaf, ~(np.cumsum(is_leaf) - 1), np.cumsum(~is_leaf) - 1)
            inner = ~is_leaf
            children = np.stack([numbers[left[inner]], numbers[right[inner]]], axis=1)
            # scikit-learn sends values that equal a threshold to the left.
            thresholds = np.nextafter(_round_down(tree.threshold[inner]), np.float32(np.inf))
            votes = np.asarray(tree.value[is_leaf, 0], np.float64)
            votes = votes / votes.sum(axis=1, keepdims=True)
            weights = np.asarray(tree.weighted_n_node_samples[is_leaf], np.float64)
            trees.append((tree.feature[inner], thresholds, children, votes, weights))
        return _join(int(forest.n_features_in_), trees, [0] * len(trees))

    def predict_proba(
        self, features: NDArray[np.float32], dtype: type[np.floating[Any]] = np.float32
    ) -> NDArray[Any]:
        """Return the probability of each class for each pixel.

        Args:
            features: (features, …) float32.
            dtype: of the probabilities, float32 or float64; votes are added up in float64.

        Returns:
            (classes, …) of that type, which add up to 1. A pixel of which a feature is not a number
            has 0 for every class, as in vigra.

        Raises:
            BadInputError: another number of features than the forest was trained on.

        >>> leaf = np.array([[0.25, 0.75]])
        >>> forest = DecisionForest(1, *(np.zeros(0, t) for t in (np.int32, np.float32)),
        ...     np.zeros((0, 2), np.int32), leaf, np.ones(1), np.array([-1], np.int32),
        ...     np.zeros(1, np.int32))
        >>> forest.predict_proba(np.zeros((1, 3), np.float32))[:, 0].tolist()
        [0.25, 0.75]
        """
        if len(features) != self.n_features:
            raise BadInputError(
                "features",
                f"are {len(features)}, but the classifier was trained on {self.n_features}",
                "choose the features and channels that it was trained with",
            )
        pixels = np.ascontiguousarray(features, np.float32).reshape(self.n_features, -1)
        probabilities = np.empty((self.n_classes, pixels.shape[1]), dtype)
        top = self._top
        _predict(
            pixels,
            top.ends,
            top.columns,
            top.thresholds,
            top.kept,
            top.exits,
            self.columns,
            self.thresholds,
            self.children,
            self.votes,
            self.groups,
            probabilities,
        )
        return probabilities.reshape(self.n_classes, *features.shape[1:])

    @cached_property
    def _top(self) -> _Top:
        samples = _samples(self.children, self.weights)
        return _Top.of(self, samples)


@dataclass(frozen=True, eq=False)
class _Top:
    """Comparisons at the tops of all trees.

    Attributes:
        ends: (trees,) where the comparisons of each tree end.
        columns, thresholds: (comparisons,) as of the nodes.
        kept: (comparisons,) uint64, the bits that stay where the comparison fails.
        exits: (trees, 64) int32, the node behind each bit, as ``children``; at the place that the
            product with the De Bruijn number gives.
    """

    ends: NDArray[np.int64]
    columns: NDArray[np.int32]
    thresholds: NDArray[np.float32]
    kept: NDArray[np.uint64]
    exits: NDArray[np.int32]

    @classmethod
    def of(cls, forest: DecisionForest, samples: NDArray[np.float64]) -> _Top:
        """Choose the top of each tree: the nodes that most training samples passed."""
        children = forest.children.tolist()
        nodes: list[int] = []
        kept: list[int] = []
        ends: list[int] = []
        exits = np.zeros((forest.n_trees, _WAYS_OUT), np.int32)
        for number, root in enumerate(forest.roots.tolist()):
            chosen = _choose(root, children, samples)
            bit = 0
            # From left to right; a node's own entry follows when its left part is done.
            stack: list[tuple[int, int | None]] = [(root, None)]
            while stack:
                node, first_bit = stack.pop()
                if node not in chosen:
                    exits[number, _place(bit)] = node
                    bit += 1
                elif first_bit is None:
                    left, right = children[node]
                    stack += [(right, None), (node, bit), (left, None)]
                else:
                    nodes.append(node)
                    kept.append(_ALL_BITS ^ ((1 << bit) - (1 << first_bit)))
            ends.append(len(nodes))
        chosen_nodes = np.array(nodes, np.int64)
        return cls(
            np.array(ends, np.int64),
            forest.columns[chosen_nodes],
            forest.thresholds[chosen_nodes],
            np.array(kept, np.uint64),
            exits,
        )


def _choose(root: int, children: list[list[int]], samples: NDArray[np.float64]) -> set[int]:
    chosen: set[int] = set()
    heap = [(0.0, root)] if root >= 0 else []
    while heap and len(chosen) < _WAYS_OUT - 1:
        _, node = heapq.heappop(heap)
        chosen.add(node)
        for child in children[node]:
            if child >= 0:
                heapq.heappush(heap, (-float(samples[child]), child))
    return chosen


def _place(bit: int) -> int:
    return (((1 << bit) * _DE_BRUIJN) & _ALL_BITS) >> _SHIFT


def _join(n_features: int, trees: Sequence[tuple[Any, ...]], groups: list[int]) -> DecisionForest:
    """Put trees into one table; the numbers of each begin after those of the one before."""
    inner = leaves = 0
    roots, shifted = [], []
    for columns, _, children, votes, _ in trees:
        roots.append(inner if len(columns) else ~leaves)
        shifted.append(np.where(children >= 0, children + inner, children - leaves))
        inner += len(columns)
        leaves += len(votes)
    if max(inner, leaves) >= 2**31:
        raise BadInputError("the forest", "has too many nodes", "train it with fewer trees")
    columns, thresholds, _, votes, weights = zip(*trees, strict=True)
    return DecisionForest(
        n_features,
        np.concatenate(columns).astype(np.int32),
        np.concatenate(thresholds).astype(np.float32),
        np.concatenate(shifted).reshape(-1, 2).astype(np.int32),
        np.concatenate(votes),
        np.concatenate(weights),
        np.array(roots, np.int32),
        np.array(groups, np.int32),
    )


def _round_up(thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the least float32 that is not below: the same float32 values are below both."""
    with np.errstate(over="ignore"):
        near = thresholds.astype(np.float32)
    return np.where(near < thresholds, np.nextafter(near, np.float32(np.inf)), near)


def _round_down(thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        near = thresholds.astype(np.float32)
    return np.where(near > thresholds, np.nextafter(near, np.float32(-np.inf)), near)


@compiled(nogil=True)
def _samples(children: Any, weights: Any) -> Any:
    """Return how many training samples passed each inner node."""
    samples = np.zeros(len(children), np.float64)
    for node in range(len(children) - 1, -1, -1):
        for side in range(2):
            child = children[node, side]
            samples[node] += samples[child] if child >= 0 else weights[~child]
    return samples


@compiled(nogil=True, error_model="numpy")
def _predict(
    pixels: Any,
    ends: Any,
    top_columns: Any,
    top_thresholds: Any,
    kept: Any,
    exits: Any,
    columns: Any,
    thresholds: Any,
    children: Any,
    votes: Any,
    groups: Any,
    probabilities: Any,
) -> None:
    """Fill the probabilities (classes, pixels) of features (features, pixels)."""
    n_features, n_pixels = pixels.shape
    n_classes = votes.shape[1]
    n_trees = len(ends)
    all_bits = np.uint64(_ALL_BITS)
    one = np.uint64(1)
    number = np.uint64(_DE_BRUIJN)
    shift = np.uint64(_SHIFT)
    bits = np.empty(_CHUNK, np.uint64)
    group_votes = np.empty((n_classes, _CHUNK), np.float64)
    mean = np.empty((n_classes, _CHUNK), np.float64)
    is_deep = exits.max() >= 0
    # A walk jumps between features: those of a pixel lie beside each other.
    by_pixel = np.empty((_CHUNK if is_deep else 0, n_features), np.float32)
    for begin in range(0, n_pixels, _CHUNK):
        count = min(_CHUNK, n_pixels - begin)
        if is_deep:
            for feature in range(n_features):
                for i in range(count):
                    by_pixel[i, feature] = pixels[feature, begin + i]
        mean[:] = 0
        first_tree = 0
        first_node = 0
        while first_tree < n_trees:
            group_votes[:] = 0
            tree = first_tree
            while tree < n_trees and groups[tree] == groups[first_tree]:
                bits[:] = all_bits
                for node in range(first_node, ends[tree]):
                    row = pixels[top_columns[node], begin : begin + count]
                    threshold = top_thresholds[node]
                    keep = kept[node]
                    for i in range(count):
                        bits[i] &= all_bits if row[i] < threshold else keep
                first_node = ends[tree]
                for i in range(count):
                    lowest = bits[i] & (~bits[i] + one)
                    reached = exits[tree, (lowest * number) >> shift]
                    while reached >= 0:
                        value = by_pixel[i, columns[reached]]
                        reached = children[reached, 0 if value < thresholds[reached] else 1]
                    for c in range(n_classes):
                        group_votes[c, i] += votes[~reached, c]
                tree += 1
            share = (tree - first_tree) / n_trees
            for i in range(count):
                total = 0.0
                for c in range(n_classes):
                    total += group_votes[c, i]
                for c in range(n_classes):
                    mean[c, i] += group_votes[c, i] * share / total
            first_tree = tree
        for c in range(n_classes):
            for i in range(count):
                probabilities[c, begin + i] = mean[c, i]
        for feature in range(n_features):
            for i in range(count):
                value = pixels[feature, begin + i]
                if value != value:
                    for c in range(n_classes):
                        probabilities[c, begin + i] = 0
