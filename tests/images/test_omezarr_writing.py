"""An image written as OME-Zarr is the image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import zarr

from bridge.errors import BadInputError
from bridge.images import PixelSize, from_array, open_image
from bridge.images.omezarr_writing import write_ome_zarr
from tests.images.test_ome_tiff import SIZE, values


@pytest.mark.parametrize("axes", ["YX", "CYX", "ZCYX", "TCZYX", "CTYX"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "int64"])
def test_axes_channels_and_pixel_size_come_back(tmp_path: Path, axes: str, dtype: str) -> None:
    sizes = {"T": 2, "C": 3, "Z": 4, "Y": 1030, "X": 6}
    names = ["DAPI", "SOX2", "Tuj1"][: sizes["C"] if "C" in axes else 1]
    source = from_array(
        values(*(sizes[axis] for axis in axes), dtype=dtype),
        axes=axes,
        channels=names,
        pixel_size=SIZE,
    )

    write_ome_zarr(source, tmp_path / "a.ome.zarr")

    with open_image(tmp_path / "a.ome.zarr") as image:
        assert image.channels == tuple(names)
        assert image.dtype == dtype
        assert image.pixel_size == PixelSize(0.5, 0.25, 2.0 if "Z" in axes else None)
        assert [image.size(axis) for axis in "TCZ"] == [source.size(axis) for axis in "TCZ"]
        for t, z in source.planes():
            for c in range(len(names)):
                assert np.array_equal(image.plane(c, z=z, t=t), source.plane(c, z=z, t=t))


def test_zarr_itself_reads_it(tmp_path: Path) -> None:
    written = values(3, 20, 30)

    write_ome_zarr(from_array(written, axes="CYX"), tmp_path / "a.ome.zarr", channels=[2, 0])

    group = zarr.open_group(tmp_path / "a.ome.zarr", mode="r")
    assert np.array_equal(np.asarray(group["0"]), written[[2, 0]])


def test_label_images_are_not_lost(tmp_path: Path) -> None:
    source = from_array(values(20, 30), axes="YX")
    write_ome_zarr(source, tmp_path / "a.ome.zarr")
    write_ome_zarr(source, tmp_path / "a.ome.zarr")
    (tmp_path / "a.ome.zarr" / "labels").mkdir()

    with pytest.raises(BadInputError, match="holds label images, which would be lost"):
        write_ome_zarr(source, tmp_path / "a.ome.zarr")


def test_a_folder_of_something_else_stays(tmp_path: Path) -> None:
    (tmp_path / "a.ome.zarr").mkdir()
    (tmp_path / "a.ome.zarr" / "notes.txt").write_text("mine")

    with pytest.raises(BadInputError, match="is there and is no OME-Zarr image"):
        write_ome_zarr(from_array(values(20, 30), axes="YX"), tmp_path / "a.ome.zarr")
    assert (tmp_path / "a.ome.zarr" / "notes.txt").read_text() == "mine"
