"""Training pairs from reviews in Fiji and QuPath."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import roifile
import shapely

from bridge import Detections, ImageInfo
from bridge.apps.fiji.review_files import push_files
from bridge.apps.fiji.review_layout import ReviewFiles
from bridge.apps.qupath.image_transform import Affine, ImageTransform
from bridge.apps.qupath.training_pairs import is_marked, pairs_of_review
from bridge.apps.training_pairs import kind_of, read_training_pairs
from bridge.errors import BadInputError, StarbridgeError
from bridge.images import from_array
from bridge.training.pairs import IGNORED
from bridge.training.sources import ReadOptions
from tests.apps.qupath.reviews import review_of
from tests.training.folders import picture, save, squares

DONE = ReadOptions(channels=("DAPI",), inside=("Done",))


def push(folder: Path, name: str, seed: int) -> ReviewFiles:
    """Push an image of two channels and six nuclei for review in Fiji."""
    image = from_array(picture(seed, (2, 48, 64)), axes="CYX", channels=("DAPI", "488"), name=name)
    push_files(image, Detections.from_labels(squares(), image=ImageInfo(name=name)), folder)
    return ReviewFiles.of(folder, name)


def finish_region(files: ReviewFiles) -> None:
    """Draw a region around the two nuclei at the top left, name it, delete the first."""
    rois: Any = roifile.ImagejRoi.fromfile(files.rois)
    corners = [[0, 0], [30, 0], [30, 20], [0, 20]]
    region = roifile.ImagejRoi.frompoints(corners, name="Done")
    files.rois.unlink()
    roifile.roiwrite(files.rois, [*rois[1:], region])


def test_a_review_folder_gives_the_pixels_inside_of_finished_regions(tmp_path: Path) -> None:
    finish_region(push(tmp_path, "a", 0))
    push(tmp_path, "b", 1)
    notes: list[str] = []

    (pair,) = read_training_pairs(tmp_path, DONE, note=notes.append)

    expected = np.full((48, 64), IGNORED)
    expected[:20, :30] = squares()[:20, :30]
    expected[expected == 1] = 0
    assert np.array_equal(pair.labels, expected)
    assert np.array_equal(pair.image[..., 0], picture(0, (2, 48, 64))[0])
    assert (pair.name, pair.group) == ("a", "a")
    assert "nothing is finished in b" in notes[-1]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (ReadOptions(channels=("0",), done=("b",)), ["b"]),
        (ReadOptions(channels=("0",), everything=True), ["a", "b"]),
        (ReadOptions(channels=("0",), done=("b",), inside=("Done",)), ["a", "b"]),
    ],
)
def test_whole_images_are_read_where_they_are_named(
    tmp_path: Path, options: ReadOptions, names: list[str]
) -> None:
    finish_region(push(tmp_path, "a", 0))
    push(tmp_path, "b", 1)

    pairs = list(read_training_pairs(tmp_path, options))

    assert [pair.name for pair in pairs] == names
    assert pairs[-1].reviewed == 1
    assert np.array_equal(pairs[-1].labels, squares())


@pytest.mark.parametrize("options", [ReadOptions(), DONE])
def test_a_review_with_nothing_finished_says_what_to_do(
    tmp_path: Path, options: ReadOptions
) -> None:
    push(tmp_path, "a", 0)

    with pytest.raises(BadInputError, match="without a finished region.*--inside.*--done.*--all"):
        list(read_training_pairs(tmp_path, options))


def test_an_image_that_a_review_does_not_have_is_refused(tmp_path: Path) -> None:
    push(tmp_path, "a", 0)

    with pytest.raises(BadInputError, match="has no image 'c'.*a"):
        list(read_training_pairs(tmp_path, ReadOptions(done=("c",))))


def test_a_damaged_image_of_a_review_does_not_stop_the_others(tmp_path: Path) -> None:
    push(tmp_path, "a", 0).image.write_bytes(b"II*\0")
    push(tmp_path, "b", 1)
    errors: list[StarbridgeError] = []
    options = ReadOptions(channels=("0",), everything=True)

    pairs = list(read_training_pairs(tmp_path, options, on_error=errors.append))

    assert [pair.name for pair in pairs] == ["b"]
    assert "a.tif" in str(errors[0])


def test_files_are_read_where_there_is_no_review(tmp_path: Path) -> None:
    save(tmp_path / "images" / "a.tif", picture(0))
    save(tmp_path / "masks" / "a.tif", squares())

    assert kind_of(tmp_path) == "files"
    assert [pair.name for pair in read_training_pairs(tmp_path)] == ["a"]


def in_project(file: Path) -> Detections:
    """Six nuclei, and an annotation around the two at the top left."""
    nuclei = Detections.from_labels(squares()).objects
    return Detections.from_polygons(
        [*nuclei.geometry, shapely.box(0, 0, 30, 20)],
        columns={
            "object_type": ["detection"] * 6 + ["annotation"],
            "class": ["glia", None] * 3 + ["Done"],
        },
        image=ImageInfo(name=file.stem, width=64, height=48),
    )


def test_an_annotation_in_qupath_is_a_finished_region(tmp_path: Path) -> None:
    file = save(tmp_path / "a.tif", picture(0))
    review = review_of(in_project(file), file)

    (pair,) = pairs_of_review(review, ReadOptions(inside=("Done",)), name="a", whole=False)

    assert set(np.unique(pair.labels)) == {IGNORED, 0, 1, 2}
    assert pair.classes == {1: "glia"}
    assert pair.source == f"{file} (a.tif)"


def test_a_whole_image_of_qupath_has_all_objects_but_no_region(tmp_path: Path) -> None:
    file = save(tmp_path / "a.tif", picture(0))
    review = review_of(in_project(file), file)

    (pair,) = pairs_of_review(review, ReadOptions(inside=("Done",)), name="a", whole=True)

    assert np.array_equal(pair.labels, squares())


def test_an_image_that_qupath_turns_is_read_as_it_is_shown(tmp_path: Path) -> None:
    file = save(tmp_path / "a.tif", picture(0))
    turn = ImageTransform(to_shown=Affine.rotation(90, 64, 48), shown_size=(48, 64))
    review = review_of(in_project(file), file, transform=turn)

    (pair,) = pairs_of_review(review, ReadOptions(), name="a", whole=True)

    assert np.array_equal(pair.image[..., 0], np.rot90(picture(0), -1))
    assert np.array_equal(pair.labels > 0, np.rot90(squares(), -1) > 0)


@pytest.mark.parametrize(
    ("metadata", "marked"),
    [
        ({"Reviewed": "yes"}, True),
        ({"done": ""}, True),
        ({"done": "No"}, False),
        ({"x": "1"}, False),
    ],
)
def test_metadata_of_qupath_mark_an_image_as_done(
    tmp_path: Path, metadata: dict[str, str], marked: bool
) -> None:
    file = tmp_path / "a.tif"
    image = review_of(in_project(file), file).image

    assert is_marked(replace(image, metadata=metadata)) is marked
