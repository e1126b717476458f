"""Random forests applied to pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bridge.classify.forest import DecisionForest
from bridge.errors import BadInputError
from bridge.formats.ilastik.forest import read_forest
from tests.formats.ilastik.vigra_trees import evaluate, stump, write_project


def near_thresholds(path: Path, count: int) -> NDArray[np.float32]:
    """Return features that lie at, just below and just above the thresholds of a forest."""
    stored = read_forest(path)
    rng = np.random.default_rng(1)
    values: list[list[float]] = [[0.0] for _ in range(stored.n_features)]
    for forest in stored.sub_forests:
        for tree in forest.trees:
            for column, threshold in zip(tree.columns, tree.thresholds, strict=True):
                values[column].append(threshold)
    columns = []
    for known in values:
        picked = rng.choice(known, count).astype(np.float32)
        away = rng.choice([-np.inf, 0, np.inf], count).astype(np.float32)
        columns.append(np.where(away == 0, picked, np.nextafter(picked, away)))
    return np.stack(columns)


@pytest.mark.parametrize("name", ["pixels2d", "MyProject", "basics_example"])
def test_a_forest_of_ilastik_gives_what_its_arrays_define(shared: Path, name: str) -> None:
    path = shared / f"ilastik/{name}.ilp"
    features = near_thresholds(path, 300)
    found = DecisionForest.from_stored(read_forest(path)).predict_proba(features)
    np.testing.assert_allclose(found, evaluate(path, features), rtol=0, atol=1e-7)


@pytest.mark.parametrize("weighted", [False, True])
def test_forests_are_averaged_by_their_trees(tmp_path: Path, weighted: bool) -> None:
    unsure = ([1, 2, 0x40000000, 0], [9.0, 0.25, 0.75])
    path = write_project(
        tmp_path / "p.ilp", [[stump(0.1), stump(0.5), unsure], [stump(0.9)]], weighted=weighted
    )
    features = np.linspace(0, 1, 11, dtype=np.float32)[None]
    found = DecisionForest.from_stored(read_forest(path)).predict_proba(features)
    np.testing.assert_allclose(found, evaluate(path, features), rtol=0, atol=1e-7)


@given(
    seed=st.integers(0, 2**32 - 1),
    classes=st.integers(2, 5),
    samples=st.integers(5, 400),
    noise=st.sampled_from([0.0, 0.5]),
    scale=st.sampled_from([1.0, 1e-30, 1e30]),
)
def test_a_forest_of_scikit_learn_gives_its_probabilities(
    seed: int, classes: int, samples: int, noise: float, scale: float
) -> None:
    sklearn: Any = pytest.importorskip("sklearn.ensemble")
    rng = np.random.default_rng(seed)
    x = (np.round(rng.normal(size=(samples, 4)), 1) * scale).astype(np.float32)
    y = np.where(rng.random(samples) < noise, rng.integers(0, classes, samples), x[:, 0] > 0)
    y[:classes] = np.arange(classes)
    forest = sklearn.RandomForestClassifier(5, random_state=0).fit(x, y)
    ours = DecisionForest.from_sklearn(forest)
    # values on the thresholds themselves among them
    pixels = np.concatenate([x, np.nextafter(x, np.float32(np.inf))])
    expected = forest.predict_proba(pixels).T
    np.testing.assert_allclose(ours.predict_proba(pixels.T), expected, rtol=0, atol=1e-7)


def test_deep_trees_are_walked_to_their_leaves() -> None:
    sklearn: Any = pytest.importorskip("sklearn.ensemble")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3000, 3)).astype(np.float32)
    forest = sklearn.RandomForestClassifier(3, random_state=0).fit(x, rng.integers(0, 3, 3000))
    assert max(tree.get_n_leaves() for tree in forest.estimators_) > 64 * 8
    found = DecisionForest.from_sklearn(forest).predict_proba(x.T)
    np.testing.assert_allclose(found, forest.predict_proba(x).T, rtol=0, atol=1e-7)


def two_leaves(**changed: Any) -> DecisionForest:
    parts: dict[str, Any] = {
        "columns": np.zeros(1, np.int32),
        "thresholds": np.array([0.5], np.float32),
        "children": np.array([[~0, ~1]], np.int32),
        "votes": np.eye(2),
        "weights": np.ones(2),
        "roots": np.zeros(1, np.int32),
        "groups": np.zeros(1, np.int32),
    }
    return DecisionForest(1, **(parts | changed))


def test_any_shape_of_pixels_is_kept() -> None:
    forest = two_leaves()
    features = np.linspace(0, 1, 24, dtype=np.float32).reshape(1, 2, 3, 4)
    found = forest.predict_proba(features)
    assert found.shape == (2, 2, 3, 4)
    assert (found[1] == (features[0] >= 0.5)).all()
    assert forest.predict_proba(features[:, :0]).shape == (2, 0, 3, 4)


def test_a_pixel_that_is_no_number_has_no_class() -> None:
    found = two_leaves().predict_proba(np.array([[0, np.nan, 1]], np.float32))
    assert found.T.tolist() == [[1, 0], [0, 0], [0, 1]]


def test_another_number_of_features_is_refused() -> None:
    with pytest.raises(BadInputError, match="are 2, but the classifier was trained on 1"):
        two_leaves().predict_proba(np.zeros((2, 5), np.float32))


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"children": np.array([[0, ~1]], np.int32)}, "back to itself"),
        ({"children": np.array([[~0, 1]], np.int32)}, "not there"),
        ({"children": np.array([[~0, ~2]], np.int32)}, "not there"),
        ({"roots": np.array([1], np.int32)}, "not there"),
        ({"columns": np.array([1], np.int32)}, "feature that is not there"),
        ({"thresholds": np.array([np.nan], np.float32)}, "no number"),
        ({"votes": np.array([[1, 0], [0, 0]])}, "no votes"),
        ({"votes": np.array([[1, 0], [2, -1]])}, "votes that are no numbers"),
        ({"weights": np.ones(3)}, "disagree"),
        ({"roots": np.zeros(0, np.int32), "groups": np.zeros(0, np.int32)}, "disagree"),
    ],
)
def test_arrays_that_are_no_forest_are_refused(changed: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        two_leaves(**changed)
