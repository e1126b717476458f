"""The review of one image of a project as files."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely
import tifffile

from bridge import Detections, ImageInfo
from bridge.apps.qupath.backup import Backup
from bridge.apps.qupath.project_files import ProjectFiles, read_project
from bridge.apps.qupath.results import result_names, review_key, write_review
from bridge.apps.qupath.server_builder import read_server
from bridge.formats.naming.crops import crop_name
from bridge.review import Pushed, compare
from bridge.review.results import result_files
from tests.apps.qupath.reviews import review_of
from tests.apps.qupath.server_builders import uri_builder, wrapped
from tests.apps.qupath.test_project_files import entry, write_project

INFO = ImageInfo(name="a", width=60, height=40)
NUCLEI = [shapely.box(2, 2, 12, 12), shapely.box(20, 2, 32, 12)]
REGION = shapely.box(0, 0, 60, 40)


def names_of(tmp_path: Path, *names: str) -> list[str]:
    entries = [entry(number, name, f"file:/{number}") for number, name in enumerate(names, 1)]
    return result_names(read_project(write_project(tmp_path, *entries)).images)


def test_nuclei_that_are_annotations_are_in_the_labels_and_it_is_said(tmp_path: Path) -> None:
    nuclei = Detections.from_polygons(
        NUCLEI, columns={"object_type": ["annotation"] * 2}, image=INFO
    )

    written = write_review(review_of(nuclei), "a", tmp_path)

    assert np.array_equal(tifffile.imread(tmp_path / "a_labels.tif"), nuclei.to_labels())
    assert written.notes == ("annotations are drawn (2), because there is nothing else",)
    assert written.objects == 2


def test_nuclei_that_are_annotations_lie_over_their_region_everywhere(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((40, 60), np.uint8))
    objects = Detections.from_polygons(
        [*NUCLEI, REGION],
        columns={"object_type": ["annotation"] * 3, "class": ["Neuron", "Glia", "Region"]},
        image=INFO,
    )
    out = tmp_path / "out"

    written = write_review(review_of(objects, tmp_path / "a.tif"), "a", out, crops=True)

    assert written.notes == ("annotations are drawn (3), because there is nothing else",)
    labels, classes = (tifffile.imread(out / f"a_{which}.tif") for which in ("labels", "classes"))
    assert [(labels == label).sum() for label in (1, 2, 3)] == [100, 120, 2400 - 220]
    names = pd.read_csv(out / "a_classes.csv").set_index("class")["value"]
    assert (classes == names["Neuron"]).sum() == 100
    assert Detections.read(out / "a_rois.zip").ids == objects.ids
    assert [key for key in written.files if key.startswith("crop")] == [
        "crop 1",
        "crop 2",
        "crop 3",
    ]


def test_a_region_does_not_cover_the_nuclei_and_tables_name_it(tmp_path: Path) -> None:
    objects = Detections.from_polygons(
        [REGION, *NUCLEI],
        columns={
            "object_type": ["annotation", "detection", "detection"],
            "class": ["Tumor", None, None],
            "name": ["left", None, None],
            "label": [9, 1, 2],
        },
        image=INFO,
    )
    parents = [None, objects.ids[0], objects.ids[0]]

    written = write_review(
        review_of(objects, parents=parents, changes=compare(objects, objects)), "a", tmp_path
    )

    assert np.unique(tifffile.imread(tmp_path / "a_labels.tif")).tolist() == [0, 1, 2]
    assert (written.files, written.notes) == (result_files("a", changes=True), ())
    table = Detections.read(tmp_path / "a.csv", image=INFO).objects
    assert table["annotation"].tolist() == [None, "left", "left"]
    assert table["annotation class"].tolist() == [None, "Tumor", "Tumor"]


def test_image_regions_of_annotations_lie_in_a_folder_of_their_own(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((40, 60), np.uint8))
    objects = Detections.from_polygons([REGION], columns={"object_type": ["annotation"]})

    written = write_review(
        review_of(replace(objects, image=INFO), tmp_path / "a.tif"), "a", tmp_path / "out",
        ["geojson"], crops=True,
    )  # fmt: skip

    assert list(written.files.values()) == [
        "a.geojson", "export/geojsons/a.geojson", "export/ROIs/a_rois.zip",
        "export/ROIsTif/a (none)_001.tif",
    ]  # fmt: skip
    assert all((tmp_path / "out" / file).is_file() for file in written.files.values())


def test_files_are_named_as_the_image_is_in_qupath(tmp_path: Path) -> None:
    assert names_of(tmp_path, "my section.ome.tif", "a/b.tif", "..") == [
        "my section", "a_b", "image 3"
    ]  # fmt: skip


def test_images_of_one_name_are_told_apart_by_their_number(tmp_path: Path) -> None:
    assert names_of(tmp_path, "a.tif", "A.tiff", "b.tif") == ["a", "A (2)", "b"]


def test_a_name_that_is_taken_with_its_number_gets_it_twice(tmp_path: Path) -> None:
    assert names_of(tmp_path, "a.tif", "a (3).tif", "a.tif") == ["a", "a (3)", "a (3) (3)"]


@pytest.fixture
def project(tmp_path: Path) -> ProjectFiles:
    """A project of one image whose objects were saved."""
    (tmp_path / "a.tif").write_bytes(b"pixels")
    folder = write_project(
        tmp_path / "p",
        entry(1, "a.tif", (tmp_path / "a.tif").as_uri()),
        entry(2, "b.tif", "file:/b.tif"),
    )
    (folder / "data" / "1").mkdir(parents=True)
    (folder / "data" / "1" / "data.qpdata").write_bytes(b"objects")
    return read_project(folder)


def key_of(project: ProjectFiles) -> dict[str, Any]:
    files = read_project(project.folder)
    return review_key(files, files.image("1"))


def test_a_review_is_the_same_until_something_is_saved(project: ProjectFiles) -> None:
    before = key_of(project)
    other = project.folder / "data" / "2" / "data.qpdata"
    other.parent.mkdir()
    other.write_bytes(b"objects of another image")
    os.utime(project.file)

    assert key_of(project) == before


def save_objects(project: ProjectFiles) -> None:
    project.images[0].objects_file.write_bytes(b"reviewed objects")


def push_objects(project: ProjectFiles) -> None:
    backup = Backup(project, project.images[0])
    backup.begin(Pushed.of(Detections.from_labels(np.eye(3, dtype=int))), backup.state())
    backup.finish()


def change_pixel_size(project: ProjectFiles) -> None:
    text = project.file.read_text("utf-8")
    calibrated = text.replace('"width": 1593', '"width": 1593, "pixelCalibration": {}', 1)
    project.file.write_text(calibrated, encoding="utf-8")


def change_image(project: ProjectFiles) -> None:
    project.images[0].paths[0].write_bytes(b"other pixels")


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (save_objects, "objects"),
        (push_objects, "push"),
        (change_pixel_size, "image"),
        (change_image, "image"),
    ],
)
def test_a_review_is_another_after_each_of_these(
    project: ProjectFiles, change: Any, part: str
) -> None:
    before = key_of(project)

    change(project)

    now = key_of(project)
    assert [name for name in now if now[name] != before[name]] == [part]


def test_results_of_a_turned_image_have_the_size_of_its_file_and_say_so(tmp_path: Path) -> None:
    file = uri_builder(40, 30)
    transform = read_server(wrapped("rotated", file, rotation="ROTATE_90"))
    shown = Detections.from_polygons(
        [shapely.box(25, 1, 28, 3)], image=ImageInfo(width=30, height=40)
    )
    review = review_of(transform.detections_to_file(shown), transform=transform)

    written = write_review(review, "a", tmp_path, ["labels"])

    labels = tifffile.imread(tmp_path / written.files["labels"])
    assert labels.shape == (30, 40)
    assert labels[2:5, 1:3].all()
    assert np.count_nonzero(labels) == 6
    assert written.notes == (
        "QuPath shows the file rotated by 90°; the results lie as in the file itself, 40 x 30 px",
    )


def test_images_of_one_name_but_for_the_kind_of_brackets_are_told_apart(tmp_path: Path) -> None:
    names = names_of(tmp_path, "a (1).tif", "a [1].tif")

    assert names == ["a (1)", "a [1] (2)"]
    assert len({crop_name(name, "Cyst", 1) for name in names}) == 2
