"""An image written as OME-TIFF is the image."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.images import PixelSize, from_array, open_image
from bridge.images.ome_tiff import write_ome_tiff

SIZE = PixelSize(0.5, 0.25, 2.0)


def values(*shape: int, dtype: str = "uint16") -> NDArray[Any]:
    return (np.arange(np.prod(shape)).reshape(shape) % 251).astype(dtype)


@given(
    order=st.permutations("TCZ"),
    sizes=st.tuples(*(st.integers(1, 3) for _ in range(3))),
    dtype=st.sampled_from(["uint8", "int8", "uint16", "int32", "float32", "float64"]),
)
def test_axes_channels_and_pixel_size_come_back(
    tmp_path_factory: pytest.TempPathFactory,
    order: list[str],
    sizes: tuple[int, int, int],
    dtype: str,
) -> None:
    path = tmp_path_factory.mktemp("written") / "a.ome.tif"
    axes = "".join(order) + "YX"
    names = ["DAPI", "SOX2", "Tuj1"][: sizes[order.index("C")]]
    source = from_array(
        values(*sizes, 7, 6, dtype=dtype), axes=axes, channels=names, pixel_size=SIZE
    )

    write_ome_tiff(source, path)

    with open_image(path) as image:
        assert image.channels == tuple(names)
        assert image.pixel_size == SIZE
        assert image.dtype == dtype
        assert [image.size(axis) for axis in "TCZ"] == [source.size(axis) for axis in "TCZ"]
        for t, z in source.planes():
            for c in range(len(names)):
                assert np.array_equal(image.plane(c, z=z, t=t), source.plane(c, z=z, t=t))


def test_four_channels_are_an_array_of_four_channels(tmp_path: Path) -> None:
    written = values(4, 20, 30)

    write_ome_tiff(from_array(written, axes="CYX"), tmp_path / "a.ome.tif")

    # other programs read it without starbridge
    read = tifffile.imread(tmp_path / "a.ome.tif")
    assert (read.shape, str(read.dtype)) == ((4, 20, 30), "uint16")
    assert np.array_equal(read, written)


def test_chosen_channels_are_written_in_their_order(tmp_path: Path) -> None:
    source = from_array(values(3, 5, 6), axes="CYX", channels=["DAPI", "GFP", "SOX2"])

    write_ome_tiff(source, tmp_path / "a.ome.tif", channels=["SOX2", 0])

    with open_image(tmp_path / "a.ome.tif") as image:
        assert image.channels == ("SOX2", "DAPI")
        assert np.array_equal(image.plane(0), source.plane("SOX2"))
    with pytest.raises(BadInputError, match="with a channel twice"):
        write_ome_tiff(source, tmp_path / "b.ome.tif", channels=["GFP", 1])
    assert not (tmp_path / "b.ome.tif").exists()


@pytest.mark.parametrize("samples", [3, 4])
def test_colours_stay_colours(tmp_path: Path, samples: int) -> None:
    source = from_array(values(5, 6, samples, dtype="uint8"), axes="YXS")

    write_ome_tiff(source, tmp_path / "a.ome.tif")

    with open_image(tmp_path / "a.ome.tif") as image:
        assert (image.is_rgb, len(image.channels)) == (True, samples)
        assert np.array_equal(image.plane("B"), source.plane("B"))


def test_floats_of_16_bits_become_those_of_32(tmp_path: Path) -> None:
    source = from_array(np.array([[0.1, 1], [2, 65504]], np.float16), axes="YX")

    write_ome_tiff(source, tmp_path / "a.ome.tif")

    with open_image(tmp_path / "a.ome.tif") as image:
        assert image.dtype == np.float32
        assert np.array_equal(image.plane(), source.plane())


def test_integers_of_64_bits_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="int64, which OME-TIFF does not have"):
        write_ome_tiff(from_array(np.zeros((3, 4), np.int64)), tmp_path / "a.ome.tif")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_plane_leaves_the_old_file(tmp_path: Path) -> None:
    source = tmp_path / "source.tif"
    tifffile.imwrite(
        source,
        values(3, 64, 64),
        metadata={"axes": "CYX"},
        compression="zlib",
        photometric="minisblack",
    )
    with tifffile.TiffFile(source) as file:
        start = file.pages[2].dataoffsets[0]
    data = bytearray(source.read_bytes())
    data[start : start + 20] = bytes(20)
    source.write_bytes(data)
    target = tmp_path / "a.ome.tif"
    target.write_bytes(b"before")

    with open_image(source) as image, pytest.raises(BadInputError, match="damaged"):
        write_ome_tiff(image, target)

    assert target.read_bytes() == b"before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.ome.tif", "source.tif"]


def test_one_plane_is_in_memory(tmp_path: Path) -> None:
    shape = (40, 256, 256)
    tifffile.imwrite(tmp_path / "source.tif", values(*shape), metadata={"axes": "ZYX"})
    plane = 2 * 256 * 256

    with open_image(tmp_path / "source.tif") as image:
        tracemalloc.start()
        try:
            write_ome_tiff(image, tmp_path / "a.ome.tif")
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert most < 10 * plane
