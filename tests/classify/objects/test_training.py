"""Training a classifier of objects."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from bridge.classify.objects.training import train_object_classifier
from bridge.classify.objects.validation import choose_folds, join_groups
from bridge.errors import BadInputError
from tests.classify.objects.examples import easy_examples

FEATURES = ("size", "brightness", "noise 0", "noise 1", "noise 2")


@pytest.mark.parametrize("kind", ["logistic", "svc", "trees"])
@pytest.mark.parametrize("classes", [2, 3])
def test_classes_that_differ_are_told_apart(kind: str, classes: int) -> None:
    trained = train_object_classifier(easy_examples(classes=classes), kinds=[kind])
    new = easy_examples(seed=1, classes=classes)
    assert trained.classifier.feature_names == FEATURES
    assert (trained.classifier.predict(new) == new["class"]).mean() > 0.95
    assert trained.validation.best.accuracy > 0.9
    np.testing.assert_allclose(trained.classifier.predict_proba(new).sum(axis=1), 1)
    np.testing.assert_allclose(trained.validation.probabilities.sum(axis=1), 1)


def test_the_best_of_all_models_is_kept() -> None:
    trained = train_object_classifier(easy_examples())
    scores = [score.balanced_accuracy for score in trained.validation.scores]
    assert trained.validation.best.balanced_accuracy == max(scores)
    assert {score.candidate.kind for score in trained.validation.scores} == {
        "logistic", "svc", "trees"
    }  # fmt: skip


def test_of_equal_models_the_simplest_kind_is_kept() -> None:
    table = easy_examples()
    table["size"] = table["class"].map({"a": 0.0, "b": 10.0, "c": 20.0})  # all models are right
    trained = train_object_classifier(table)
    best, scores = trained.validation.best, trained.validation.scores
    right = {score.candidate.kind for score in scores if score.balanced_accuracy == 1}
    assert right == {"logistic", "svc", "trees"}
    assert best.candidate.kind == "logistic"
    assert best.log_loss == min(s.log_loss for s in scores if s.candidate.kind == "logistic")


def test_equal_seeds_give_equal_classifiers() -> None:
    first, second = (train_object_classifier(easy_examples(), seed=3) for _ in range(2))
    assert first.classifier.sha256 == second.classifier.sha256


def test_images_are_never_on_both_sides() -> None:
    trained = train_object_classifier(easy_examples(), kinds=["logistic"])
    folds = trained.examples.assign(fold=trained.validation.folds)
    assert (folds.groupby("group")["fold"].nunique() == 1).all()
    assert folds["fold"].nunique() > 1


def test_equal_content_is_never_on_both_sides() -> None:
    table = easy_examples()
    # The content of the first image is also that of the second one, under another name.
    table["hash"] = table["image"].replace("image 1", "image 0")
    trained = train_object_classifier(table, kinds=["logistic"])
    folds = trained.examples.assign(fold=trained.validation.folds)
    assert (folds.groupby("hash")["fold"].nunique() == 1).all()


def test_groups_that_share_content_are_one() -> None:
    assert join_groups([1, 2, 3, 4], ["x", "y", "x", None]).tolist() == [0, 1, 0, 2]
    assert join_groups([1, 2, 3], [float("nan"), float("nan"), ""]).tolist() == [0, 1, 2]


def test_one_image_alone_is_said() -> None:
    said: list[str] = []
    table = easy_examples(images=1)
    train_object_classifier(table, kinds=["logistic"], note=said.append)
    assert ["of one image" in line for line in said] == [True]


def test_a_class_in_one_image_only_is_said() -> None:
    said: list[str] = []
    table = easy_examples()
    table = table[(table["class"] != "a") | (table["image"] == "image 0")]
    trained = train_object_classifier(table, kinds=["svc"], note=said.append)
    assert ["'a' has examples in one image" in line for line in said] == [True]
    assert trained.classifier.classes == ("a", "b", "c")


def test_each_class_in_an_image_of_its_own_is_said() -> None:
    said: list[str] = []
    table = easy_examples(classes=2)
    table["group"] = table["class"]
    trained = train_object_classifier(table, kinds=["svc"], note=said.append)
    assert ["not in other images" in line for line in said] == [True]
    assert trained.validation.best.accuracy > 0.9


@pytest.mark.parametrize("seed", range(5))
def test_every_fold_leaves_two_classes_to_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y = np.sort(rng.permuted(np.arange(30) % 3))
    groups = rng.integers(0, 4, 30)
    folds = choose_folds(y, groups, "abc", seed, lambda line: None)
    assert set(folds.tolist()) == set(range(folds.max() + 1))
    for fold in np.unique(folds):
        assert len(np.unique(y[folds != fold])) > 1


def changed(**columns: Any) -> pd.DataFrame:
    return easy_examples().assign(**columns)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (changed(**{"class": "dead"}), "are of the class 'dead' only"),
        (changed(**{"class": None}), "have no class"),
        (
            changed(**{"class": ["dead"] * 24 + ["Dead "] * 24}),
            "has the class 'Dead ', and image [0-9] 'dead'; call it the same",
        ),
        (changed(**{"class": ["odd", *"ab" * 23, "a"]}), "one object only of the class 'odd'"),
        (changed(object="1", image="i"), "has the object 1 with two classes"),
        (easy_examples()[["class", "image"]], "have no features"),
        (changed(**dict.fromkeys(FEATURES, 1.0)), "no feature that differs"),
    ],
)
def test_examples_that_nothing_can_be_learnt_from_are_one_line(
    table: pd.DataFrame, message: str
) -> None:
    with pytest.raises(BadInputError, match=message) as told:
        train_object_classifier(table)
    assert "\n" not in str(told.value)


def test_columns_that_were_not_measured_are_named() -> None:
    with pytest.raises(BadInputError, match="have no column 'weight'"):
        train_object_classifier(easy_examples(), features=["size", "weight"])
    with pytest.raises(BadInputError, match="text among the features"):
        train_object_classifier(easy_examples(), features=["size", "class"])


def test_features_that_are_no_numbers_are_said() -> None:
    said: list[str] = []
    table = easy_examples()
    table.loc[3, "size"] = np.nan
    table.loc[4, "noise 0"] = np.inf
    table["noise 1"] = np.nan
    table.loc[5, list(FEATURES)] = np.nan
    trained = train_object_classifier(table, kinds=["logistic"], note=said.append)
    assert said == [
        "1 examples have no feature: nothing of them was drawn",
        "1 features are no numbers in any example and are left out: 'noise 1'",
        "2 examples have features that are no numbers; the median stands for them: 'size', "
        "'noise 0'",
    ]
    assert len(trained.examples) == 47
    assert trained.classifier.feature_names == ("size", "brightness", "noise 0", "noise 2")


def test_examples_without_class_and_those_given_twice_do_not_count() -> None:
    said: list[str] = []
    table = pd.concat(
        [easy_examples(), easy_examples().head(5), easy_examples().assign(**{"class": None})]
    )
    trained = train_object_classifier(table, kinds=["logistic"], note=said.append)
    assert len(trained.examples) == 48
    assert said == ["5 examples are given twice and count once"]


def test_a_model_that_is_not_known_is_refused() -> None:
    with pytest.raises(BadInputError, match="perceptron is not known"):
        train_object_classifier(easy_examples(), kinds=["perceptron"])
