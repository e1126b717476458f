"""Classed objects from projects of ilastik."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile

from bridge.classify.objects.classed_images import ClassedImage
from bridge.classify.objects.sources.ilastik_labels import read_ilastik_labels
from bridge.classify.objects.sources.options import ReadOptions
from bridge.errors import BadInputError
from bridge.formats.ilastik.input_images import input_image
from bridge.formats.ilastik.writing import write_object_project
from tests.classify.objects.images import SIDE, pixels

CLASSES = ["dim", "bright"]


def _project(tmp_path: Path, labels: Sequence[int], classes: dict[int, int]) -> Path:
    """Write a project of one image with an object a label, in the order of rows."""
    plane = np.zeros((SIDE, SIDE), np.uint32)
    for row, label in enumerate(labels):
        plane[1 + 5 * row : 4 + 5 * row, 2:8] = label
    tifffile.imwrite(tmp_path / "a.tif", pixels())
    tifffile.imwrite(tmp_path / "a_labels.tif", plane)
    path = tmp_path / "p.ilp"
    lanes = [input_image(tmp_path / name, path) for name in ("a.tif", "a_labels.tif")]
    write_object_project(path, lanes[:1], lanes[1:], CLASSES, [[classes]])
    return path


def _set_classes(path: Path, values: Sequence[float]) -> None:
    with h5py.File(path, "a") as file:
        del file["ObjectClassification/LabelInputs/0000/0"]
        file["ObjectClassification/LabelInputs/0000/0"] = np.array(values, np.float64)


def _by_label(image: ClassedImage) -> dict[int, str]:
    labels = image.detections.objects["label"]
    return {int(labels[identity]): name for identity, name in image.classes.items()}


def test_a_real_project(shared: Path) -> None:
    (found,) = read_ilastik_labels(shared / "ilastik" / "objects.ilp", ReadOptions())

    assert len(found.detections) == 153
    assert sorted(found.classes.values()) == ["bright"] * 15 + ["dim"] * 15
    assert found.name == "a"
    with h5py.File(shared / "ilastik" / "objects.ilp") as file:
        stored = file["ObjectClassification/LabelInputs/0000/0"][()]
    assert _by_label(found) == {n: CLASSES[int(stored[n]) - 1] for n in np.flatnonzero(stored)}


def test_projects_that_we_write(tmp_path: Path) -> None:
    (found,) = read_ilastik_labels(_project(tmp_path, [1, 2, 3], {1: 2, 3: 1}), ReadOptions())
    assert _by_label(found) == {1: "bright", 3: "dim"}


def test_numbers_of_older_and_newer_versions(tmp_path: Path) -> None:
    """Labels 2 and 7: newer versions call them 1 and 2, and the list is shorter."""
    path = _project(tmp_path, [7, 2], {})

    _set_classes(path, [0, 1, 2])
    (newer,) = read_ilastik_labels(path, ReadOptions())
    assert _by_label(newer) == {7: "dim", 2: "bright"}

    _set_classes(path, [0, 0, 1, 0, 0, 0, 0, 2])
    (older,) = read_ilastik_labels(path, ReadOptions())
    assert _by_label(older) == {2: "dim", 7: "bright"}


@pytest.mark.parametrize(("labels", "values"), [([2, 1], [0, 1, 2]), ([7, 2], [0, 1, 2, 1])])
def test_numbers_that_may_mean_two_objects_are_refused(
    tmp_path: Path, labels: list[int], values: list[float]
) -> None:
    path = _project(tmp_path, labels, {})
    _set_classes(path, values)
    with pytest.raises(BadInputError, match="cannot be told from the label image"):
        list(read_ilastik_labels(path, ReadOptions()))


@pytest.mark.parametrize("value", [1.5, -1, 1e9])
def test_damaged_classes_are_refused(tmp_path: Path, value: float) -> None:
    path = _project(tmp_path, [1, 2], {})
    _set_classes(path, [0, 1, value])
    with pytest.raises(BadInputError, match="numbers that are no classes"):
        list(read_ilastik_labels(path, ReadOptions()))


def test_a_class_without_a_name_is_refused(tmp_path: Path) -> None:
    path = _project(tmp_path, [1, 2], {})
    _set_classes(path, [0, 1, 3])
    with pytest.raises(BadInputError, match="objects of class 3, and names of 2 classes"):
        list(read_ilastik_labels(path, ReadOptions()))


def test_a_project_without_classes_or_of_pixels_is_refused(tmp_path: Path, shared: Path) -> None:
    with pytest.raises(BadInputError, match="has no object with a class"):
        list(read_ilastik_labels(_project(tmp_path, [1], {}), ReadOptions()))
    with pytest.raises(BadInputError, match="is a project of Pixel Classification"):
        list(read_ilastik_labels(shared / "ilastik" / "pixels2d.ilp", ReadOptions()))


def test_images_that_are_gone_are_named(tmp_path: Path, shared: Path) -> None:
    path = Path(shutil.copy(shared / "ilastik" / "objects.ilp", tmp_path))
    with pytest.raises(BadInputError, match=r"a\.tif: is not there, and objects\.ilp names it"):
        list(read_ilastik_labels(path, ReadOptions()))
