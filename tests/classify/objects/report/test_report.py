"""Report of a classifier of objects."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bridge.classify.objects.report import FILES, write_class_report
from bridge.classify.objects.report.importance import importance_table
from bridge.classify.objects.report.tables import (
    calibration_table,
    class_table,
    confusion_table,
    example_table,
    proportion_table,
)
from bridge.classify.objects.training import TrainedClassifier, train_object_classifier
from tests.classify.objects.examples import easy_examples


@pytest.fixture(scope="module")
def trained() -> TrainedClassifier:
    """Return a classifier some of whose examples have a wrong class."""
    table = easy_examples()
    table.loc[:2, "class"] = ["b", "c", "a"]
    return train_object_classifier(table, kinds=["logistic"])


def test_the_confusion_has_each_example_once(trained: TrainedClassifier) -> None:
    table = confusion_table(trained).set_index("class")
    assert table.to_numpy().sum() == 48
    assert table.sum(axis=1).tolist() == [16, 16, 16]
    assert np.trace(table.to_numpy()) == round(trained.validation.best.accuracy * 48)


def test_scores_of_classes_follow_from_the_confusion(trained: TrainedClassifier) -> None:
    counts = confusion_table(trained).set_index("class").to_numpy()
    scores = class_table(trained)
    np.testing.assert_allclose(scores["recall"], np.diag(counts) / counts.sum(axis=1))
    np.testing.assert_allclose(scores["precision"], np.diag(counts) / counts.sum(axis=0))
    np.testing.assert_allclose(
        scores["f1"],
        2 * scores["recall"] * scores["precision"] / (scores["recall"] + scores["precision"]),
    )


def test_the_calibration_has_each_example_once(trained: TrainedClassifier) -> None:
    table = calibration_table(trained)
    assert table["examples"].sum() == 48
    assert ((table["from"] <= table["probability"]) & (table["probability"] <= table["to"])).all()


def test_examples_with_a_wrong_class_are_found(trained: TrainedClassifier) -> None:
    table = example_table(trained)
    assert table["right"].head(3).tolist() == [0, 0, 0]
    assert table["found"].head(3).tolist() == ["a", "b", "c"]
    assert (table["right"] == (table["class"] == table["found"])).all()


def test_features_that_differ_between_classes_matter_and_noise_does_not(
    trained: TrainedClassifier,
) -> None:
    table = importance_table(trained)
    assert table["feature"].iloc[0] == "all of Others"
    assert set(table["feature"].iloc[1:3]) == {"size", "brightness"}
    noise = table[table["feature"].str.startswith("noise")]
    assert (noise["accuracy_lost"].abs() < 0.1).all()
    pd.testing.assert_frame_equal(table, importance_table(trained))


def test_the_report_has_tables_and_pictures(trained: TrainedClassifier, tmp_path: Path) -> None:
    crops = [np.full((20, 30), k, np.uint16) for k in range(48)]
    asked: list[int] = []

    def crop(row: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint16]] | None:
        asked.append(row)
        return None if row == 5 else crops[row]

    paths = write_class_report(tmp_path / "report", trained, crop)
    assert [path.name for path in paths] == list(FILES)
    assert {0, 1, 2} <= set(asked[:8])
    page = paths[-1].read_text("utf-8")
    assert "b, found a (" in page
    assert page.count("data:image/png;base64,") >= 20
    examples = pd.read_csv(tmp_path / "report/examples.csv")
    assert len(examples) == 48


def test_a_class_that_looks_like_a_formula_is_guarded(tmp_path: Path) -> None:
    table = easy_examples().replace({"class": {"a": "=1+1"}})
    trained = train_object_classifier(table, kinds=["logistic"])
    write_class_report(tmp_path, trained)
    assert "\n'=1+1," in (tmp_path / "classes.csv").read_text("utf-8")


def test_proportions_show_what_the_errors_do_to_them(trained: TrainedClassifier) -> None:
    classifier = replace(trained.classifier, dead=("b",), unstained=("a",))
    table = proportion_table(replace(trained, classifier=classifier))

    assert table["class"].tolist() == ["c", "a", "b", "c", "a"]
    assert table["cells"].tolist() == ["all"] * 3 + ["without dead"] * 2
    counts = confusion_table(trained).set_index("class")
    np.testing.assert_allclose(table["true"], [16 / 48] * 3 + [0.5] * 2)
    found = counts.sum()
    np.testing.assert_allclose(table["found"][:3], found[["c", "a", "b"]] / 48)
    np.testing.assert_allclose(table["found"][3:], found[["c", "a"]] / found[["c", "a"]].sum())
    np.testing.assert_allclose(table["difference"], table["found"] - table["true"])


def test_without_dead_classes_there_are_proportions_among_all_cells(
    trained: TrainedClassifier,
) -> None:
    assert set(proportion_table(trained)["cells"]) == {"all"}


def test_the_page_names_dead_and_unstained_cells(
    trained: TrainedClassifier, tmp_path: Path
) -> None:
    classifier = replace(trained.classifier, dead=("b",), unstained=("a",))
    write_class_report(tmp_path, replace(trained, classifier=classifier))

    page = (tmp_path / "report.html").read_text()
    assert "Dead cells, which are left out: b." in page
    assert "Unstained cells: a; they count among the living." in page
    assert page.count("part of living examples") > 0
