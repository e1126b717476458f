"""Support vectors with a Gaussian kernel, one class against one, and calibrated probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from bridge.classify.objects.models.logistic import LogisticModel

_ROWS = 4096  # objects whose kernel is in memory


@dataclass(frozen=True, eq=False)
class VectorMargins:
    """Margins between each two classes, as LIBSVM decides between them.

    Attributes:
        vectors: (vectors, features) float64.
        weights: (vectors, pairs) float64, of each vector in each pair of classes: 0 and 1, 0 and
            2, …, 1 and 2, ….
        offsets: (pairs,) float64.
        gamma: of the kernel exp(-gamma · squared distance).
    """

    vectors: NDArray[np.float64]
    weights: NDArray[np.float64]
    offsets: NDArray[np.float64]
    gamma: float

    @classmethod
    def from_sklearn(cls, fitted: Any, n_classes: int) -> Self:
        """Return the margins of a fitted ``sklearn.svm.SVC`` with a Gaussian kernel.

        Args:
            fitted: trained on class numbers from 0, with a number for ``gamma``. The margins of
                classes that it has not seen are 0.
            n_classes: number of classes.
        """
        present = [int(number) for number in fitted.classes_]
        ends = np.cumsum(fitted.n_support_)
        starts = ends - fitted.n_support_
        pairs = list(combinations(range(n_classes), 2))
        weights = np.zeros((len(fitted.support_vectors_), len(pairs)))
        offsets = np.zeros(len(pairs))
        # Of two classes scikit-learn turns the sign round, so that above 0 is the second one.
        sign = -1.0 if len(present) == 2 else 1.0
        for number, (a, b) in enumerate(combinations(range(len(present)), 2)):
            pair = pairs.index((present[a], present[b]))
            of_a, of_b = slice(starts[a], ends[a]), slice(starts[b], ends[b])
            weights[of_a, pair] = sign * fitted.dual_coef_[b - 1, of_a]
            weights[of_b, pair] = sign * fitted.dual_coef_[a, of_b]
            offsets[pair] = sign * fitted.intercept_[number]
        return cls(np.asarray(fitted.support_vectors_), weights, offsets, float(fitted.gamma))

    def __call__(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the margins (n, pairs) of features (n, features); above 0 for the first class."""
        found = np.empty((len(x), len(self.offsets)))
        norms = (self.vectors**2).sum(axis=1)
        for begin in range(0, len(x), _ROWS):
            part = x[begin : begin + _ROWS]
            squares = (part**2).sum(axis=1)[:, None] + norms - 2 * part @ self.vectors.T
            kernel = np.exp(-self.gamma * np.maximum(squares, 0))
            found[begin : begin + _ROWS] = kernel @ self.weights + self.offsets
        return found


@dataclass(frozen=True, eq=False)
class VectorModel:
    """Support vectors whose margins a logistic regression turns into probabilities.

    Attributes:
        margins: between each two classes.
        calibration: the regression, trained on the margins of examples that were held out (as
            Platt 1999 does for two classes).

    Raises:
        ValueError: parts that do not fit each other.
    """

    margins: VectorMargins
    calibration: LogisticModel

    kind: ClassVar[str] = "svc"
    dtypes: ClassVar[Mapping[str, str]] = {
        "vectors": "<f8",
        "weights": "<f8",
        "offsets": "<f8",
        "gamma": "<f8",
        **LogisticModel.dtypes,
    }

    def __post_init__(self) -> None:
        """Check that vectors, weights and calibration fit each other."""
        own, n = self.margins, self.n_classes
        pairs = n * (n - 1) // 2
        if (
            own.vectors.ndim != 2
            or own.weights.shape != (len(own.vectors), pairs)
            or own.offsets.shape != (pairs,)
            or self.calibration.n_features != pairs
        ):
            raise ValueError("support vectors and their weights have sizes that disagree")
        values = (own.vectors, own.weights, own.offsets)
        if not all(np.isfinite(each).all() for each in values):
            raise ValueError("a support vector is no number")
        if not (np.isfinite(own.gamma) and own.gamma > 0):
            raise ValueError(f"its kernel has a gamma of {own.gamma}")

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return self.calibration.n_classes

    @property
    def n_features(self) -> int:
        """Number of features."""
        return int(self.margins.vectors.shape[1])

    def predict_proba(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability (n, classes) of each class for features (n, features)."""
        return self.calibration.predict_proba(self.margins(x))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return vectors, weights, offsets, gamma and the calibration."""
        own = self.margins
        return {
            "vectors": own.vectors,
            "weights": own.weights,
            "offsets": own.offsets,
            "gamma": np.array([own.gamma]),
            **self.calibration.arrays(),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], n_features: int) -> Self:
        """Return the model of arrays.

        Raises:
            ValueError: arrays that do not fit each other.
        """
        if arrays["gamma"].shape != (1,):
            raise ValueError("gamma is no single number")
        margins = VectorMargins(
            arrays["vectors"], arrays["weights"], arrays["offsets"], float(arrays["gamma"][0])
        )
        model = cls(margins, LogisticModel(arrays["coefficients"], arrays["intercepts"]))
        if model.n_features != n_features:
            raise ValueError(f"its model has {model.n_features} features, not {n_features}")
        return model
