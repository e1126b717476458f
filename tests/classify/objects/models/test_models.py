"""Models, beside scikit-learn's own probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from bridge.classify.objects.models.fitting import calibrate
from bridge.classify.objects.models.logistic import LogisticModel
from bridge.classify.objects.models.trees import TreesModel
from bridge.classify.objects.models.vectors import VectorMargins, VectorModel

Sample = tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]


def sample(n_classes: int) -> Sample:
    """Return features and classes to train on, and other features."""
    rng = np.random.default_rng(n_classes)
    y = np.arange(120) % n_classes
    centres = rng.normal(size=(n_classes, 7)) * 1.5
    x = np.clip(centres[y] + rng.normal(size=(120, 7)), -10, 10)
    return x, y, rng.normal(size=(500, 7)) * 3


@pytest.mark.parametrize("n_classes", [2, 3, 6])
def test_logistic_regression_is_that_of_scikit_learn(n_classes: int) -> None:
    x, y, new = sample(n_classes)
    fitted = LogisticRegression(C=0.3, max_iter=500).fit(x, y)
    found = LogisticModel.from_sklearn(fitted, n_classes).predict_proba(new)
    np.testing.assert_allclose(found, fitted.predict_proba(new), atol=1e-9)


@pytest.mark.parametrize("n_classes", [2, 3, 6])
def test_margins_of_support_vectors_are_those_of_scikit_learn(n_classes: int) -> None:
    x, y, new = sample(n_classes)
    fitted = SVC(C=3.0, gamma=0.1, decision_function_shape="ovo").fit(x, y)
    found = VectorMargins.from_sklearn(fitted, n_classes)(new)
    expected = fitted.decision_function(new).reshape(len(new), -1)
    # Of two classes scikit-learn's margin is above 0 for the second one.
    expected = -expected if n_classes == 2 else expected
    np.testing.assert_allclose(found, expected, atol=1e-9)


@pytest.mark.parametrize("n_classes", [2, 6])
def test_probabilities_of_support_vectors_are_those_of_a_regression_on_margins(
    n_classes: int,
) -> None:
    x, y, new = sample(n_classes)
    margins = VectorMargins.from_sklearn(SVC(C=3.0, gamma=0.1).fit(x, y), n_classes)
    regression = LogisticRegression(C=1.0, max_iter=5000).fit(margins(x), y)
    model = VectorModel(margins, calibrate(margins(x), y, n_classes))
    np.testing.assert_allclose(
        model.predict_proba(new), regression.predict_proba(margins(new)), atol=1e-9
    )


@pytest.mark.parametrize("n_classes", [2, 6])
def test_trees_are_those_of_scikit_learn(n_classes: int) -> None:
    x, y, new = sample(n_classes)
    fitted = ExtraTreesClassifier(30, random_state=0).fit(x, y)
    found = TreesModel.from_sklearn(fitted, n_classes).predict_proba(new)
    np.testing.assert_allclose(found, fitted.predict_proba(new), atol=1e-9)


def test_a_class_that_was_not_there_is_never_found() -> None:
    x, y, new = sample(3)
    y = np.where(y == 1, 3, y)  # of four classes the second one is missing
    logistic = LogisticModel.from_sklearn(LogisticRegression().fit(x, y), 4)
    trees = TreesModel.from_sklearn(ExtraTreesClassifier(9, random_state=0).fit(x, y), 4)
    for model in (logistic, trees):
        found = model.predict_proba(new)
        assert found.shape == (500, 4)
        assert (found[:, 1] == 0).all()
        np.testing.assert_allclose(found.sum(axis=1), 1)
    fitted = SVC(gamma=0.1, decision_function_shape="ovo").fit(x, y)
    margins = VectorMargins.from_sklearn(fitted, 4)(new)
    np.testing.assert_allclose(margins[:, [1, 2, 5]], fitted.decision_function(new), atol=1e-9)
    assert (margins[:, [0, 3, 4]] == 0).all()
