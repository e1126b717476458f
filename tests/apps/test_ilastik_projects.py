"""New projects of ilastik from images and reviews."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import shapely
import tifffile

from bridge import Detections, ImageInfo
from bridge.apps.ilastik_projects import NewProject
from bridge.errors import BadInputError
from bridge.formats.ilastik.feature_selection import FeatureSelection
from bridge.formats.ilastik.project import read_label_sets, read_project

DEFAULT = FeatureSelection.by_name("default")


def _image(path: Path, shape: tuple[int, ...] = (60, 50), axes: str = "YX") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, np.zeros(shape, np.uint8), metadata={"axes": axes})
    return path


def _project(folder: Path, images: list[Path], **options: Any) -> tuple[NewProject, list[str]]:
    notes: list[str] = []
    options = {"classes": ["background", "nucleus"], **options}
    return NewProject(path=folder / "p.ilp", images=images, note=notes.append, **options), notes


def test_strokes_of_several_images_go_to_their_lanes(tmp_path: Path) -> None:
    images = [_image(tmp_path / f"{name}.tif") for name in "abc"]
    labels = np.zeros((60, 50), np.uint8)
    labels[3, 4] = 2
    tifffile.imwrite(tmp_path / "b_labels.tif", labels)
    project, notes = _project(tmp_path, images, reviews=[tmp_path])

    project.write_for_pixels(DEFAULT)

    read = read_project(project.path)
    assert [lane.raw.stored for lane in read.lanes if lane.raw] == ["a.tif", "b.tif", "c.tif"]
    assert read.label_counts == ({}, {2: 1}, {})
    assert read.features is not None
    assert all(read.features.in_2d)
    assert sum("has no strokes" in line for line in notes) == 2
    assert any("'background' has no labels" in line for line in notes)


def test_strokes_of_a_stack_lie_in_their_slices_and_times(tmp_path: Path) -> None:
    image = _image(tmp_path / "a.tif", (2, 3, 60, 50), "TZYX")
    info = ImageInfo(name="a", width=50, height=60, size_z=3, size_t=2)
    columns = {"class": ["nucleus"], "object_type": ["annotation"], "z": [2], "t": [1]}
    box = shapely.box(4, 5, 7, 9)
    Detections.from_polygons([box], columns=columns, image=info).write(tmp_path / "a.geojson")
    project, _ = _project(tmp_path, [image], reviews=[tmp_path / "a.geojson"])

    project.write_for_pixels(DEFAULT)

    (strokes,) = read_label_sets(read_project(project.path))
    assert strokes.plane_numbers() == {(1, 2)}
    assert (strokes.plane(1, 2)[5:9, 4:7] == 2).all()
    with h5py.File(project.path) as file:
        block = file["PixelClassification/LabelSets/labels000/block0000"]
        assert block.attrs["blockSlice"] == "[1:2,2:3,5:9,4:7,0:1]"


def test_objects_get_their_classes_whatever_their_numbers(tmp_path: Path) -> None:
    image = _image(tmp_path / "a.tif")
    labels = np.zeros((60, 50), np.uint16)
    labels[2:6, 2:6], labels[2:6, 10:14], labels[20:24, 2:6] = 70, 3, 12
    tifffile.imwrite(tmp_path / "a_labels.tif", labels)
    boxes = [shapely.box(2, 2, 6, 6), shapely.box(2, 20, 6, 24)]
    columns = {"class": ["nucleus", "background"], "object_type": ["detection"] * 2}
    info = ImageInfo(name="a", width=50, height=60)
    Detections.from_polygons(boxes, columns=columns, image=info).write(tmp_path / "review.geojson")
    project, notes = _project(tmp_path, [image], reviews=[tmp_path / "review.geojson"])

    project.write_for_objects([tmp_path / "a_labels.tif"])

    with h5py.File(project.path) as file:
        by_number = file["ObjectClassification/LabelInputs/0000/0"][()].tolist()
    with h5py.File(tmp_path / "p_images/a_labels.h5") as file:
        numbered = file["exported_data"][()]
    assert by_number[numbered[3, 3]] == 2
    assert by_number[numbered[21, 3]] == 1
    assert len(by_number) == 4
    assert any("numbered anew" in line for line in notes)
    project_read = read_project(project.path)
    assert [image.role for image in project_read.lanes[0].images] == ["Raw Data", "Label Image"]
    assert project_read.has_table_export


def test_label_images_with_ilastiks_numbers_stay_where_they_are(tmp_path: Path) -> None:
    image = _image(tmp_path / "a.tif")
    labels = np.zeros((60, 50), np.uint16)
    labels[2:6, 2:6], labels[20:24, 2:6] = 1, 2
    tifffile.imwrite(tmp_path / "a_labels.tif", labels)
    project, notes = _project(tmp_path, [image])

    project.write_for_objects([tmp_path])

    seg = read_project(project.path).lanes[0].of("Label Image")
    assert seg is not None
    assert seg.stored == "a_labels.tif"
    assert not (tmp_path / "p_images").exists()
    assert not notes


def test_two_images_of_one_name_are_refused(tmp_path: Path) -> None:
    images = [_image(tmp_path / f"{folder}/a.tif") for folder in "xy"]
    project, _ = _project(tmp_path, images)

    with pytest.raises(BadInputError, match="'a'"):
        project.write_for_pixels(DEFAULT)


def test_objects_without_a_label_image_are_refused(tmp_path: Path) -> None:
    project, _ = _project(tmp_path, [_image(tmp_path / "a.tif"), _image(tmp_path / "b.tif")])

    with pytest.raises(BadInputError, match="has no objects"):
        project.write_for_objects([tmp_path])


def test_images_that_one_classifier_cannot_take_are_refused(tmp_path: Path) -> None:
    plane = _image(tmp_path / "a.tif")
    for name, shape, axes, said in [
        ("b.tif", (2, 60, 50), "CYX", "2 channels"),
        ("c.tif", (5, 60, 50), "ZYX", "5 slices"),
    ]:
        project, _ = _project(tmp_path, [plane, _image(tmp_path / name, shape, axes)])
        with pytest.raises(BadInputError, match=said):
            project.write_for_pixels(DEFAULT)
        assert not project.path.exists()


def test_images_of_several_types_are_said(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "b.tif", np.zeros((60, 50), np.uint16))
    project, notes = _project(tmp_path, [_image(tmp_path / "a.tif"), tmp_path / "b.tif"])

    project.write_for_pixels(DEFAULT)

    assert any("uint8 (a.tif), uint16 (b.tif)" in line for line in notes)
