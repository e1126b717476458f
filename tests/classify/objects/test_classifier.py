"""Classifiers of objects: kept as a folder without pickles."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.classify.objects.classifier import ObjectClassifier, load_object_classifier
from bridge.classify.objects.features import FeatureSettings
from bridge.classify.objects.training import train_object_classifier
from bridge.errors import BadInputError
from tests.classify.objects.examples import easy_examples

KINDS = ("logistic", "svc", "trees")
TRAINED = {
    kind: train_object_classifier(easy_examples(), kinds=[kind]).classifier for kind in KINDS
}


def with_settings() -> ObjectClassifier:
    settings = FeatureSettings(
        channels=("DAPI",), n_channels=2, unit="µm", ring=2.5, pixel_size=0.3
    )
    table = easy_examples().rename(
        columns={"size": "Nucleus: Area µm^2", "brightness": "Nucleus: DAPI: Mean"}
    )
    names = ["Nucleus: Area µm^2", "Nucleus: DAPI: Mean"]
    found = train_object_classifier(table, settings, features=names, kinds=["logistic"])
    return found.classifier


@pytest.mark.parametrize("classifier", [*TRAINED.values(), with_settings()])
def test_a_classifier_is_read_as_it_was_written(
    tmp_path: Path, classifier: ObjectClassifier
) -> None:
    classifier.write(tmp_path / "c")
    read = load_object_classifier(tmp_path / "c")
    for name in (
        "classes", "feature_names", "settings", "counts", "choice", "accuracy",
        "balanced_accuracy", "sha256",
    ):  # fmt: skip
        assert getattr(read, name) == getattr(classifier, name)
    table = easy_examples(seed=5).rename(
        columns=dict(zip(("size", "brightness"), classifier.feature_names, strict=False))
    )
    np.testing.assert_array_equal(read.predict_proba(table), classifier.predict_proba(table))


def test_a_classifier_is_applied_without_scikit_learn(tmp_path: Path) -> None:
    for kind, classifier in TRAINED.items():
        classifier.write(tmp_path / kind)
    easy_examples().to_csv(tmp_path / "t.csv")
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "import pandas as pd\n"
        "from bridge.classify.objects.classifier import load_object_classifier\n"
        "table = pd.read_csv(sys.argv[1] + '/t.csv')\n"
        f"for kind in {KINDS}:\n"
        "    found = load_object_classifier(sys.argv[1] + '/' + kind).predict(table)\n"
        "    assert (found == table['class']).mean() > 0.9, kind\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)


@given(st.integers(0, 4), st.integers(0, 47), st.sampled_from([np.nan, np.inf, -np.inf, 1e300]))
def test_features_that_are_no_numbers_give_probabilities_all_the_same(
    column: int, row: int, value: float
) -> None:
    for classifier in TRAINED.values():
        table = easy_examples()
        table.loc[row, classifier.feature_names[column]] = value
        found = classifier.predict_proba(table)
        np.testing.assert_allclose(found.sum(axis=1), 1)


def test_an_object_without_features_has_no_class() -> None:
    table = easy_examples()
    table.loc[7, list(TRAINED["svc"].feature_names)] = np.nan
    for classifier in TRAINED.values():
        assert np.isnan(classifier.predict_proba(table)[7]).all()
        found = classifier.predict(table)
        assert found[7] is None
        assert None not in found[:7]


def test_an_unsure_object_has_no_class_where_that_is_asked() -> None:
    classifier, table = TRAINED["logistic"], easy_examples()
    found = classifier.predict_proba(table).max(axis=1)
    names = classifier.predict(table, threshold=float(np.median(found)))
    assert [name is None for name in names] == (found < np.median(found)).tolist()


def test_no_objects_have_no_classes() -> None:
    for classifier in TRAINED.values():
        assert classifier.predict_proba(easy_examples().head(0)).shape == (0, 3)
        assert classifier.predict(easy_examples().head(0)).tolist() == []


def test_features_that_are_missing_are_named() -> None:
    with pytest.raises(BadInputError, match="have no column 'size', which"):
        TRAINED["svc"].predict_proba(easy_examples().drop(columns="size"))
    with pytest.raises(BadInputError, match="hold text"):
        TRAINED["svc"].predict_proba(easy_examples().assign(size="large"))


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    TRAINED["logistic"].write(tmp_path / "c")
    np.save(tmp_path / "c/means.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(BadInputError, match=r"means\.npy: is damaged"):
        load_object_classifier(tmp_path / "c")


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_or_cut_file_is_one_line(tmp_path: Path, kind: str) -> None:
    TRAINED[kind].write(tmp_path / "c")
    for file in sorted((tmp_path / "c").iterdir()):
        content = file.read_bytes()
        file.write_bytes(content[:-3])
        with pytest.raises(BadInputError, match=f"{file.name}: is damaged"):
            load_object_classifier(tmp_path / "c")
        file.unlink()
        with pytest.raises(BadInputError):
            load_object_classifier(tmp_path / "c")
        file.write_bytes(content)
    load_object_classifier(tmp_path / "c")


@pytest.mark.parametrize(
    "change",
    [
        {"classes": [{"name": "a", "examples": 2}]},
        {"classes": [{"name": "a", "examples": 2}] * 3},
        {"classes": 3},
        {"features": ["size"]},
        {"features": [1, 2, 3, 4, 5]},
        {"features": ["size", "\udc00"]},
        {"model": {"kind": "forest", "settings": {}}},
        {"model": {"kind": "svc", "settings": {}}},
        {"model": {"kind": ["logistic"], "settings": {}}},
        {"settings": {}},
        {"cross_validation": {"accuracy": "good", "balanced_accuracy": None}},
    ],
)
def test_a_description_that_does_not_fit_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    TRAINED["logistic"].write(tmp_path / "c")
    file = tmp_path / "c/classes.json"
    file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | change))
    with pytest.raises(BadInputError, match="damaged"):
        load_object_classifier(tmp_path / "c")


def test_what_is_no_classifier_of_objects_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="is not there"):
        load_object_classifier(tmp_path / "none")
    with pytest.raises(BadInputError, match=r"has no classes\.json"):
        load_object_classifier(tmp_path)
    (tmp_path / "classes.json").write_text(
        '{"format": "starbridge pixel classifier", "version": 1}'
    )
    with pytest.raises(BadInputError, match="no classifier of objects but a starbridge pixel"):
        load_object_classifier(tmp_path)


def test_a_folder_of_something_else_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(BadInputError, match="is there and is no classifier"):
        TRAINED["logistic"].write(tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_classifier_keeps_dead_and_unstained_classes(tmp_path: Path) -> None:
    plain = TRAINED["logistic"]
    first, second, _ = plain.classes
    classifier = replace(plain, dead=(first,), unstained=(second,))

    classifier.write(tmp_path / "c")

    read = load_object_classifier(tmp_path / "c")
    assert (read.dead, read.unstained) == ((first,), (second,))
    assert read.sha256 == plain.sha256  # they do not change a probability


def test_a_classifier_of_an_earlier_version_names_no_dead_cells(tmp_path: Path) -> None:
    TRAINED["logistic"].write(tmp_path / "c")
    file = tmp_path / "c" / "classes.json"
    described = json.loads(file.read_text())
    del described["dead"], described["unstained"]
    file.write_text(json.dumps(described))
    assert load_object_classifier(tmp_path / "c").dead == ()

    file.write_text(json.dumps({**described, "dead": ["nobody"]}))
    with pytest.raises(BadInputError, match="dead and unstained cells are no classes"):
        load_object_classifier(tmp_path / "c")
