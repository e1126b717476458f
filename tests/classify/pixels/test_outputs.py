"""Files of probabilities, read by others than who wrote them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile
import zarr
from numpy.typing import NDArray

from bridge.classify.pixels import outputs
from bridge.classify.pixels.outputs import Raster, encode, open_raster
from bridge.errors import BadInputError
from bridge.images.info import ImageInfo, PixelSize

INFO = ImageInfo(
    name="a", width=7, height=10, size_z=3, size_t=2, pixel_size=PixelSize(y=0.5, x=0.25, z=2.0)
)


def write(path: Path, file_format: Any, dtype: Any = np.float32) -> NDArray[Any]:
    """Write (T, Z, C, Y, X) values by rows of 4, and return them."""
    rng = np.random.default_rng(0)
    values = (rng.random((2, 3, 2, 10, 7)) * 200).astype(dtype)
    raster = Raster(INFO, ("one", "two"), np.dtype(dtype))
    with open_raster(path, file_format, raster, 4) as writer:
        for t in range(2):
            for y in range(0, 10, 4):
                for z in range(3):
                    writer.write(values[t, z, :, y : y + 4], t, z, y)
    return values


def test_hdf5_is_laid_out_as_ilastik_does(tmp_path: Path) -> None:
    values = write(tmp_path / "a.h5", "hdf5")
    with h5py.File(tmp_path / "a.h5") as file:
        dataset = file["exported_data"]
        np.testing.assert_array_equal(dataset[()], np.moveaxis(values, 2, -1))
        tags = json.loads(dataset.attrs["axistags"])["axes"]
        assert [tag["key"] for tag in tags] == ["t", "z", "y", "x", "c"]
        assert [tag["resolution"] for tag in tags] == [0, 2.0, 0.5, 0.25, 0]
        assert dataset.attrs["drange"].tolist() == [0, 1]


@pytest.mark.parametrize("dtype", [np.float32, np.uint8, np.uint16])
def test_tiff_is_a_hyperstack_of_imagej(tmp_path: Path, dtype: Any) -> None:
    values = write(tmp_path / "a.tif", "tiff", dtype)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        np.testing.assert_array_equal(file.asarray(), values)
        metadata = file.imagej_metadata
        assert metadata is not None
        assert [metadata[key] for key in ("frames", "slices", "channels")] == [2, 3, 2]
        assert metadata["unit"] in ("um", "µm")
        assert metadata["spacing"] == 2.0
        assert metadata["Labels"][:2] == ["one", "two"]
        x, y = (file.pages.first.tags[f"{axis}Resolution"].value for axis in "XY")
        assert x[0] / x[1] == pytest.approx(4)
        assert y[0] / y[1] == pytest.approx(2)


def test_above_4_gb_tiff_is_ome(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "_CLASSIC_TIFF_LIMIT", 100)
    values = write(tmp_path / "a.tif", "tiff")
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.is_bigtiff
        assert file.is_ome
        np.testing.assert_array_equal(file.asarray(), values)
        assert 'PhysicalSizeX="0.25"' in str(file.ome_metadata)


def test_zarr_is_read_by_its_own_library(tmp_path: Path) -> None:
    values = write(tmp_path / "a.ome.zarr", "ome-zarr")
    array: Any = zarr.open_group(tmp_path / "a.ome.zarr", mode="r")["0"]
    np.testing.assert_array_equal(np.asarray(array[:]), np.moveaxis(values, 1, 2))
    (scales,) = json.loads((tmp_path / "a.ome.zarr/.zattrs").read_text())["multiscales"]
    assert [axis["name"] for axis in scales["axes"]] == ["t", "c", "z", "y", "x"]
    (transformation,) = scales["datasets"][0]["coordinateTransformations"]
    assert transformation["scale"] == [1, 1, 2.0, 0.5, 0.25]


def test_whole_numbers_use_all_their_range() -> None:
    values = np.array([0, 0.25, 1], np.float32)
    assert encode(values, "uint8").tolist() == [0, 64, 255]
    assert encode(values, "uint16").tolist() == [0, 16384, 65535]
    assert encode(values, "float32") is values


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    raster = Raster(INFO, ("one",), np.dtype(np.float32))
    with pytest.raises(BadInputError, match="cannot be written"):
        open_raster(tmp_path / "file/a.h5", "hdf5", raster, 4)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("file_format", ["hdf5", "tiff"])
def test_a_full_disk_is_one_line(tmp_path: Path, file_format: Any) -> None:
    raster = Raster(INFO, ("one",), np.dtype(np.float32))
    rows = np.zeros((1, 10, 7), np.float32)
    writer = open_raster(tmp_path / "a", file_format, raster, 10)
    flat: Any = writer._writer
    flat._file.close()
    problem = pytest.raises(BadInputError, match="a: cannot be written: the disk is full")
    with Path("/dev/full").open("wb", buffering=0) as flat._file, problem, writer:
        writer.write(rows, 0, 0, 0)
