"""Images as a project refers to them, with an axis for each dimension that ilastik sees."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile
import zarr

from bridge.errors import BadInputError
from bridge.formats.ilastik.input_images import copied, input_image, name_dimensions
from bridge.images import open_image
from tests.formats.ilastik.projects import tags


def _tiff(path: Path, axes: str, shape: tuple[int, ...], **options: Any) -> Path:
    values = np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)
    tifffile.imwrite(path, values, metadata={"axes": axes}, photometric="minisblack", **options)
    return path


@pytest.mark.parametrize(
    ("axes", "shape"),
    [
        ("YX", (30, 40)),
        ("CYX", (3, 30, 40)),
        ("ZYX", (5, 30, 40)),
        ("TYX", (5, 30, 40)),
        ("ZCYX", (5, 2, 30, 40)),
        ("TZCYX", (2, 5, 3, 30, 40)),
    ],
)
@pytest.mark.parametrize("kind", ["plain", "ome", "imagej"])
def test_a_tiff_stays_where_it_is(
    tmp_path: Path, axes: str, shape: tuple[int, ...], kind: str
) -> None:
    options: dict[str, Any] = {} if kind == "plain" else {kind: True}
    file = _tiff(tmp_path / "a.tif", axes, shape, **options)

    image = input_image(file, tmp_path / "p.ilp")

    with tifffile.TiffFile(file) as tiff:  # what ilastik opens it with
        assert image.shape == tiff.series[0].shape
    assert (image.file, image.dataset, image.is_copy) == (file, "", False)
    assert dict(zip(image.axes, image.shape, strict=True)) == dict(zip(axes, shape, strict=True))


def test_a_re_save_of_fiji_with_five_dimensions_has_five_axes(tmp_path: Path) -> None:
    file = tmp_path / "a.tif"
    tifffile.imwrite(file, np.zeros((1, 1, 3, 30, 40), np.uint16), metadata={"axes": "TZCYX"})

    image = input_image(file, tmp_path / "p.ilp")

    assert (image.axes, image.shape) == ("TZCYX", (1, 1, 3, 30, 40))


@pytest.mark.parametrize(
    ("axes", "shape"),
    [
        ("xyc", (40, 30, 3)),
        ("zyxc", (5, 30, 40, 1)),
        ("tzyxc", (1, 5, 30, 40, 2)),
        ("tzyxc", (1, 1, 30, 40, 1)),
        ("cyx", (1, 30, 40)),
        ("cyx", (2, 1, 40)),
    ],
)
def test_hdf5_keeps_the_axes_that_it_names(
    tmp_path: Path, axes: str, shape: tuple[int, ...]
) -> None:
    file = tmp_path / "a.h5"
    with h5py.File(file, "w") as content:
        content["volume/data"] = np.zeros(shape, np.uint8)
        content["volume/data"].attrs["axistags"] = tags(axes)

    image = input_image(file, tmp_path / "p.ilp")

    assert (image.axes, image.shape) == (axes.upper(), shape)
    assert (image.file, image.dataset) == (file, "volume/data")


@pytest.mark.parametrize("told", [None, "CZYX"])
def test_a_project_tells_ilastik_the_axes_of_hdf5_that_only_other_tools_read(
    tmp_path: Path, told: str | None
) -> None:
    file = tmp_path / "a.h5"
    with h5py.File(file, "w") as content:
        content["image"] = np.zeros((2, 5, 30, 40), np.uint16)
        content["image"].attrs["axes"] = "CZYX"  # ilastik would read it in reversed order

    image = input_image(file, tmp_path / "p.ilp", axes=told)

    assert (image.axes, image.shape) == ("CZYX", (2, 5, 30, 40))


def test_one_of_several_datasets_is_named(tmp_path: Path) -> None:
    file = tmp_path / "a.h5"
    with h5py.File(file, "w") as content:
        for name in ("one", "two"):
            content[name] = np.zeros((30, 40), np.uint8)
            content[name].attrs["axistags"] = tags("yx")

    assert input_image(f"{file}#two", tmp_path / "p.ilp").dataset == "two"


def test_what_ilastik_does_not_read_is_copied_beside_the_project(tmp_path: Path) -> None:
    folder = tmp_path / "a.zarr"
    values = np.arange(2 * 5 * 30 * 40, dtype=np.uint16).reshape(2, 5, 30, 40)
    group = zarr.open_group(folder, mode="w", zarr_format=2)
    group.create_array("0", shape=values.shape, dtype="u2", chunks=(1, 1, 16, 16))[...] = values
    axes = [{"name": n, "type": "channel" if n == "c" else "space"} for n in "czyx"]
    steps = [{"type": "scale", "scale": [1.0, 1.0, 0.5, 0.5]}]
    datasets = [{"path": "0", "coordinateTransformations": steps}]
    multiscales: list[Any] = [{"axes": axes, "datasets": datasets, "version": "0.4"}]
    group.attrs["multiscales"] = multiscales

    image = input_image(folder, tmp_path / "p.ilp")

    assert image.is_copy
    assert image.file == tmp_path / "p_images/a.h5"
    assert (image.axes, image.shape) == ("ZCYX", (5, 2, 30, 40))
    with h5py.File(image.file) as file:
        stored = file["exported_data"]
        assert (stored[()] == values.transpose(1, 0, 2, 3)).all()
        assert [a["key"] for a in json.loads(stored.attrs["axistags"])["axes"]] == [*"zcyx"]
    with open_image(image.file) as again:
        assert (again.plane(1, z=3) == values[1, 3]).all()


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_values_that_ilastik_has_no_type_for_are_copied(tmp_path: Path, dtype: str) -> None:
    file = tmp_path / "a.tif"
    tifffile.imwrite(file, np.linspace(0, 1, 1200).reshape(30, 40).astype(dtype))

    image = input_image(file, tmp_path / "p.ilp")

    with h5py.File(image.file) as content:
        assert content["exported_data"].dtype == np.float32


def test_one_of_several_images_in_a_tiff_is_copied(tmp_path: Path) -> None:
    file = tmp_path / "a.tif"
    with tifffile.TiffWriter(file, ome=True) as writer:
        for size in (30, 20):
            writer.write(np.full((size, 40), size, np.uint16), photometric="minisblack")

    image = input_image(f"{file}#1", tmp_path / "p.ilp")

    assert image.is_copy
    with h5py.File(image.file) as content:
        assert (content["exported_data"][()] == 20).all()


@pytest.mark.parametrize("name", ["a[1].tif", "a*.tif", "a;b.tif", "a:b.tif"])
def test_names_that_ilastik_takes_for_patterns_are_refused(tmp_path: Path, name: str) -> None:
    file = _tiff(tmp_path / name, "YX", (30, 40))

    with pytest.raises(BadInputError, match="pattern"):
        input_image(file, tmp_path / "p.ilp")


def test_a_copy_that_cannot_be_read_leaves_nothing(tmp_path: Path) -> None:
    file = _tiff(tmp_path / "a.tif", "ZYX", (5, 30, 40))
    with open_image(file) as image:
        image.close()
        with pytest.raises(ValueError, match="closed"):
            copied(image, tmp_path / "p.ilp", "a")

    assert not [*(tmp_path / "p_images").iterdir()]


@pytest.mark.parametrize(
    ("own", "shape", "axes", "sizes", "expected"),
    [
        ("QYX", (1, 30, 40), "YX", (30, 40), "ZYX"),
        ("CYX", (1, 30, 40), "YX", (30, 40), "CYX"),
        ("", (1, 1, 30, 40, 1), "YX", (30, 40), "ZTYXC"),
        ("", (30, 40, 3), "CYX", (3, 30, 40), None),
        ("YX", (30, 40), "CYX", (2, 30, 40), None),
        ("YX", (30, 41), "YX", (30, 40), None),
        ("YX", (1, 40), "YX", (1, 40), "YX"),
        ("", (1, 1, 40), "YX", (1, 40), "YZX"),
        ("ZYX", (1, 1, 40), "YX", (1, 40), "ZYX"),
    ],
)
def test_each_dimension_gets_an_axis(
    own: str, shape: tuple[int, ...], axes: str, sizes: tuple[int, ...], expected: str | None
) -> None:
    assert name_dimensions(own, shape, axes, sizes) == expected
