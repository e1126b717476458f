"""Brush strokes from wherever reviewers draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import roifile
import shapely
import tifffile

from bridge import Detections, ImageInfo
from bridge.apps.fiji.review_files import push_files
from bridge.apps.fiji.review_layout import ReviewFiles
from bridge.apps.review_strokes import StrokeSources
from bridge.errors import BadInputError
from bridge.formats.axistags import axistags
from bridge.formats.geojson import write as write_geojson
from bridge.formats.markers import make_markers
from bridge.images import from_array
from tests.apps.qupath.reviews import review_of

CLASSES = ["background", "nucleus"]
INFO = ImageInfo(name="a", width=40, height=30)


def _sources(*places: Path, notes: list[str] | None = None, **options: Any) -> StrokeSources:
    said = [] if notes is None else notes
    return StrokeSources(places, CLASSES, note=said.append, **options)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An image of 40 × 30 pixels."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((30, 40), np.uint8))
    return path


def _geojson(
    path: Path,
    info: ImageInfo = INFO,
    *,
    classes: Sequence[str] = CLASSES,
    types: Sequence[str] = ("annotation", "annotation"),
) -> Path:
    boxes = [shapely.box(1, 1, 4, 3), shapely.box(10, 10, 12, 12)]
    values = {"class": [*classes], "object_type": [*types]}
    Detections.from_polygons(boxes, columns=values, image=info).write(path)
    return path


def test_annotations_of_qupath_in_geojson(tmp_path: Path, image: Path) -> None:
    place = _geojson(tmp_path / "a.geojson")

    strokes = _sources(place).strokes(image, INFO)

    assert strokes.counts() == {1: 6, 2: 4}
    assert strokes.plane()[1:3, 1:4].tolist() == [[1] * 3] * 2


def test_other_classes_and_detections_beside_annotations_are_said(
    tmp_path: Path, image: Path
) -> None:
    notes: list[str] = []
    place = _geojson(tmp_path / "a.geojson", classes=["debris", "nucleus"])
    assert _sources(place, notes=notes).strokes(image, INFO).counts() == {2: 4}
    assert "other classes are left out: debris" in notes[-1]

    types = ["annotation", "detection"]
    place = _geojson(tmp_path / "a.geojson", types=types)
    assert _sources(place, notes=notes).strokes(image, INFO).counts() == {1: 6}
    assert "1 detections of these classes are left out" in notes[-1]
    assert _sources(place, with_objects=True).strokes(image, INFO).counts() == {1: 6, 2: 4}


def test_rois_of_fiji_by_class_and_by_name(tmp_path: Path, image: Path) -> None:
    place = tmp_path / "a_rois.zip"
    corners = [[1, 1], [4, 1], [4, 3], [1, 3]]
    rois = [
        roifile.ImagejRoi.frompoints(np.array(corners) + 6 * n, name=name)
        for n, name in enumerate(["nucleus", "nucleus-1", "background", "no class"])
    ]
    roifile.roiwrite(place, rois)

    assert _sources(place).strokes(image, INFO).counts() == {1: 6, 2: 12}


def test_a_review_folder_of_fiji(tmp_path: Path, image: Path) -> None:
    folder = tmp_path / "review"
    pushed = Detections.from_polygons([shapely.box(20, 20, 23, 23)], image=INFO)
    push_files(from_array(np.zeros((30, 40), np.uint8), name="a"), pushed, folder)
    files = ReviewFiles.of(folder, "a")
    rois: Any = roifile.ImagejRoi.fromfile(files.rois)
    corners = [[1, 1], [4, 1], [4, 3], [1, 3]]
    files.rois.unlink()
    drawn = roifile.ImagejRoi.frompoints(corners, name="nucleus")
    roifile.roiwrite(files.rois, [*(rois if isinstance(rois, list) else [rois]), drawn])

    assert _sources(folder).strokes(image, INFO).counts() == {2: 6}
    assert not _sources(folder).strokes(tmp_path / "other.tif", INFO).blocks


@pytest.mark.parametrize("name", ["a_labels.tif", "a.tif", "lbl/a_labels.tif"])
def test_sparse_label_images_by_the_name_of_the_image(
    tmp_path: Path, image: Path, name: str
) -> None:
    values = np.zeros((30, 40), np.uint8)
    values[3, 4:6] = 2
    file = tmp_path / "labels" / name
    file.parent.mkdir(parents=True)
    tifffile.imwrite(file, values)

    assert _sources(tmp_path / "labels").strokes(image, INFO).counts() == {2: 2}


def test_a_label_image_in_hdf5(tmp_path: Path, image: Path) -> None:
    file = tmp_path / "a_labels.h5"
    with h5py.File(file, "w") as content:
        content["labels"] = np.ones((30, 40), np.uint8)
        content["labels"].attrs["axistags"] = axistags("YX")

    assert _sources(file).strokes(image, INFO).counts() == {1: 1200}


def test_label_images_of_another_size_are_refused(tmp_path: Path, image: Path) -> None:
    for name, shape in [("b_labels.tif", (31, 40)), ("c_labels.tif", (2, 30, 40))]:
        file = tmp_path / name
        tifffile.imwrite(file, np.ones(shape, np.uint8), metadata={"axes": "ZYX"[-len(shape) :]})
        with pytest.raises(BadInputError, match=name):
            _sources(file).strokes(image, INFO, alone=True)


def test_outlines_of_another_image_are_refused(tmp_path: Path, image: Path) -> None:
    place = _geojson(tmp_path / "a.geojson", replace(INFO, width=50))
    with pytest.raises(BadInputError, match="50 × 30"):
        _sources(place).strokes(image, INFO)

    place = _geojson(tmp_path / "a.geojson", replace(INFO, coordinates="shown"))
    with pytest.raises(BadInputError, match="turned or cut"):
        _sources(place).strokes(image, INFO)


def test_strokes_in_two_places_are_refused(tmp_path: Path, image: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
        _geojson(folder / "a.geojson")

    with pytest.raises(BadInputError, match="strokes in"):
        _sources(*folders).strokes(image, INFO)


def test_a_file_that_is_not_there_is_said(tmp_path: Path, image: Path) -> None:
    with pytest.raises(BadInputError, match="is not there"):
        _sources(tmp_path / "none").strokes(image, INFO)


def test_a_project_of_qupath_by_file_then_by_name_with_its_lines(
    tmp_path: Path, image: Path
) -> None:
    (tmp_path / "project.qpproj").write_text("{}")
    boxes = [shapely.box(1, 1, 4, 3)]
    found = Detections.from_polygons(
        boxes, columns={"class": ["nucleus"], "object_type": ["annotation"]}, image=INFO
    )
    line = make_markers([shapely.LineString([(2, 20.5), (8, 20.5)])], ["1"], {"class": CLASSES[:1]})
    review = replace(review_of(found, image), markers=line)
    sources = _sources(tmp_path)
    sources._projects[tmp_path] = [review]

    strokes = sources.strokes(image, INFO)

    assert strokes.counts()[2] == 6
    assert strokes.plane()[20, 5] == 1
    assert not sources.strokes(tmp_path / "other.tif", INFO).blocks


def test_points_and_lines_in_geojson_are_strokes(tmp_path: Path, image: Path) -> None:
    """QuPath's points tool: one object with several points."""
    shapes = [shapely.MultiPoint([(5, 5), (20, 5)]), shapely.LineString([(5, 20), (25, 20)])]
    markers = make_markers(shapes, ["m", "l"], {"class": CLASSES})
    empty = Detections.from_polygons([], image=INFO)
    write_geojson(empty, tmp_path / "a.geojson", markers=markers)

    strokes = _sources(tmp_path / "a.geojson").strokes(image, INFO)

    assert strokes.plane()[5, 5] == strokes.plane()[5, 20] == 1
    assert strokes.plane()[20, 15] == 2
    assert set(strokes.counts()) == {1, 2}
