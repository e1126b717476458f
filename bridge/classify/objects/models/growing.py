"""Growth of random forests (Breiman 2001), compiled: thousands of trees of few examples.

scikit-learn spends about a millisecond on a tree, however small it is. People label some dozen
objects, of which a tree needs two or three nodes, and chance is out of the probabilities only with
thousands of trees.
"""

# numba's decorators carry no types
# mypy: disallow-untyped-decorators=False

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.files.compiled import compiled
from bridge.files.threads import cores

_BLOCK = 50  # trees that a thread grows at a time
_MOST_SUBSETS = 1_000


@dataclass(frozen=True, eq=False)
class GrownTree:
    """A decision tree; its arrays are those of a :class:`bridge.classify.forest.DecisionForest`.

    Attributes:
        columns: (inner nodes,) int32, the feature that a node looks at.
        thresholds: (inner nodes,) float32; values below go left.
        children: (inner nodes, 2) int32, the number of an inner node or ``~n`` for leaf n. The
            root is inner node 0; a tree without inner nodes is leaf 0 alone.
        votes: (leaves, classes) float32, the part of each class among the examples there.
    """

    columns: NDArray[np.int32]
    thresholds: NDArray[np.float32]
    children: NDArray[np.int32]
    votes: NDArray[np.float32]


def grow_trees(
    x: NDArray[np.float32], y: NDArray[np.int64], n_classes: int, *, n_columns: int, seed: int
) -> Generator[GrownTree]:
    """Yield trees without end: each of a bootstrap sample, grown until its leaves are of one class.

    The samples of 50 trees contain each example equally often (Davison, Hinkley and Schechtman
    1986, "Efficient bootstrap simulation"), which leaves less to chance.

    A node is split where Gini's impurity falls most, halfway between two values of one of
    ``n_columns`` features drawn at random; of others where none of these differs.

    Args:
        x: (n, features) finite.
        y: (n,) numbers of the classes from 0.
        n_classes: number of classes.
        n_columns: features that each node chooses among.
        seed: the same seed gives the same trees, however many threads grow them.

    >>> x, y = np.array([[0.0], [1.0], [8.0], [9.0]], np.float32), np.array([0, 0, 1, 1])
    >>> tree = next(grow_trees(x, y, 2, n_columns=1, seed=3))
    >>> tree.columns.tolist(), tree.thresholds.tolist(), tree.votes.tolist()
    ([0], [4.5], [[1.0, 0.0], [0.0, 1.0]])
    """
    features = np.ascontiguousarray(x.T, np.float32)
    subsets = _subsets(len(features), n_columns, seed)
    threads = cores()
    first = 0
    with ThreadPoolExecutor(threads) as pool:
        while True:
            blocks = [
                pool.submit(_grow, features, y, n_classes, n_columns, subsets, seed, begin, _BLOCK)
                for begin in range(first, first + threads * _BLOCK, _BLOCK)
            ]
            for block in blocks:
                yield from _trees(*block.result())
            first += threads * _BLOCK


