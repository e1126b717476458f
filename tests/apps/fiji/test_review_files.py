"""A review by files: what is pushed, what a reviewer saves, and what comes of both."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import roifile

from bridge import Detections, ImageInfo, open_image
from bridge.apps.fiji.review_files import (
    pull_files,
    push_files,
    review_key,
    reviewed_names,
)
from bridge.apps.fiji.review_layout import ReviewFiles
from bridge.errors import BadInputError
from bridge.images import Image, from_array
from bridge.review import compare
from tests.objects import assert_same


def section(shift: int = 0) -> Detections:
    labels = np.zeros((60, 80), np.uint16)
    for number in range(6):
        y, x = 5 + number // 3 * 25, 5 + number % 3 * 25 + shift
        labels[y : y + 15, x : x + 15] = number + 1
    detections = Detections.from_labels(labels, image=ImageInfo(name="section"))
    detections.objects["class"] = ["a", "b"] * 3
    return Detections(detections.objects, detections.image)


def picture() -> Image:
    pixels = np.arange(2 * 60 * 80, dtype=np.uint16).reshape(2, 60, 80)
    return from_array(pixels, axes="CYX", channels=("DAPI", "488"), pixel_size=0.5, name="section")


def edit_rois(path: Path) -> None:
    """Delete the third, reclassify the first, as ImageJ saves it: without our comment."""
    rois: Any = roifile.ImagejRoi.fromfile(path)
    rois[0].name = "0001-dead"
    path.unlink()
    roifile.roiwrite(path, [*rois[:2], *rois[3:]])


def test_the_folder_holds_what_any_fiji_opens(tmp_path: Path) -> None:
    objects = section()

    assert push_files(picture(), objects, tmp_path) is None

    files = ReviewFiles.of(tmp_path, "section")
    assert_same(Detections.read(files.rois), objects)
    with open_image(files.image) as image:
        assert image.channels == ("DAPI", "488")
        assert image.pixel_size is not None
        assert np.array_equal(image.plane(1), picture().plane(1))
    assert reviewed_names(tmp_path) == ["section"]


@pytest.mark.parametrize("edited", ["rois", "overlay", "nothing"])
def test_what_the_reviewer_saved_is_pulled(tmp_path: Path, edited: str) -> None:
    objects = section()
    push_files(picture(), objects, tmp_path)
    files = ReviewFiles.of(tmp_path, "section")
    if edited == "rois":
        edit_rois(files.rois)
    if edited == "overlay":
        shutil.copy(files.rois, tmp_path / "copy.zip")
        edit_rois(tmp_path / "copy.zip")
        from bridge.formats import imagej_rois
        from bridge.images.hyperstack import write_hyperstack

        left = imagej_rois.encode(Detections.read(tmp_path / "copy.zip"))
        write_hyperstack(picture(), files.image, overlay=left)

    base, found = pull_files(tmp_path, "section")
    counts = {what: n for what, n in compare(base, found).counts().items() if n}

    expected = {"deleted": 1, "reclassified": 1, "untouched": 4}
    assert counts == ({"untouched": 6} if edited == "nothing" else expected)
    assert (found.image.width, found.image.height) == (80, 60)
    if edited != "nothing":
        assert found.objects.loc[objects.ids[0], "class"] == "dead"


def test_a_nucleus_added_on_the_second_channel_lies_there(tmp_path: Path) -> None:
    objects = replace(section(), image=picture().info)
    push_files(picture(), objects, tmp_path)
    files = ReviewFiles.of(tmp_path, "section")
    edit_rois(files.rois)
    drawn = roifile.ImagejRoi.frompoints([[60, 40], [70, 40], [70, 50]], name="new", position=1)
    drawn.tofile(files.rois)

    found = pull_files(tmp_path, "section")[1].objects.set_index("name")

    assert found.loc["new", ["c", "z", "t"]].tolist() == [1, 0, 0]


def test_a_second_push_keeps_the_review_and_a_copy_of_it(tmp_path: Path) -> None:
    objects = section()
    push_files(picture(), objects, tmp_path)
    files = ReviewFiles.of(tmp_path, "section")
    edit_rois(files.rois)
    saved = files.rois.read_bytes()

    merged = push_files(picture(), section(shift=1), tmp_path)

    assert merged is not None
    _, found = pull_files(tmp_path, "section")
    assert set(found.ids) == set(objects.ids) - {objects.ids[2]}
    assert found.objects.loc[objects.ids[0], "class"] == "dead"
    assert found.objects.loc[objects.ids[1]].geometry.bounds[0] == 31
    assert (tmp_path / "earlier reviews" / "section_rois_1.zip").read_bytes() == saved

    again = push_files(picture(), section(shift=1), tmp_path)
    assert again is not None
    assert len(list((tmp_path / "earlier reviews").iterdir())) == 1
    assert_same(pull_files(tmp_path, "section")[1], found)


def test_a_reviewer_who_saved_both_files_is_asked_which_holds(tmp_path: Path) -> None:
    push_files(picture(), section(), tmp_path)
    files = ReviewFiles.of(tmp_path, "section")
    edit_rois(files.rois)
    files.image.write_bytes(files.image.read_bytes() + b"\0")

    with pytest.raises(BadInputError, match="was saved by the reviewer, and so was section.tif"):
        pull_files(tmp_path, "section")


def test_files_that_were_not_pushed_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "section.tif").write_bytes(b"mine")

    with pytest.raises(BadInputError, match="is there already, and nothing says"):
        push_files(picture(), section(), tmp_path)

    assert (tmp_path / "section.tif").read_bytes() == b"mine"


def test_a_folder_without_a_review_says_so(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="holds no review"):
        reviewed_names(tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    push_files(picture(), section(), tmp_path)
    ReviewFiles.of(tmp_path, "section").rois.unlink()

    with pytest.raises(BadInputError, match="section_rois.zip: is missing; bring it back"):
        pull_files(tmp_path, "section")


@pytest.mark.parametrize("ending", ["rois.zip", "tif", "starbridge-review", "image"])
def test_a_review_is_the_same_until_one_of_its_files_is_saved(tmp_path: Path, ending: str) -> None:
    push_files(picture(), section(), tmp_path)
    image = tmp_path / "the image"
    image.write_bytes(b"pixels")
    before = review_key(tmp_path, "section", image=image)
    (tmp_path / "section_conflicts.csv").write_bytes(b"")
    assert review_key(tmp_path, "section", image=image) == before

    (saved,) = (path for path in tmp_path.iterdir() if path.name.endswith(ending))
    saved.write_bytes(b"saved again")

    assert review_key(tmp_path, "section", image=image) != before


def test_one_file_is_a_review_of_its_own(tmp_path: Path) -> None:
    section().write(tmp_path / "a_rois.zip")
    before = review_key(tmp_path / "a_rois.zip", "a")

    assert reviewed_names(tmp_path / "a_rois.zip") == ["a"]
    section(shift=1).write(tmp_path / "a_rois.zip")

    assert review_key(tmp_path / "a_rois.zip", "a") != before
