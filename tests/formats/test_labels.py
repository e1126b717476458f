"""Label TIFFs: ours as others read them, and others' as they come."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from bridge import Detections, ImageInfo, PixelSize, open_image
from bridge.errors import BadInputError

LABELS = np.array([[0, 3, 3], [9, 9, 0]])


@pytest.mark.parametrize(
    "dtype", ["uint8", "uint16", "int16", "int32", "uint32", "float32", "float64"]
)
def test_labels_of_cellpose_ilastik_and_others_are_read_in_any_type(
    tmp_path: Path, dtype: str
) -> None:
    tifffile.imwrite(tmp_path / "masks.tif", LABELS.astype(dtype))

    found = Detections.read(tmp_path / "masks.tif")

    assert found.objects["label"].tolist() == [3, 9]
    assert np.array_equal(found.to_labels(), LABELS)


def test_pixel_size_and_unit_are_always_written(tmp_path: Path) -> None:
    for largest, name in ((300, "small"), (70_000, "large")):
        labels = np.zeros((5, 6), np.uint32)
        labels[1, 2] = largest
        info = ImageInfo(pixel_size=PixelSize(0.25, 0.5))
        Detections.from_labels(labels, image=info).write(tmp_path / f"{name}.tif")
        with open_image(tmp_path / f"{name}.tif") as image:
            assert image.pixel_size is not None
            assert (image.pixel_size.y, image.pixel_size.x) == pytest.approx((0.25, 0.5), rel=1e-6)


def test_the_type_is_uint16_up_to_65535_and_uint32_beyond(tmp_path: Path) -> None:
    for largest, dtype in ((65_535, "uint16"), (65_536, "uint32")):
        labels = np.array([[0, largest]])
        Detections.from_labels(labels).write(tmp_path / "a.tif")
        assert tifffile.imread(tmp_path / "a.tif").dtype == dtype


def test_a_stack_says_what_its_axes_are(tmp_path: Path) -> None:
    stack = np.zeros((2, 3, 4, 5), np.uint16)
    stack[1, 2, 1, 1] = 4
    Detections.from_labels(stack, axes="TZYX").write(tmp_path / "stack.tif")

    with tifffile.TiffFile(tmp_path / "stack.tif") as tif:
        assert tif.is_imagej
        assert tif.series[0].axes == "TZYX"


@pytest.mark.parametrize("largest", [9, 70_000])
def test_a_stack_of_many_strips_is_written_whole(tmp_path: Path, largest: int) -> None:
    stack = np.zeros((3, 301, 2000), np.uint32)
    stack[:, ::7, ::3], stack[2, -1, -1] = 5, largest
    Detections.from_labels(stack, axes="ZYX").write(tmp_path / "stack.tif")

    with tifffile.TiffFile(tmp_path / "stack.tif") as tif:
        assert len(tif.pages[0].dataoffsets) > 1
        assert np.array_equal(tif.asarray(), stack)


def test_the_size_must_be_known(tmp_path: Path, square: Detections) -> None:
    unknown = replace(square, image=ImageInfo(name="table"))

    with pytest.raises(BadInputError, match="size of the image is not known"):
        unknown.write(tmp_path / "a.tif")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array([[0, 0.5]], np.float32), "holds fractions"),
        (np.array([[0, np.nan]], np.float32), "NaN or infinite"),
        (np.array([[0, -1]], np.int16), "negative"),
        (np.zeros((4, 9, 9), np.uint16), "nothing says what the first axis is"),
    ],
)
def test_what_is_no_label_image_is_said(tmp_path: Path, array: Any, message: str) -> None:
    path = tmp_path / "labels.tif"
    tifffile.imwrite(path, array, photometric="minisblack", metadata=None)

    with pytest.raises(BadInputError, match=message) as failed:
        Detections.read(path)
    assert str(failed.value).startswith(str(path))


def test_a_microscope_image_is_not_taken_for_labels(tmp_path: Path) -> None:
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, np.ones((4, 9, 9), np.uint16), imagej=True, metadata={"axes": "CYX"})

    with pytest.raises(BadInputError, match="has 4 channels, but a label image has one"):
        Detections.read(path)


def test_axes_may_be_given(tmp_path: Path) -> None:
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, np.ones((4, 9, 9), np.uint16), photometric="minisblack", metadata=None)

    assert Detections.read(path, axes="ZYX").label_axes() == "ZYX"
