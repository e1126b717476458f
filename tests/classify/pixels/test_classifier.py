"""Pixel classifiers: kept as a folder, or in a project of ilastik."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.classify.forest import DecisionForest
from bridge.classify.pixels.classifier import PixelClassifier, load_classifier
from bridge.classify.pixels.intensities import Intensities
from bridge.errors import BadInputError
from bridge.formats.ilastik.feature_selection import FEATURE_IDS, FeatureSelection
from tests.formats.ilastik.vigra_trees import stump, write_project

ARRAYS = ("columns", "thresholds", "children", "votes", "weights", "roots", "groups")


def random_forest(seed: int, features: int, classes: int, trees: int = 3) -> DecisionForest:
    """Return trees of one comparison each."""
    rng = np.random.default_rng(seed)
    return DecisionForest(
        features,
        rng.integers(0, features, trees).astype(np.int32),
        rng.normal(size=trees).astype(np.float32),
        np.array([[~(2 * i), ~(2 * i + 1)] for i in range(trees)], np.int32),
        rng.random((2 * trees, classes)) + 0.01,
        rng.integers(1, 9, 2 * trees).astype(np.float64),
        np.arange(trees, dtype=np.int32),
        np.zeros(trees, np.int32),
    )


def smoothing(scale: float = 1.0) -> FeatureSelection:
    """Return the choice of one feature."""
    return FeatureSelection((scale,), tuple((i == 0,) for i in range(len(FEATURE_IDS))), (False,))


def classifier(**changed: Any) -> PixelClassifier:
    parts: dict[str, Any] = {
        "selection": smoothing(),
        "class_names": ("background", "nucleus"),
        "colors": ((255, 0, 0), (0, 255, 0)),
        "labels": (1, 2),
        "n_channels": 1,
        "is_3d": False,
        "forest": random_forest(0, 1, 2),
    }
    return PixelClassifier(**(parts | changed))


@given(
    seed=st.integers(0, 2**32 - 1),
    scales=st.lists(st.floats(0.3, 10), min_size=1, max_size=3),
    names=st.lists(st.text(st.characters(codec="utf-8"), max_size=8), min_size=2, max_size=4),
    n_channels=st.integers(1, 3),
    is_3d=st.booleans(),
    ranges=st.none() | st.tuples(st.floats(-5, 0), st.floats(0, 5)),
    error=st.none() | st.floats(0, 1),
)
def test_a_classifier_is_read_as_it_was_written(
    tmp_path: Path,
    seed: int,
    scales: list[float],
    names: list[str],
    n_channels: int,
    is_3d: bool,
    ranges: tuple[float, float] | None,
    error: float | None,
) -> None:
    chosen = tuple((i == 0,) * len(scales) for i in range(len(FEATURE_IDS)))
    written = classifier(
        selection=FeatureSelection(tuple(scales), chosen, (False,) * len(scales)),
        class_names=tuple(names),
        colors=((1, 2, 3),) * len(names),
        labels=tuple(range(1, len(names) + 1)),
        n_channels=n_channels,
        channel_names=tuple(f"channel {n}" for n in range(n_channels)),
        is_3d=is_3d,
        forest=random_forest(seed, n_channels * len(scales), len(names)),
        intensities=ranges and Intensities("uint16", (ranges,) * n_channels),
        error=error,
    )
    written.write(tmp_path / "c")
    read = load_classifier(tmp_path / "c")

    for name in (
        "selection", "class_names", "colors", "labels", "n_channels", "channel_names", "is_3d",
        "intensities", "error", "sha256",
    ):  # fmt: skip
        assert getattr(read, name) == getattr(written, name)
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(read.forest, name), getattr(written.forest, name))


def test_a_class_without_strokes_has_probability_0() -> None:
    three = classifier(class_names=("a", "b", "c"), colors=((0, 0, 0),) * 3, labels=(1, 3))
    found = three.predict(np.zeros((1, 9, 9, 1), np.float32))
    assert found.shape == (3, 1, 9, 9)
    assert three.unlabelled == ("b",)
    assert (found[1] == 0).all()
    np.testing.assert_allclose(found.sum(axis=0), 1, rtol=1e-6)


def test_a_project_is_applied_as_it_stands(shared: Path) -> None:
    found = load_classifier(shared / "ilastik/MyProject.ilp")
    assert found.n_channels == 2
    assert found.is_3d
    assert found.forest.n_trees == 100
    assert found.class_names == ("Label 1", "Label 2")


def test_a_project_whose_features_changed_after_training_is_refused(
    shared: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "p.ilp"
    copy.write_bytes((shared / "ilastik/pixels2d.ilp").read_bytes())
    with h5py.File(copy, "a") as file:
        matrix = file["FeatureSelections/SelectionMatrix"]
        matrix[2, 3] = False
    with pytest.raises(BadInputError, match="49 features that are not the ones chosen in it"):
        load_classifier(copy)


def test_a_project_without_features_is_refused(tmp_path: Path) -> None:
    path = write_project(tmp_path / "p.ilp", [[stump()]])
    with pytest.raises(BadInputError, match="no features are chosen"):
        load_classifier(path)


def test_a_project_of_objects_is_refused(shared: Path) -> None:
    with pytest.raises(BadInputError, match="does not classify pixels"):
        load_classifier(shared / "ilastik/objects.ilp")


def test_what_is_no_classifier_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="is not there"):
        load_classifier(tmp_path / "none")
    with pytest.raises(BadInputError, match=r"has no classifier\.json"):
        load_classifier(tmp_path)
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(BadInputError, match="no project of ilastik"):
        load_classifier(tmp_path / "a.txt")


def test_a_folder_of_something_else_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(BadInputError, match="is there and is no classifier"):
        classifier().write(tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_an_array_with_a_pickle_is_refused(tmp_path: Path) -> None:
    classifier().write(tmp_path / "c")
    np.save(tmp_path / "c/votes.npy", np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(BadInputError, match=r"votes\.npy: is damaged"):
        load_classifier(tmp_path / "c")
    (tmp_path / "c/votes.npy").write_bytes(pickle.dumps([1]))
    with pytest.raises(BadInputError, match=r"votes\.npy: is damaged"):
        load_classifier(tmp_path / "c")


def test_an_array_that_claims_more_than_it_has_is_refused(tmp_path: Path) -> None:
    classifier().write(tmp_path / "c")
    with (tmp_path / "c/votes.npy").open("wb") as file:
        header = {"descr": "<f8", "fortran_order": False, "shape": (10**12, 2)}
        np.lib.format.write_array_header_1_0(file, header)
    with pytest.raises(BadInputError, match="cut short"):
        load_classifier(tmp_path / "c")


@pytest.mark.parametrize("name", [*(f"{name}.npy" for name in ARRAYS), "classifier.json"])
def test_a_missing_or_cut_file_is_one_line(tmp_path: Path, name: str) -> None:
    classifier().write(tmp_path / "c")
    file = tmp_path / "c" / name
    content = file.read_bytes()
    file.write_bytes(content[:-3])
    with pytest.raises(BadInputError, match=rf"{name}: is damaged"):
        load_classifier(tmp_path / "c")
    file.unlink()
    with pytest.raises(BadInputError):
        load_classifier(tmp_path / "c")


@pytest.mark.parametrize(
    "change",
    [
        {"labels": [1, 1]},
        {"labels": [0, 1]},
        {"labels": [1, 3]},
        {"labels": [1]},
        {"classes": []},
        {"classes": [{"name": 1, "color": [0, 0, 0]}] * 2},
        {"classes": [{"name": "a", "color": [0, 0, 300]}] * 2},
        {"channels": {"count": 10**12, "names": []}},
        {"channels": {"count": 2, "names": []}},
        {"channels": {"count": 1, "names": ["a", "b"]}},
        {"features": {}},
        {"features": None},
        {"intensities": {"dtype": "uint8", "ranges": [[0, float("inf")]]}},
        {"intensities": {"dtype": "uint8", "ranges": []}},
    ],
)
def test_a_damaged_description_is_one_line(tmp_path: Path, change: dict[str, Any]) -> None:
    classifier().write(tmp_path / "c")
    file = tmp_path / "c/classifier.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(BadInputError, match=r"classifier\.json: is damaged"):
        load_classifier(tmp_path / "c")


def test_a_classifier_of_a_newer_starbridge_says_so(tmp_path: Path) -> None:
    classifier().write(tmp_path / "c")
    file = tmp_path / "c/classifier.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"version": 2}))
    with pytest.raises(BadInputError, match="is of version 2; install a newer starbridge"):
        load_classifier(tmp_path / "c")


def test_a_project_knows_the_type_of_its_images_where_they_are_there(
    shared: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "p.ilp"
    copy.write_bytes((shared / "ilastik/pixels2d.ilp").read_bytes())
    assert load_classifier(copy).intensities is None
    (tmp_path / "train.tif").write_bytes((shared / "ilastik/train.tif").read_bytes())
    found = load_classifier(copy).intensities
    assert found is not None
    assert found.dtype == "uint16"
    assert len(found.ranges) == 1
    (tmp_path / "train.tif").write_bytes(b"no image")
    assert load_classifier(copy).intensities is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such files")
def test_an_array_without_an_end_is_refused(tmp_path: Path) -> None:
    classifier().write(tmp_path / "c")
    (tmp_path / "c/votes.npy").unlink()
    os.mkfifo(tmp_path / "c/votes.npy")
    with pytest.raises(BadInputError, match=r"votes.npy: is damaged \(it is no file\)"):
        load_classifier(tmp_path / "c")
