"""Random forests (Breiman 2001), as ilastik trains them, and those that it has trained."""

from __future__ import annotations

import math
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from bridge.classify.forest import DecisionForest
from bridge.classify.objects.models.growing import GrownTree, grow_trees
from bridge.classify.objects.models.trees import TreesModel
from bridge.classify.objects.scaling import FeatureScaling

if TYPE_CHECKING:
    from bridge.formats.ilastik.forest import StoredForest

FEWEST_TREES, MOST_TREES = 200, 20_000
"""Trees of a forest; between them as many as have :data:`INNER_NODES` nodes."""

INNER_NODES = 100_000
"""Nodes, 16 bytes each, after which a forest of more than the fewest trees is large enough."""


class ForestModel(TreesModel):
    """A random forest: bootstrap samples, features at random, fully grown trees.

    With few examples a forest has up to 20,000 trees, so that another seed changes few classes.
    Trees that are equal are stored once, with the votes of all.
    """

    kind: ClassVar[str] = "forest"

    @classmethod
    def train(
        cls, x: NDArray[np.float64], y: NDArray[np.int64], n_classes: int, *, seed: int
    ) -> Self:
        """Train a forest; each node chooses among the root of the number of features.

        Args:
            x: (n, features) finite.
            y: (n,) numbers of the classes from 0.
            n_classes: number of classes; those without an example get no votes.
            seed: the same examples and seed give the same forest.

        >>> x = np.array([[0.0], [1.0], [8.0], [9.0]])
        >>> model = ForestModel.train(x, np.array([0, 0, 1, 1]), 2, seed=0)
        >>> model.predict_proba(np.array([[-1.0], [10.0]])).argmax(axis=1).tolist()
        [0, 1]
        """
        n_features = x.shape[1]
        n_columns = max(1, math.floor(math.sqrt(n_features) + 0.5))
        grown = grow_trees(x.astype(np.float32), y, n_classes, n_columns=n_columns, seed=seed)
        trees: list[GrownTree] = []
        nodes = 0
        for tree in islice(grown, MOST_TREES):
            trees.append(tree)
            nodes += len(tree.columns)
            if nodes >= INNER_NODES and len(trees) >= FEWEST_TREES:
                break
        grown.close()
        return cls(_join(n_features, trees))

    @classmethod
    def from_stored(cls, stored: StoredForest) -> tuple[Self, FeatureScaling]:
        """Return a forest that ilastik trained, and a scaling that changes no comparison.

        Features are divided by powers of two, which is exact, so that no threshold is larger than
        1 and none is beyond what the scaling cuts off. A feature that is no number is 0, as in
        ilastik.

        Args:
            stored: the forest as it stands in the project.
        """
        forest = DecisionForest.from_stored(stored)
        largest = np.zeros(forest.n_features)
        np.maximum.at(largest, forest.columns, np.abs(forest.thresholds).astype(np.float64))
        powers = np.where(largest > 0, np.frexp(largest)[1], 0)
        scaled = np.ldexp(forest.thresholds, -powers[forest.columns]).astype(np.float32)
        model = cls(
            DecisionForest(
                forest.n_features,
                forest.columns,
                scaled,
                forest.children,
                forest.votes,
                forest.weights,
                forest.roots,
                forest.groups,
            )
        )
        zeros = np.zeros(forest.n_features)
        return model, FeatureScaling(zeros, zeros, np.ldexp(1.0, powers))


def _join(n_features: int, trees: list[GrownTree]) -> DecisionForest:
    """Put trees into one table: equal ones once, and leaves with equal votes once."""
    counts = Counter(
        (
            tree.columns.tobytes(),
            tree.thresholds.tobytes(),
            tree.children.tobytes(),
            tree.votes.tobytes(),
        )
        for tree in trees
    )
    n_classes = trees[0].votes.shape[1]
    columns, thresholds, children, votes, roots = [], [], [], [], []
    inner = leaves = 0
    for (own_columns, own_thresholds, own_children, own_votes), count in counts.items():
        links = np.frombuffer(own_children, np.int32).reshape(-1, 2)
        columns.append(np.frombuffer(own_columns, np.int32))
        thresholds.append(np.frombuffer(own_thresholds, np.float32))
        children.append(np.where(links >= 0, links + inner, links - leaves))
        votes.append(np.frombuffer(own_votes, np.float32).reshape(-1, n_classes) * float(count))
        roots.append(inner if len(links) else ~leaves)
        inner += len(links)
        leaves += len(votes[-1])
    different, number = np.unique(np.concatenate(votes), axis=0, return_inverse=True)

    def shared(links: NDArray[np.int64]) -> NDArray[np.int32]:
        is_leaf = links < 0
        found = links.astype(np.int32)
        found[is_leaf] = ~number.ravel()[~links[is_leaf]]
        return found

    return DecisionForest(
        n_features,
        np.concatenate(columns),
        np.concatenate(thresholds),
        shared(np.concatenate(children).astype(np.int64)),
        different.astype(np.float64),
        np.ones(len(different)),
        shared(np.array(roots, np.int64)),
        np.zeros(len(roots), np.int32),
    )
