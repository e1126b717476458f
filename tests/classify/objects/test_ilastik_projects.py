"""Projects of ilastik: their features, their forests, and classes beside a real ilastik's."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from bridge.apps.class_training import ClassTraining
from bridge.classify.objects.ilastik_projects import choose_features, classifier_of_project
from bridge.classify.objects.predicting import ObjectPredictor
from bridge.detections import Detections
from bridge.errors import BadInputError
from bridge.formats.labels import read_label_image
from bridge.images import open_image

PLUGIN = "ObjectClassification/SelectedFeatures/Standard Object Features"


@pytest.fixture
def project(shared: Path, tmp_path: Path) -> Path:
    """Return a copy of a real project with its images."""
    for name in ("objects.ilp", "a.tif", "a_lab.h5"):
        shutil.copyfile(shared / "ilastik" / name, tmp_path / name)
    return tmp_path / "objects.ilp"


def classes_of(predictor: ObjectPredictor, folder: Path) -> NDArray[np.object_]:
    labels, *_ = read_label_image(folder / "a_lab.h5")
    with open_image(folder / "a.tif") as image:
        found = predictor(Detections.from_labels(labels, image=image.info), image)
    return predictor.classifier.name_classes(found)


def store_forest(project: Path, column: int, threshold: float) -> None:
    """Store a forest of one tree, in vigra's layout: values below are dim, others bright."""
    leaf = 0x40000000
    topology = [6, 2, 0, 0, 7, 9, column, leaf, 2, leaf, 5]
    with h5py.File(project, "a") as file:
        forests = file.create_group("ObjectClassification/ClassifierForests")
        tree = forests.create_group("Forest0000/Tree_0")
        tree["topology"] = np.array(topology, np.int32)
        tree["parameters"] = np.array([1.0, threshold, 9.0, 1.0, 0.0, 9.0, 0.0, 1.0])
        forests["known_labels"] = np.array([1, 2], np.uint32)


@pytest.mark.slow
def test_classes_are_those_of_a_real_ilastik(shared: Path) -> None:
    """Whatever the seed: another 100 trees of ilastik's own agree to 0.94 at worst."""
    folder = shared / "ilastik"
    expected = pd.read_csv(folder / "a_objects_table.csv")["Predicted Class"].to_numpy()
    for seed in range(4):
        trained = ClassTraining(sources=[folder / "objects.ilp"], seed=seed).run().trained
        classifier = trained.classifier
        assert classifier.model.kind == "forest"
        assert classifier.settings is not None
        found = classes_of(
            ObjectPredictor(classifier=classifier, settings=classifier.settings), folder
        )
        assert (found == expected).mean() >= 0.95


def test_features_are_those_that_the_project_chose(shared: Path) -> None:
    path = shared / "ilastik" / "objects.ilp"
    said: list[str] = []
    selection = choose_features([path], 1, are_crops=False, note=said.append)
    assert selection is not None
    chosen = ("Count", "Mean", "Mean in neighborhood", "RegionCenter", "Variance")
    assert (selection.features, selection.margin) == (chosen, (30, 30, 1))
    assert not said
    crops = choose_features([path], 1, are_crops=True, note=said.append)
    assert crops is not None
    assert "Mean in neighborhood" not in crops.features


def test_features_that_are_not_computed_are_named(project: Path) -> None:
    with h5py.File(project, "a") as file:
        file.create_group("ObjectClassification/SelectedFeatures/2D Skeleton Features/Diameter")
    said: list[str] = []
    selection = choose_features([project], 1, are_crops=False, note=said.append)
    assert selection is not None
    assert "Count" in selection.features
    assert said == [
        "not computed here and left out, so that classes may differ from ilastik's: "
        "Diameter (2D Skeleton Features)"
    ]


def test_projects_with_other_features_are_refused(project: Path, shared: Path) -> None:
    with h5py.File(project, "a") as file:
        del file[f"{PLUGIN}/Count"]
    with pytest.raises(BadInputError, match="chooses other features"):
        choose_features(
            [shared / "ilastik" / "objects.ilp", project], 1, are_crops=False, note=lambda _: None
        )


def test_a_stored_forest_is_used_as_it_stands(project: Path) -> None:
    """The columns of a forest are in the order of the features' names; a place has two."""
    store_forest(project, 3, 300.5)  # Count, Mean, Mean in neighborhood, then x of RegionCenter
    predictor = ObjectPredictor.load(project)
    assert predictor.classifier.classes == ("dim", "bright")
    assert predictor.classifier.counts == (15, 15)
    labels, *_ = read_label_image(project.with_name("a_lab.h5"))
    numbers = range(1, int(labels.max()) + 1)
    x = np.array([np.nonzero(labels == number)[1].mean() for number in numbers])
    expected = np.where(x < 300.5, "dim", "bright")
    np.testing.assert_array_equal(classes_of(predictor, project.parent), expected)


def test_a_forest_of_other_features_is_refused(project: Path) -> None:
    store_forest(project, 0, 500.0)
    with h5py.File(project, "a") as file:
        del file[f"{PLUGIN}/Count"]
    with pytest.raises(BadInputError, match="a classifier of 6 features and 2 classes, but"):
        classifier_of_project(project)
    with h5py.File(project, "a") as file:
        file.create_group("ObjectClassification/SelectedFeatures/2D Skeleton Features/Diameter")
    with pytest.raises(BadInputError, match="features not computed here: Diameter"):
        classifier_of_project(project)


def test_projects_without_a_forest_or_of_pixels_are_refused(shared: Path) -> None:
    with pytest.raises(BadInputError, match="has no trained classifier"):
        classifier_of_project(shared / "ilastik" / "objects.ilp")
    with pytest.raises(BadInputError, match="is a project of Pixel Classification"):
        classifier_of_project(shared / "ilastik" / "pixels2d.ilp")
