"""Random forests: grown like scikit-learn's, and those that ilastik stored."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from bridge.classify.objects.models import growing
from bridge.classify.objects.models.forest import ForestModel
from bridge.formats.ilastik.forest import StoredForest, StoredTree, SubForest
from tests.classify.objects.models.test_models import sample


@pytest.mark.parametrize("n_classes", [2, 6])
def test_probabilities_are_those_of_scikit_learn_but_for_chance(n_classes: int) -> None:
    x, y, new = sample(n_classes)
    expected = RandomForestClassifier(400, max_features=3, random_state=0).fit(x, y)
    found = ForestModel.train(x, y, n_classes, seed=1).predict_proba(new)
    assert np.abs(found - expected.predict_proba(new)).max() < 0.12  # 5 standard errors
    assert np.abs(found - expected.predict_proba(new)).mean() < 0.025


def test_a_seed_gives_the_same_forest_on_any_number_of_cores(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x, y, new = sample(3)
    forests = []
    for count in (1, 3):
        monkeypatch.setattr(growing, "cores", lambda count=count: count)
        forests.append(ForestModel.train(x, y, 3, seed=5))
    for name, array in forests[0].arrays().items():
        np.testing.assert_array_equal(array, forests[1].arrays()[name])
    other = ForestModel.train(x, y, 3, seed=6).predict_proba(new)
    assert np.abs(other - forests[0].predict_proba(new)).max() > 0


def test_examples_that_cannot_be_told_apart_share_their_votes() -> None:
    x = np.array([[0.0], [0.0], [0.0], [5.0], [5.0]])
    found = ForestModel.train(x, np.array([0, 1, 1, 2, 2]), 4, seed=0).predict_proba(x)
    assert found[0, 1] > found[0, 0] > 0.1
    assert found[:, 3].max() == 0
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_a_stored_forest_is_evaluated_as_ilastik_does() -> None:
    """Values below a threshold go left, in float32, however large features are."""
    tree = StoredTree(
        columns=np.array([0, 1], np.int32),
        thresholds=np.array([3e9, -0.1]),
        children=np.array([[~0, 1], [~1, ~2]]),
        probabilities=np.array([[1.0, 0.0], [0.25, 0.75], [0.0, 1.0]]),
        weights=np.ones(3),
    )
    leaf = StoredTree(
        columns=np.zeros(0, np.int32),
        thresholds=np.zeros(0),
        children=np.zeros((0, 2), np.int64),
        probabilities=np.array([[0.5, 0.5]]),
        weights=np.ones(1),
    )
    stored = StoredForest(
        2, (1, 2), (), (SubForest((tree, leaf), False), SubForest((tree,), False))
    )
    model, scaling = ForestModel.from_stored(stored)
    below = float(np.nextafter(np.float32(3e9), np.float32(0)))
    x = np.array([[below, 9], [3e9, -0.2], [1e30, -0.0999], [1e30, 1e30], [np.nan, 0.0]])
    found = model.predict_proba(scaling.standardise(x))[:, 0]
    trees = np.array([1.0, 0.25, 0.0, 0.0, 1.0])
    np.testing.assert_allclose(found, (2 * trees + 0.5) / 3)
