"""Fit models with scikit-learn, and the settings that are tried."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.classify.objects.models.base import ObjectModel
from bridge.classify.objects.models.convolutional import ConvolutionalModel
from bridge.classify.objects.models.forest import ForestModel
from bridge.classify.objects.models.logistic import LogisticModel
from bridge.classify.objects.models.network_fitting import NETWORKS
from bridge.classify.objects.models.trees import TreesModel
from bridge.classify.objects.models.vectors import VectorMargins, VectorModel
from bridge.errors import BadInputError, MissingPartError
from bridge.files.threads import allowed_threads, cores

TREES = 200
_STEPS = 5_000  # of the solver; a hundred are usual
_CALIBRATION = 1.0  # regularisation of the regression on margins


@dataclass(frozen=True)
class Candidate:
    """A kind of model with settings to try.

    Attributes:
        kind: key of :data:`bridge.classify.objects.models.registry.MODELS` or ``CROP_MODELS``.
        settings: arguments of scikit-learn's class, or of
            :func:`bridge.classify.objects.models.network_fitting.fit_network`.
    """

    kind: str
    settings: Mapping[str, float | str] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return kind and settings for people."""
        settings = ", ".join(f"{name} {value}" for name, value in self.settings.items())
        return f"{self.kind} ({settings})" if settings else self.kind


def candidates(kinds: Sequence[str], n_features: int) -> list[Candidate]:
    """Return the models to try, the simplest first.

    Args:
        kinds: of models.
        n_features: the width of the Gaussian kernel is in proportion to its root.

    Raises:
        BadInputError: a kind that is not known, or none.
    """
    grids: dict[str, list[dict[str, float | str]]] = {
        LogisticModel.kind: [{"C": c} for c in (0.01, 0.03, 0.1, 0.3, 1.0)],
        VectorModel.kind: [
            {"C": c, "gamma": part / n_features} for part in (0.1, 0.3, 1.0) for c in (3.0, 30.0)
        ],
        TreesModel.kind: [
            {"max_features": part, "min_samples_leaf": least}
            for part in ("sqrt", 0.3)
            for least in (1, 3)
        ],
        ConvolutionalModel.kind: [
            {"network": network, "learning_rate": 0.002, "batch": 16} for network in NETWORKS
        ],
        ForestModel.kind: [{}],
    }
    unknown = [kind for kind in kinds if kind not in grids]
    if unknown or not kinds:
        raise BadInputError(
            "--model", f"{', '.join(unknown) or 'none'} is not known", f"give {', '.join(grids)}"
        )
    return [
        Candidate(kind, settings) for kind in grids if kind in kinds for settings in grids[kind]
    ]


Fitted = LogisticModel | TreesModel | VectorMargins
"""Model before its calibration."""


def fit(
    candidate: Candidate, x: NDArray[np.float64], y: NDArray[np.int64], n_classes: int, seed: int
) -> Fitted:
    """Fit a model on features.

    BLAS gets one thread: products of some hundred rows take six times as long in two, which wait
    for each other. The trees have threads of their own.

    Args:
        candidate: which.
        x: (n, features) standardised.
        y: (n,) numbers of the classes from 0, of which at least two are there.
        n_classes: number of classes.
        seed: of the trees.

    Raises:
        MissingPartError: scikit-learn is not installed.
    """
    if candidate.kind == ForestModel.kind:
        return ForestModel.train(x, y, n_classes, seed=seed)
    try:
        from sklearn.ensemble import ExtraTreesClassifier
        from sklearn.linear_model import LogisticRegression
        from sklearn.svm import SVC
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise MissingPartError(
            "classify", "train a classifier of objects", error.name or "sklearn"
        ) from error
    settings: dict[str, Any] = dict(candidate.settings)
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")  # of a solver that would take more steps
        if candidate.kind == LogisticModel.kind:
            logistic = LogisticRegression(max_iter=_STEPS, **settings).fit(x, y)
            return LogisticModel.from_sklearn(logistic, n_classes)
        if candidate.kind == VectorModel.kind:
            vectors = SVC(kernel="rbf", decision_function_shape="ovo", **settings).fit(x, y)
            return VectorMargins.from_sklearn(vectors, n_classes)
        threads = allowed_threads() or cores()
        trees = ExtraTreesClassifier(TREES, random_state=seed, n_jobs=threads, **settings)
        return TreesModel.from_sklearn(trees.fit(x, y), n_classes)


def predict(fitted: Fitted, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return probabilities (n, classes), or the margins (n, pairs) of support vectors."""
    return fitted(x) if isinstance(fitted, VectorMargins) else fitted.predict_proba(x)


def calibrate(margins: NDArray[np.float64], y: NDArray[np.int64], n_classes: int) -> LogisticModel:
    """Fit what turns margins (n, pairs) of examples that were held out into probabilities."""
    candidate = Candidate(LogisticModel.kind, {"C": _CALIBRATION})
    fitted = fit(candidate, margins, y, n_classes, 0)
    assert isinstance(fitted, LogisticModel)  # noqa: S101 - by its kind
    return fitted


def finish(fitted: Fitted, calibration: LogisticModel | None) -> ObjectModel:
    """Return the model with its calibration, which support vectors need."""
    if not isinstance(fitted, VectorMargins):
        return fitted
    if calibration is None:
        raise ValueError("support vectors have no probabilities without a calibration")
    return VectorModel(fitted, calibration)
