"""Label images to ROIs and back, and ROIs shown for review."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import roifile
import shapely
import tifffile
from numpy.typing import NDArray

from bridge import Detections, ImageInfo, Segmenter, open_image
from bridge.apps.fiji import Fiji, MacroError
from tests.macros.conftest import MACROS, NO_SESSION

pytestmark = [pytest.mark.imagej, pytest.mark.network]
TO_ROIS = MACROS / "labels_to_rois.ijm"
TO_LABELS = MACROS / "rois_to_labels.ijm"
PUSH = MACROS / "push_rois.ijm"


def strange_labels() -> NDArray[np.uint16]:
    """Objects with a hole, in two pieces, touching at corners, around another one, of one pixel."""
    labels = np.zeros((40, 50), np.uint16)
    labels[2:12, 2:12] = 5
    labels[5:8, 5:8] = 0
    labels[2:5, 20:25] = labels[8:9, 30:31] = 7
    labels[15:18, 2:5] = labels[18:21, 5:8] = 300
    labels[22:34, 20:34] = 12
    labels[26:28, 24:27] = 4000
    labels[39, 49] = 1
    return labels


def test_label_image_becomes_rois_that_give_back_every_pixel(
    fiji: Fiji, folder: Path, mask: NDArray[np.uint16]
) -> None:
    tifffile.imwrite(folder / "a mask.tif", mask, imagej=True)
    zipped = folder / "roi" / "a rois.zip"

    result = fiji.run_macro(TO_ROIS, label_file=folder / "a mask.tif", roi_file=zipped)

    found = Detections.read(zipped)
    assert np.array_equal(found.to_labels(shape=mask.shape), mask)
    assert result.value == str(len(np.unique(mask)) - 1)
    assert len(result.rois) == len(found)
    assert f"wrote {zipped}" in result.printed


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_holes_pieces_and_corners_are_exact(fiji: Fiji, folder: Path, dtype: str) -> None:
    labels = strange_labels()
    tifffile.imwrite(folder / "a.tif", labels.astype(dtype), imagej=True)

    fiji.run_macro(TO_ROIS, label_file=folder / "a.tif", roi_file=folder / "a.zip")
    found = Detections.read(folder / "a.zip")

    assert np.array_equal(found.to_labels(shape=labels.shape), labels)
    sizes = dict(zip(*np.unique(labels[labels > 0], return_counts=True), strict=True))
    areas = found.objects.set_index("label").geometry.area
    assert {label: areas[label] for label in sizes} == sizes


def test_rois_of_a_stack_know_their_plane(fiji: Fiji, folder: Path) -> None:
    stack = np.zeros((2, 3, 40, 50), np.uint16)
    stack[0, 1] = strange_labels()
    stack[1, 2] = strange_labels()[::-1]
    tifffile.imwrite(folder / "s.tif", stack, imagej=True, metadata={"axes": "TZYX"})

    fiji.run_macro(TO_ROIS, label_file=folder / "s.tif", roi_file=folder / "s.zip")
    fiji.run_macro(
        TO_LABELS,
        roi_file=folder / "s.zip",
        image_file=folder / "s.tif",
        label_file=folder / "back.tif",
        show_labels=False,
    )

    found = Detections.read(folder / "s.zip").objects
    assert set(zip(found["t"], found["z"], strict=True)) == {(0, 1), (1, 2)}
    assert np.array_equal(tifffile.imread(folder / "back.tif"), stack)


def test_names_are_those_that_starbridge_gives(headless: Fiji, folder: Path) -> None:
    labels = strange_labels()
    tifffile.imwrite(folder / "a.tif", labels, imagej=True)
    headless.run_macro(TO_ROIS, label_file=folder / "a.tif", roi_file=folder / "macro.zip")
    Detections.from_labels(labels).write(folder / "python.zip")

    import zipfile

    names = [zipfile.ZipFile(folder / f"{n}.zip").namelist() for n in ("macro", "python")]
    assert sorted(names[0]) == sorted(names[1])


def test_twelve_thousand_nuclei_come_back(
    headless: Fiji, folder: Path, haug2_mask_path: Path
) -> None:
    mask = tifffile.imread(haug2_mask_path)
    headless.run_macro(TO_ROIS, label_file=haug2_mask_path, roi_file=folder / "a.zip")
    headless.run_macro(
        TO_LABELS,
        roi_file=folder / "a.zip",
        image_file=haug2_mask_path,
        label_file=folder / "back.tif",
        show_labels=False,
    )

    assert np.array_equal(Detections.read(folder / "a.zip").to_labels(shape=mask.shape), mask)
    assert np.array_equal(tifffile.imread(folder / "back.tif"), mask)


def test_rois_of_starbridge_become_labels(
    fiji: Fiji, folder: Path, mask: NDArray[np.uint16]
) -> None:
    Detections.from_labels(mask).write(folder / "a.zip")

    fiji.run_macro(
        TO_LABELS,
        roi_file=folder / "a.zip",
        given_width=512,
        given_height=512,
        label_file=folder / "a.tif",
    )

    back = tifffile.imread(folder / "a.tif")
    assert back.dtype == np.uint16
    assert np.array_equal(back, mask)


def test_labels_above_65535_are_kept_in_32_bits(headless: Fiji, folder: Path) -> None:
    labels = np.zeros((20, 20), np.uint32)
    labels[2:8, 2:8] = 70_001
    Detections.from_labels(labels, image=ImageInfo()).write(folder / "a.zip")
    headless.run_macro(
        TO_LABELS,
        roi_file=folder / "a.zip",
        given_width=20,
        given_height=20,
        label_file=folder / "a.tif",
    )

    assert np.array_equal(tifffile.imread(folder / "a.tif"), labels)


def test_an_image_is_shown_with_its_rois(
    fiji: Fiji, folder: Path, two_channels: Path, mask: NDArray[np.uint16]
) -> None:
    objects = Detections.from_labels(mask)
    objects.objects["color"] = "#12ab34"
    objects.write(folder / "a.zip")

    result = fiji.run_macro(PUSH, image_file=two_channels, roi_file=folder / "a.zip")

    (shown,) = result.images
    assert (shown.title, shown.channels) == (two_channels.name, 2)
    assert shown.pixel_size[:2] == pytest.approx((0.5, 0.5))
    assert np.array_equal(result.rois.to_labels(shape=mask.shape), mask)
    assert set(result.rois.objects["color"]) == {"#12ab34"}


def test_bad_label_images_are_named(headless: Fiji, folder: Path) -> None:
    def refused(values: NDArray[np.generic]) -> str:
        path = folder / "bad.tif"
        tifffile.imwrite(path, values)
        with pytest.raises(MacroError, match="labels_to_rois.ijm: ") as refusal:
            headless.run_macro(TO_ROIS, label_file=path, roi_file=folder / "no.zip")
        assert not (folder / "no.zip").exists()
        assert headless.images() == ()
        return str(refusal.value)

    half = np.full((5, 5), 1.5, np.float32)
    assert "labels are whole numbers" in refused(half)
    assert "below 0" in refused(-half)
    assert "colour image" in refused(np.zeros((5, 5, 3), np.uint8))
    assert "1,000,000" in refused(half * 2_000_000)


def test_files_that_are_none_are_named(headless: Fiji, folder: Path) -> None:
    (folder / "broken.tif").write_bytes(b"II*\0 is no TIFF")
    (folder / "broken.zip").write_bytes(b"PK is no zip")
    for labels, message in (
        (folder / "absent.tif", "absent.tif does not exist"),
        (folder / "broken.tif", "broken.tif cannot be opened as an image"),
        (folder, "is a folder"),
    ):
        with pytest.raises(MacroError, match=message):
            headless.run_macro(TO_ROIS, label_file=labels, roi_file=folder / "a.zip")
    with pytest.raises(MacroError, match="no label image"):
        headless.run_macro(TO_ROIS, roi_file=folder / "a.zip")
    for zipped, message in (
        ("absent.zip", "absent.zip does not exist"),
        ("broken.zip", "broken.zip cannot be read as a RoiSet.zip"),
        ("broken.tif", "broken.tif is no RoiSet.zip"),
    ):
        with pytest.raises(MacroError, match=message):
            headless.run_macro(
                TO_LABELS,
                roi_file=folder / zipped,
                given_width=5,
                given_height=5,
                label_file=folder / "l.tif",
            )
        assert not (folder / "l.tif").exists()


def test_without_window_javascript_or_starbridge_the_message_says_what_to_do(
    folder: Path, mask: NDArray[np.uint16]
) -> None:
    tifffile.imwrite(folder / "a.tif", mask, imagej=True)
    with Fiji("embedded") as fiji:
        fiji.run_macro(NO_SESSION)
        with pytest.raises(MacroError, match="neither|JavaScript"):
            fiji.run_macro(TO_ROIS, label_file=folder / "a.tif", roi_file=folder / "a.zip")
    assert not (folder / "a.zip").exists()


ONE_NUMBER = {
    "channels": ("CYX", (0, 0)),
    "frames": ("TYX", (2, 0)),
    "slices": ("ZYX", (0, 2)),
}
"""Axes of a stack of three planes, and the time point and slice that position 3 means in it."""


@pytest.mark.parametrize("kind", ONE_NUMBER)
def test_a_position_means_what_the_dimensions_make_of_it(
    fiji: Fiji, folder: Path, kind: str
) -> None:
    axes, plane = ONE_NUMBER[kind]
    image = folder / f"{kind}.tif"
    stack = np.stack([np.full((40, 50), 1000 * n, np.uint16) for n in (1, 2, 3)])
    tifffile.imwrite(image, stack, imagej=True, metadata={"axes": axes})
    roi = roifile.ImagejRoi.frompoints([[5, 5], [15, 5], [15, 15], [5, 15]])
    # as the ROI Manager adds it while the third plane is shown: no channel, slice or frame
    roi.position, roi.c_position, roi.z_position, roi.t_position = 3, 0, 0, 0
    roifile.roiwrite(folder / "r.zip", [roi])

    fiji.run_macro(
        TO_LABELS,
        roi_file=folder / "r.zip",
        image_file=image,
        label_file=folder / "labels.tif",
        show_labels=False,
    )
    fiji.run_macro(
        MACROS / "measure_rois.ijm",
        image_file=image,
        roi_file=folder / "r.zip",
        table_folder=folder / "tables",
    )

    with open_image(image) as opened:
        found = Detections.read(folder / "r.zip", image=opened.info)
    assert [tuple(row) for row in found.objects[["t", "z"]].to_numpy()] == [plane]
    assert np.array_equal(tifffile.imread(folder / "labels.tif"), found.to_labels())
    measured = pd.read_csv(folder / "tables" / f"{kind}_table.csv").iloc[0]
    brightest = measured["C3_Min"] if kind == "channels" else measured["C1_Min"]
    assert brightest == 3000


@pytest.mark.model
def test_star_outlines_at_the_border_belong_to_the_image(
    headless: Fiji, folder: Path, real_image: tuple[NDArray[Any], NDArray[Any]]
) -> None:
    pixels = real_image[0][100:260, 100:260]
    tifffile.imwrite(folder / "a.tif", pixels)
    with open_image(folder / "a.tif") as image:
        found = Segmenter.load("demo").segment(image, outline="star")
    left, top, right, bottom = found.objects.geometry.total_bounds
    assert min(left, top) < 0  # rays end beyond the border
    assert max(right, bottom) > 160
    found.write(folder / "a_rois.zip")

    result = headless.run_macro(PUSH, image_file=folder / "a.tif", roi_file=folder / "a_rois.zip")

    assert len(result.rois) == len(found)
    assert "do they belong" not in result.printed


def test_rois_of_another_image_are_pointed_out(headless: Fiji, folder: Path) -> None:
    tifffile.imwrite(folder / "small.tif", np.zeros((30, 40), np.uint8))
    boxes = [(38, 28, 44, 34), (-3, -3, 1, 1), (40, 5, 45, 9), (5, 30, 9, 40), (-9, 5, 0, 9)]
    Detections.from_polygons([shapely.box(*box) for box in boxes]).write(folder / "big.zip")

    result = headless.run_macro(PUSH, image_file=folder / "small.tif", roi_file=folder / "big.zip")

    assert "3 of 5 ROIs lie outside the image; do they belong to small.tif?" in result.printed
