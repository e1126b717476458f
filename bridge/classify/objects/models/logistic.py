"""Logistic regression of several classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class LogisticModel:
    """Probabilities as the softmax of linear functions of the features.

    Attributes:
        coefficients: (classes, features) float64.
        intercepts: (classes,) float64; -inf for a class that is never chosen.

    Raises:
        ValueError: arrays that do not fit each other.

    >>> model = LogisticModel(np.array([[0.0], [1.0]]), np.zeros(2))
    >>> model.predict_proba(np.array([[0.0], [np.log(3)]])).round(2).tolist()
    [[0.5, 0.5], [0.25, 0.75]]
    """

    coefficients: NDArray[np.float64]
    intercepts: NDArray[np.float64]

    kind: ClassVar[str] = "logistic"
    dtypes: ClassVar[Mapping[str, str]] = {"coefficients": "<f8", "intercepts": "<f8"}

    def __post_init__(self) -> None:
        """Check the shapes."""
        if self.coefficients.ndim != 2 or self.intercepts.shape != self.coefficients.shape[:1]:
            raise ValueError("coefficients and intercepts have sizes that disagree")
        if not np.isfinite(self.coefficients).all() or np.isnan(self.intercepts).any():
            raise ValueError("a coefficient is no number")
        if not np.isfinite(self.intercepts).any() or (self.intercepts == np.inf).any():
            raise ValueError("the intercepts are not finite")

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.coefficients)

    @property
    def n_features(self) -> int:
        """Number of features."""
        return int(self.coefficients.shape[1])

    @classmethod
    def from_sklearn(cls, fitted: Any, n_classes: int) -> Self:
        """Return the model of a fitted ``sklearn.linear_model.LogisticRegression``.

        Args:
            fitted: trained on class numbers from 0; those that it has not seen are never chosen.
            n_classes: number of classes.
        """
        present = np.asarray(fitted.classes_, np.int64)
        coefficients = np.zeros((n_classes, fitted.coef_.shape[1]))
        intercepts = np.full(n_classes, -np.inf)
        if len(present) == 2:  # there is one function, of the second class against the first
            coefficients[present[1]] = fitted.coef_[0]
            intercepts[present] = 0.0, fitted.intercept_[0]
        else:
            coefficients[present], intercepts[present] = fitted.coef_, fitted.intercept_
        return cls(coefficients, intercepts)

    def predict_proba(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability (n, classes) of each class for features (n, features)."""
        scores = x @ self.coefficients.T + self.intercepts
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        found: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
        return found

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return coefficients and intercepts."""
        return {"coefficients": self.coefficients, "intercepts": self.intercepts}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], n_features: int) -> Self:
        """Return the model of arrays.

        Raises:
            ValueError: arrays that do not fit each other.
        """
        model = cls(arrays["coefficients"], arrays["intercepts"])
        if model.n_features != n_features:
            raise ValueError(f"its model has {model.n_features} features, not {n_features}")
        return model
