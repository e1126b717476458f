"""Random forests in a project: ``PixelClassification/ClassifierForests/ForestNNNN/Tree_N``.

Those of objects are in ``ObjectClassification`` in the same way; their features are in the
alphabetical order of their names.

A tree is two arrays. ``topology`` (int32) begins with the number of features and of classes; the
root lies at 2. A node there is its kind, the address of its parameters, and, where it is no leaf,
its left child, its right child and the feature it looks at. In ``parameters`` (float64) an inner
node has a weight and a threshold, a leaf has a weight and a probability for each class. Values
below the threshold go left. Source of the layout: vigra's ``random_forest/rf_nodeproxy.hxx``.

ilastik shares its trees out over several forests to train them at once. Each gives the mean of its
trees, and together they give the mean weighted by their numbers of trees.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.formats.ilastik.content import Content, opened

_ROOT = 2  # address in a topology, after the numbers of features and classes
_THRESHOLD = 0  # kind of an inner node
_LEAF = 0x40000000  # kind of a leaf with constant probabilities
_MOST_TREES = 100_000
_MOST_FEATURES = 2**20
_MOST_CLASSES = 2**16


@dataclass(frozen=True, eq=False)
class StoredTree:
    """A decision tree, its nodes numbered so that children come after their parent.

    Attributes:
        columns: (inner nodes,) int32, the feature that an inner node looks at.
        thresholds: (inner nodes,) float64; values below go left.
        children: (inner nodes, 2) int64, left and right: an inner node's number, or ``~n`` for
            leaf n.
        probabilities: (leaves, classes) float64 of each leaf.
        weights: (leaves,) float64, the training samples that reached each leaf.

    The root is inner node 0; a tree without inner nodes is leaf 0 alone.
    """

    columns: NDArray[np.int32]
    thresholds: NDArray[np.float64]
    children: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    weights: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SubForest:
    """Trees that were trained together.

    Attributes:
        trees: the trees.
        is_weighted: leaves vote with their weights; otherwise each tree has one vote.
    """

    trees: tuple[StoredTree, ...]
    is_weighted: bool


@dataclass(frozen=True, eq=False)
class StoredForest:
    """The random forest of a classifier of pixels or of objects.

    Attributes:
        n_features: number of features.
        labels: numbers of the classes, from 1, in the order of the trees' probabilities. A class
            of pixels without brush strokes has none.
        feature_names: a name for each feature, in order; empty where an old project has none.
        sub_forests: the trees.
    """

    n_features: int
    labels: tuple[int, ...]
    feature_names: tuple[str, ...]
    sub_forests: tuple[SubForest, ...]

    @property
    def n_trees(self) -> int:
        """Number of trees."""
        return sum(len(forest.trees) for forest in self.sub_forests)


def read_forest(path: str | PathLike[str], *, of_objects: bool = False) -> StoredForest:
    """Read the forest that a project was saved with.

    Args:
        path: the project, ``NAME.ilp``.
        of_objects: the forest of an object classifier, which has all classes of the project.

    Returns:
        The forest, whose nodes all lie in their arrays and lead to leaves.

    Raises:
        BadInputError: there is no forest, or it is damaged.
    """
    file = Path(path)
    with opened(file) as root:
        applet = "ObjectClassification" if of_objects else "PixelClassification"
        group = root.folder(applet, "ClassifierForests")
        names = [] if group is None else [n for n in group.names() if n.startswith("Forest")]
        if group is None or not names:
            raise BadInputError(
                file,
                "has no trained classifier",
                "open it in ilastik, train with Live Update, and save it; or train without ilastik "
                "on its labels: starbridge "
                + (
                    "classes train PROJECT.ilp --out FOLDER"
                    if of_objects
                    else "pixels train IMAGES --labels PROJECT.ilp --out FOLDER"
                ),
            )
        return _read(group, names, has_all_classes=of_objects)


def _read(group: Content, names: list[str], *, has_all_classes: bool) -> StoredForest:
    first: tuple[int, int] | None = None
    sub_forests, count = [], 0
    for name in names:
        forest = group.folder(name)
        trees = []
        for tree_name in [] if forest is None else forest.names():
            if forest is None or not tree_name.startswith("Tree"):
                continue
            stored = forest.folder(tree_name)
            if stored is None:
                continue
            tree, sizes = _read_tree(stored)
            first = first or sizes
            if sizes != first:
                raise stored.damaged("topology", "is of other features or classes than the first")
            trees.append(tree)
            count += 1
            if count > _MOST_TREES:
                raise forest.damaged(tree_name, f"is one of more than {_MOST_TREES:,} trees")
        if forest is None or not trees:
            raise group.damaged(name, "has no trees")
        sub_forests.append(SubForest(tuple(trees), _is_weighted(forest)))
    if first is None:
        raise group.damaged(names[0], "has no trees")
    n_features, n_classes = first
    feature_names = group.texts("feature_names") or ()
    if feature_names and len(feature_names) != n_features:
        problem = f"are {len(feature_names)}, but the trees look at {n_features} features"
        raise group.damaged("feature_names", problem)
    # known_labels of objects leave out classes without a labelled object, which the trees have.
    labels = tuple(range(1, n_classes + 1)) if has_all_classes else _labels(group, n_classes)
    return StoredForest(n_features, labels, feature_names, tuple(sub_forests))


def _labels(group: Content, n_classes: int) -> tuple[int, ...]:
    stored = group.numbers("known_labels", axes=1)
    if stored is None:  # projects before ilastik 1.1 have none
        return tuple(range(1, n_classes + 1))
    labels = tuple(int(label) for label in np.nan_to_num(stored[: n_classes + 1]).tolist())
    is_ascending = all(a < b for a, b in zip((0, *labels), labels, strict=False))
    if len(stored) != n_classes or not is_ascending:
        raise group.damaged("known_labels", f"does not number {n_classes} classes from 1 up")
    return labels


def _is_weighted(forest: Content) -> bool:
    options = forest.folder("_options")
    value = None if options is None else options.numbers("predict_weighted_", axes=1)
    return value is not None and bool(value.any())


def _read_tree(stored: Content) -> tuple[StoredTree, tuple[int, int]]:
    """Return a tree, and how many features and classes it is for."""
    topology = _array(stored, "topology", np.int64)
    parameters = _array(stored, "parameters", np.float64)
    if len(topology) <= _ROOT + 1:
        raise stored.damaged("topology", "is empty")
    n_features, n_classes = topology[:_ROOT].tolist()
    if not (0 < n_features <= _MOST_FEATURES and 0 < n_classes <= _MOST_CLASSES):
        sizes = f"claims {n_features} features and {n_classes} classes"
        raise stored.damaged("topology", sizes)
    problem = ""
    inner: list[NDArray[np.int64]] = []
    leaves: list[NDArray[np.int64]] = []
    met = 0
    for level in _levels(topology):
        met += len(level)
        # A node takes two places at least: what is met more often is met twice.
        if met > len(topology) // 2:
            problem = "leads from a node back to itself"
            break
        if level.min() < _ROOT or level.max() + 1 >= len(topology):
            problem = "leads to a node outside of it"
            break
        is_leaf = topology[level] == _LEAF
        if not (is_leaf | (topology[level] == _THRESHOLD)).all():
            problem = "has nodes of an unknown kind"
            break
        if not is_leaf.all() and level[~is_leaf].max() + 4 >= len(topology):
            problem = "ends within a node"
            break
        inner.append(level[~is_leaf])
        leaves.append(level[is_leaf])
    if problem:
        raise stored.damaged("topology", problem)
    inner_at, leaf_at = np.concatenate(inner), np.concatenate(leaves)
    if len(np.unique(inner_at)) < len(inner_at) or len(np.unique(leaf_at)) < len(leaf_at):
        raise stored.damaged("topology", "leads to a node from two others")
    tree = _tree(topology, parameters, inner_at, leaf_at, n_classes)
    if tree is None:
        raise stored.damaged("topology", "leads to parameters outside of theirs")
    if len(tree.columns) and not (
        int(tree.columns.min()) >= 0 and int(tree.columns.max()) < n_features
    ):
        raise stored.damaged("topology", f"looks at features beyond its {n_features}")
    sound = (
        np.isfinite(tree.thresholds).all()
        and np.isfinite(tree.weights).all()
        and (tree.weights >= 0).all()
        and (tree.probabilities >= 0).all()
        and (tree.probabilities.sum(axis=1) > 0).all()
        and np.isfinite(tree.probabilities).all()
    )
    if not sound:
        raise stored.damaged("parameters", "has thresholds or probabilities that are none")
    return tree, (n_features, n_classes)


def _levels(topology: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Yield the addresses of the nodes of each level, to be checked before the next one."""
    level = np.array([_ROOT])
    while len(level):
        yield level
        inner = level[topology[level] != _LEAF]
        level = topology[inner[:, None] + [2, 3]].ravel()