def _subsets(n_features: int, n_columns: int, seed: int) -> NDArray[np.int64]:
    """Return orders of the features of which each begins with other columns for a root.

    All permutations of some columns where they are few; else orders in which each feature is as
    often in front. A draw for each root would be another source of chance.
    """
    rng = np.random.default_rng(seed)
    if math.perm(n_features, n_columns) <= _MOST_SUBSETS:
        orders = [
            [*chosen, *(set(range(n_features)) - set(chosen))]
            for chosen in permutations(range(n_features), n_columns)
        ]
        return rng.permutation(np.array(orders, np.int64))
    per_order = n_features // n_columns
    return np.concatenate(
        [
            np.stack([np.roll(order, -k * n_columns) for k in range(per_order)])
            for order in (rng.permutation(n_features) for _ in range(_MOST_SUBSETS // per_order))
        ]
    )


def _trees(
    columns: Any, thresholds: Any, children: Any, votes: Any, ends: Any, leaf_ends: Any
) -> Iterator[GrownTree]:
    begin = leaf_begin = 0
    for end, leaf_end in zip(ends.tolist(), leaf_ends.tolist(), strict=True):
        part = slice(begin, end)
        yield GrownTree(columns[part], thresholds[part], children[part], votes[leaf_begin:leaf_end])
        begin, leaf_begin = end, leaf_end


@compiled(nogil=True)
def _draw(state: Any, below: int) -> Any:
    """Return a number from 0 to ``below`` - 1 (SplitMix64, Steele, Lea and Flood 2014)."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return np.int64((z >> np.uint64(33)) % np.uint64(below))


@compiled(nogil=True)
def _shuffle(state: Any, values: Any) -> None:
    for last in range(len(values) - 1, 0, -1):
        other = _draw(state, last + 1)
        values[last], values[other] = values[other], values[last]


@compiled(nogil=True)
def _grow(
    x: Any,
    y: Any,
    n_classes: int,
    n_columns: int,
    subsets: Any,
    seed: int,
    first: int,
    count: int,
) -> Any:
    """Grow trees ``first``, ``first + 1``, …; of features (features, n)."""
    n_features, n = x.shape
    most = count * n
    columns = np.empty(most, np.int32)
    thresholds = np.empty(most, np.float32)
    children = np.empty((most, 2), np.int32)
    votes = np.zeros((most, n_classes), np.float32)
    ends = np.empty(count, np.int64)
    leaf_ends = np.empty(count, np.int64)
    state = np.empty(1, np.uint64)
    rows = np.empty(n, np.int64)
    spare = np.empty(n, np.int64)
    order = np.arange(n_features)
    stack = np.empty((n + 1, 4), np.int64)  # begin, end, parent, side
    all_counts = np.empty(n_classes, np.int64)
    left = np.empty(n_classes, np.int64)
    inner = leaf = 0
    state[0] = np.uint64(seed) * np.uint64(0xD1342543DE82EF95) + np.uint64(first)
    drawn_rows = np.empty(count * n, np.int64)
    for i in range(count * n):
        drawn_rows[i] = i % n
    _shuffle(state, drawn_rows)
    for number in range(count):
        rows[:] = drawn_rows[number * n : number * n + n]
        root, root_leaf = inner, leaf
        stack[0] = 0, n, -1, 0
        depth = 1
        while depth:
            depth -= 1
            begin, end, parent, side = stack[depth]
            all_counts[:] = 0
            for i in range(begin, end):
                all_counts[y[rows[i]]] += 1
            best = -1.0
            best_column = -1
            threshold = np.float32(0)
            if parent < 0:
                at = (first + number) % len(subsets)
                for k in range(n_features):
                    order[k] = subsets[at, k]
            if all_counts.max() < end - begin:
                for drawn in range(n_features):
                    if drawn >= n_columns and best_column >= 0:
                        break
                    other = drawn if parent < 0 else drawn + _draw(state, n_features - drawn)
                    order[drawn], order[other] = order[other], order[drawn]
                    column = order[drawn]
                    values = x[column][rows[begin:end]]
                    ranks = np.argsort(values)
                    left[:] = 0
                    for k in range(len(ranks) - 1):
                        left[y[rows[begin + ranks[k]]]] += 1
                        low, high = values[ranks[k]], values[ranks[k + 1]]
                        if low == high:
                            continue
                        below = above = 0.0
                        for c in range(n_classes):
                            below += float(left[c]) ** 2
                            above += float(all_counts[c] - left[c]) ** 2
                        purity = below / (k + 1) + above / (len(ranks) - k - 1)
                        if purity > best:
                            best = purity
                            best_column = column
                            middle = np.float32(0.5 * (float(low) + float(high)))
                            threshold = middle if low < middle <= high else high
            if best_column < 0:
                for c in range(n_classes):
                    votes[leaf, c] = all_counts[c] / (end - begin)
                node = ~(leaf - root_leaf)
                leaf += 1
            else:
                node = inner - root
                columns[inner] = best_column
                thresholds[inner] = threshold
                inner += 1
                middle_at = begin
                others = 0
                for i in range(begin, end):
                    if x[best_column, rows[i]] < threshold:
                        rows[middle_at] = rows[i]
                        middle_at += 1
                    else:
                        spare[others] = rows[i]
                        others += 1
                rows[middle_at:end] = spare[:others]
                stack[depth] = middle_at, end, node, 1
                stack[depth + 1] = begin, middle_at, node, 0
                depth += 2
            if parent >= 0:
                children[root + parent, side] = node
        ends[number], leaf_ends[number] = inner, leaf
    return (
        columns[:inner].copy(),
        thresholds[:inner].copy(),
        children[:inner].copy(),
        votes[:leaf].copy(),
        ends,
        leaf_ends,
    )
