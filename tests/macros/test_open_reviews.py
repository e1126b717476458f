"""A review that is open in ImageJ takes a new segmentation, and says what was changed in it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bridge import Detections
from bridge.apps.fiji import Fiji, MacroError
from bridge.apps.fiji.review_files import pull_files, push_files
from bridge.apps.fiji.review_layout import ReviewFiles
from bridge.images import Image, from_array
from tests.macros.conftest import MACROS

pytestmark = [pytest.mark.imagej, pytest.mark.network]
TAKE = MACROS / "take_new_segmentation.ijm"
CHANGED = MACROS / "what_have_i_changed.ijm"
COMMAND = str(Path(sys.executable).with_name("starbridge"))
OPEN = """
#@ File image_file
#@ File roi_file
open(image_file);
if (call("java.awt.GraphicsEnvironment.isHeadless") == "false") roiManager("open", roi_file);
"""
EDIT = """
if (call("java.awt.GraphicsEnvironment.isHeadless") == "true") {
    Overlay.removeSelection(3);
    Overlay.activateSelection(0); Roi.setName("0001-dead"); Overlay.addSelection;
    Overlay.removeSelection(0); run("Select None");
} else {
    roiManager("select", 3); roiManager("delete");
    roiManager("select", 0); roiManager("rename", "0001-dead");
    roiManager("deselect"); run("Select None");
}
"""


def picture() -> Image:
    pixels = np.arange(2 * 100 * 120, dtype=np.uint16).reshape(2, 100, 120)
    return from_array(pixels, axes="CYX", channels=("DAPI", "GFP"), pixel_size=0.5, name="a b")


def squares(shift: int = 0) -> Detections:
    """Twelve squares of 15 x 15 px."""
    labels = np.zeros((100, 120), np.uint16)
    for number in range(12):
        y, x = 5 + number // 4 * 30, 5 + number % 4 * 28 + shift
        labels[y : y + 15, x : x + 15] = number + 1
    found = Detections.from_labels(labels, image=replace(picture().info, path=None))
    found.objects["class"] = ["a", "b", "c"] * 4
    return Detections(found.objects, found.image)


@pytest.fixture
def review(fiji: Fiji, folder: Path) -> ReviewFiles:
    """A review folder, whose image and ROIs are open."""
    push_files(picture(), squares(), folder / "review")
    files = ReviewFiles.of(folder / "review", "a b")
    fiji.run_macro(OPEN, image_file=files.image, roi_file=files.rois)
    return files


def test_edits_that_are_not_saved_yet_are_counted(fiji: Fiji, review: ReviewFiles) -> None:
    before = {path: path.read_bytes() for path in review.folder.rglob("*") if path.is_file()}
    untouched = fiji.run_macro(CHANGED, command_path=COMMAND)
    assert untouched.value == "a b: 12 pushed, 12 now; since the last push: 12 untouched"

    fiji.run_macro(EDIT)
    edited = fiji.run_macro(CHANGED, command_path=COMMAND)

    assert edited.value == (
        "a b: 12 pushed, 11 now; since the last push: 1 deleted, 1 reclassified, 10 untouched"
    )
    after = {path: path.read_bytes() for path in review.folder.rglob("*") if path.is_file()}
    assert after == before


def test_the_open_review_takes_a_new_segmentation(
    fiji: Fiji, review: ReviewFiles, folder: Path
) -> None:
    squares(shift=1).write(folder / "new.geojson")
    fiji.run_macro(EDIT)

    result = fiji.run_macro(TAKE, new_segmentation=folder / "new.geojson", command_path=COMMAND)

    said = str(result.value)
    assert "the review there was merged: 1 deleted, 1 reclassified, 10 untouched" in said
    kept = review.folder / "earlier reviews" / "a b_rois_1.zip"
    assert f"what was saved before is kept: {kept}" in said
    assert len(Detections.read(kept)) == 11

    base, objects = pull_files(review.folder, "a b")
    assert len(objects) == 11
    assert sorted(objects.objects["class"]) == ["a"] * 2 + ["b"] * 4 + ["c"] * 4 + ["dead"]
    assert sorted(result.rois.ids) == sorted(objects.ids)
    assert result.rois.objects.loc[base.detections.ids[1]].geometry.bounds[0] == 34
    assert [image.title for image in fiji.images()] == ["a b.tif"]
    again = fiji.run_macro(CHANGED, command_path=COMMAND)
    assert again.value == (
        "a b: 11 pushed, 11 now; since the last push: 11 untouched; "
        "since the first push: 1 deleted, 1 reclassified"
    )


def test_rois_of_another_review_are_refused_and_nothing_is_written(
    fiji: Fiji, review: ReviewFiles, folder: Path
) -> None:
    push_files(picture(), squares(shift=2), folder / "other")
    other = ReviewFiles.of(folder / "other", "a b")
    if fiji.mode != "gui":
        pytest.skip("without a window, the ROIs are those of the image's file")
    fiji.run_macro(
        '#@ File roi_file\nroiManager("reset"); roiManager("open", roi_file);', roi_file=other.rois
    )
    before = {path: path.read_bytes() for path in review.folder.rglob("*") if path.is_file()}
    squares(shift=1).write(folder / "new.geojson")

    with pytest.raises(MacroError, match="a push that this folder does not know"):
        fiji.run_macro(TAKE, new_segmentation=folder / "new.geojson", command_path=COMMAND)

    files = {path: path.read_bytes() for path in review.folder.rglob("*") if path.is_file()}
    assert files == before
    assert len(fiji.run_macro("").rois) == 12


def test_an_image_that_is_under_no_review_is_named(headless: Fiji, folder: Path) -> None:
    with pytest.raises(MacroError, match="no image; open NAME.tif of a review folder"):
        headless.run_macro(CHANGED, command_path=COMMAND)

    headless.run_macro('newImage("mine", "8-bit black", 9, 9, 1);')
    with pytest.raises(MacroError, match="mine is not the image of a review"):
        headless.run_macro(CHANGED, command_path=COMMAND)
