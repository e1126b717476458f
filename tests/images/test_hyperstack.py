"""Images as ImageJ's hyperstacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from bridge import PixelSize, open_image
from bridge.errors import BadInputError
from bridge.images import from_array
from bridge.images.hyperstack import write_hyperstack


@pytest.mark.parametrize(
    ("shape", "axes"),
    [((3, 2, 4, 5, 6), "TZCYX"), ((5, 1), "YX"), ((4, 7, 8), "CYX"), ((2, 1, 9), "ZYX")],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_every_plane_is_kept(
    tmp_path: Path, shape: tuple[int, ...], axes: str, dtype: type[Any]
) -> None:
    pixels = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    channels = [f"channel {c}" for c in range(shape[axes.index("C")])] if "C" in axes else ()
    image = from_array(pixels, axes=axes, pixel_size=PixelSize(0.5, 0.25), channels=channels)

    write_hyperstack(image, tmp_path / "stack.tif")

    with open_image(tmp_path / "stack.tif") as found:
        assert found.dtype == dtype
        assert found.pixel_size == PixelSize(0.5, 0.25)
        assert found.channels == image.channels
        for t, z in image.planes():
            for c in range(len(image.channels)):
                assert np.array_equal(found.plane(c, z=z, t=t), image.plane(c, z=z, t=t))


@pytest.mark.parametrize("dtype", [np.int32, np.uint32, np.float64, np.int8, np.float16])
def test_values_that_imagej_has_no_type_for_become_floats(tmp_path: Path, dtype: type[Any]) -> None:
    pixels = np.array([[0, 1, 100], [7, 5, 3]], dtype)

    write_hyperstack(from_array(pixels), tmp_path / "x.tif")

    assert tifffile.imread(tmp_path / "x.tif").dtype == np.float32
    assert np.array_equal(tifffile.imread(tmp_path / "x.tif"), pixels)


def test_values_that_a_float_cannot_hold_are_refused(tmp_path: Path) -> None:
    image = from_array(np.full((2, 2), 2**24 + 1, np.uint32), name="labels")

    with pytest.raises(BadInputError, match="labels: holds values up to 16,777,217"):
        write_hyperstack(image, tmp_path / "x.tif")

    assert not list(tmp_path.iterdir())


def test_more_than_4_gb_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    pixels = np.broadcast_to(np.uint16(0), (60_000, 60_000))

    with pytest.raises(BadInputError, match=r"has 7\.2 GB of pixels, and ImageJ's TIFF holds 4 GB"):
        write_hyperstack(from_array(pixels, name="whole slide"), tmp_path / "x.tif")

    assert not list(tmp_path.iterdir())