def _tree(
    topology: NDArray[np.int64],
    parameters: NDArray[np.float64],
    inner_at: NDArray[np.int64],
    leaf_at: NDArray[np.int64],
    n_classes: int,
) -> StoredTree | None:
    """Return a tree of checked addresses; ``None`` where its parameters lie outside."""
    of_inner, of_leaves = topology[inner_at + 1], topology[leaf_at + 1]
    for address, length in ((of_inner, 2), (of_leaves, 1 + n_classes)):
        if len(address) and not (address.min() >= 0 and address.max() + length <= len(parameters)):
            return None
    numbers = np.zeros(len(topology), np.int64)
    numbers[inner_at] = np.arange(len(inner_at))
    numbers[leaf_at] = ~np.arange(len(leaf_at))
    return StoredTree(
        columns=topology[inner_at + 4].astype(np.int32),
        thresholds=parameters[of_inner + 1],
        children=numbers[topology[inner_at[:, None] + [2, 3]]],
        probabilities=parameters[of_leaves[:, None] + 1 + np.arange(n_classes)],
        weights=parameters[of_leaves],
    )


def _array(stored: Content, name: str, dtype: Any) -> NDArray[Any]:
    values = stored.numbers(name, axes=1)
    is_right = values is not None and values.dtype.kind == ("i" if dtype is np.int64 else "f")
    if values is None or not is_right:
        raise stored.damaged(name, "is no list of numbers")
    return values.astype(dtype)
