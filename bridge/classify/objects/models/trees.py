"""Extremely randomised trees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from bridge.classify.forest import DecisionForest


@dataclass(frozen=True, eq=False)
class TreesModel:
    """A forest of extremely randomised trees (Geurts, Ernst, Wehenkel 2006).

    Attributes:
        forest: the trees, with a column of votes for each class.
    """

    forest: DecisionForest

    kind: ClassVar[str] = "trees"
    dtypes: ClassVar[Mapping[str, str]] = {
        "columns": "<i4",
        "thresholds": "<f4",
        "children": "<i4",
        "votes": "<f8",
        "leaf_weights": "<f8",
        "roots": "<i4",
        "groups": "<i4",
    }

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return self.forest.n_classes

    @property
    def n_features(self) -> int:
        """Number of features."""
        return self.forest.n_features

    @classmethod
    def from_sklearn(cls, fitted: Any, n_classes: int) -> Self:
        """Return the model of a fitted ``sklearn.ensemble.ExtraTreesClassifier``.

        Args:
            fitted: trained on class numbers from 0; those that it has not seen get no votes.
            n_classes: number of classes.
        """
        forest = DecisionForest.from_sklearn(fitted)
        votes = np.zeros((len(forest.votes), n_classes))
        votes[:, np.asarray(fitted.classes_, np.int64)] = forest.votes
        return cls(
            DecisionForest(
                forest.n_features,
                forest.columns,
                forest.thresholds,
                forest.children,
                votes,
                forest.weights,
                forest.roots,
                forest.groups,
            )
        )

    def predict_proba(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability (n, classes) of each class for features (n, features)."""
        features = np.ascontiguousarray(x.T, np.float32)
        found: NDArray[np.float64] = self.forest.predict_proba(features, np.float64).T
        return found

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays of the forest."""
        of_forest = {"leaf_weights": "weights"}
        return {name: getattr(self.forest, of_forest.get(name, name)) for name in self.dtypes}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], n_features: int) -> Self:
        """Return the model of arrays.

        Raises:
            ValueError: arrays that do not fit each other.
        """
        return cls(DecisionForest(n_features, *(arrays[name] for name in cls.dtypes)))
