"""Files of crops, as ilastik, Fiji and StarDist read them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
import tifffile

from bridge import Detections, PixelSize, open_image
from bridge.errors import BadInputError
from bridge.images import from_array
from bridge.select import crop
from bridge.select.crop_files import crop_paths, write_crop, write_image_hdf5
from tests.select.sections import nuclei


def test_a_pair_of_images_and_labels_and_what_the_labels_are(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 4096, (3, 40, 60)).astype(np.uint16)
    names = ("DAPI", "488", "555")
    image = from_array(pixels, axes="CYX", channels=names, pixel_size=0.5, name="Pa_s1")
    made = crop(image, nuclei(), (20, 30), "bottom-right")

    paths = crop_paths("Pa_s1", ["tif", "h5"])
    write_crop(made, tmp_path, paths)

    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.*")) == [
        "images/Pa_s1_crop.h5",
        "images/Pa_s1_crop.tif",
        "labels/Pa_s1_crop_labels.h5",
        "labels/Pa_s1_crop_labels.tif",
        "labels/Pa_s1_crop_objects.csv",
    ]
    expected = np.searchsorted([0, 9, 12, 700], nuclei()[20:, 30:])
    for kind in ("tif", "h5"):
        with open_image(tmp_path / f"images/Pa_s1_crop.{kind}") as found:
            assert found.dtype == np.uint16
            assert found.pixel_size == PixelSize(0.5, 0.5)
            for channel in range(3):
                assert np.array_equal(found.plane(channel), pixels[channel, 20:, 30:])
        labels = Detections.read(tmp_path / f"labels/Pa_s1_crop_labels.{kind}")
        assert np.array_equal(labels.to_labels(), expected)
    with open_image(tmp_path / "images/Pa_s1_crop.tif") as found:
        assert found.channels == names
    assert tifffile.imread(tmp_path / "labels/Pa_s1_crop_labels.tif").dtype == np.uint16
    table = pd.read_csv(tmp_path / "labels/Pa_s1_crop_objects.csv")
    assert table["original_label"].tolist() == [9, 12, 700]


def test_ilastik_finds_axes_of_image_and_labels(tmp_path: Path) -> None:
    image = from_array(np.zeros((2, 40, 60), np.uint8), axes="CYX", channels=["DAPI", "488"])
    write_crop(crop(image, nuclei(), (20, 30)), tmp_path, crop_paths("a", ["h5"]))

    with h5py.File(tmp_path / "images/a_crop.h5") as file:
        assert list(file) == ["data"]
        data = file["data"]
        tags = json.loads(data.attrs["axistags"])["axes"]
        assert [(tag["key"], tag["typeFlags"]) for tag in tags] == [("y", 2), ("x", 2), ("c", 1)]
        assert data.shape == (20, 30, 2)
        assert json.loads(data.attrs["image"])["channels"] == ["DAPI", "488"]
    with h5py.File(tmp_path / "labels/a_crop_labels.h5") as file:
        tags = json.loads(file["labels"].attrs["axistags"])["axes"]
        assert [tag["key"] for tag in tags] == ["y", "x"]


@pytest.mark.parametrize(
    ("shape", "axes"), [((5, 6), "YX"), ((2, 3, 5, 6), "ZCYX"), ((2, 3, 2, 5, 6), "TZCYX")]
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.float32])
def test_hdf5_keeps_every_plane_and_type(
    tmp_path: Path, shape: tuple[int, ...], axes: str, dtype: type[Any]
) -> None:
    values = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    image = from_array(values, axes=axes, pixel_size=(2.0, 0.5, 0.25))

    write_image_hdf5(image, tmp_path / "x.h5")

    with open_image(tmp_path / "x.h5") as found:
        assert found.dtype == dtype
        assert found.pixel_size == image.pixel_size
        for t, z in image.planes():
            for channel in range(image.size("C")):
                read, given = (i.plane(channel, z=z, t=t) for i in (found, image))
                assert np.array_equal(read, given)


def test_unknown_formats_are_refused() -> None:
    with pytest.raises(BadInputError, match="'png' is not one of them; choose from tif, h5"):
        crop_paths("a", ["tif", "png"])
