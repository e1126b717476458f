"""Images as ilastik gets them: the user's own files where it reads them rightly, else copies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bridge.apps.ilastik.handing_over import (
    HandedImage,
    fit_axes,
    hand_over,
    hand_over_labels,
)
from bridge.errors import BadInputError
from bridge.formats.ilastik.lanes import LaneImage
from bridge.images import from_array, open_image
from bridge.images.omezarr_writing import write_ome_zarr
from tests.formats.ilastik.projects import tags


def lane(axes: str, *shape: int) -> LaneImage:
    return LaneImage(
        role="Raw Data",
        nickname="a",
        stored="a.tif",
        files=(),
        dataset="",
        axes=axes,
        shape=shape,
    )


def handed(path: Path, trained: LaneImage | None = None, axes: str | None = None) -> HandedImage:
    with open_image(path, axes=axes) as image:
        wanted = fit_axes(image, path, trained)
        return hand_over(image, path, wanted, path.parent / "copy.h5")


def content(image: HandedImage) -> tuple[NDArray[Any], str]:
    """Values and axes as ilastik reads them, by the path that it gets."""
    file, _, dataset = image.argument.partition(".h5/")
    with h5py.File(f"{file}.h5") as content:
        node = content[dataset]
        keys = [axis["key"] for axis in json.loads(node.attrs["axistags"])["axes"]]
        return node[()], "".join(keys).upper()


def numbered(*shape: int) -> NDArray[np.uint16]:
    return np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)


def test_a_plain_tiff_is_handed_over_as_it_is(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", numbered(3, 4))

    got = handed(tmp_path / "a.tif", lane("YX", 9, 9))

    assert (got.argument, got.axes) == (str(tmp_path / "a.tif"), "YX")


def test_hdf5_with_axistags_is_handed_over_as_it_is(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["vol/raw"] = numbered(2, 3, 4)
        file["vol/raw"].attrs["axistags"] = tags("CYX")

    got = handed(tmp_path / "a.h5", lane("YXC", 9, 9, 2))

    assert (got.argument, got.axes) == (f"{tmp_path / 'a.h5'}/vol/raw", "CYX")


def test_hdf5_with_the_attribute_axes_alone_is_copied(tmp_path: Path) -> None:
    # ilastik reads these axes in reversed order.
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["image"] = numbered(2, 3, 4, 5)
        file["image"].attrs["axes"] = "CZYX"

    got = handed(tmp_path / "a.h5", lane("CZYX", 2, 9, 9, 9), axes="CZYX")
    values, axes = content(got)

    assert (got.axes, axes) == ("ZCYX", "ZCYX")
    np.testing.assert_array_equal(values, numbered(2, 3, 4, 5).transpose(1, 0, 2, 3))


def test_axes_of_the_user_count_above_those_in_the_file(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["raw"] = numbered(2, 3, 4)
        file["raw"].attrs["axistags"] = tags("ZYX")

    got = handed(tmp_path / "a.h5", lane("YXC", 9, 9, 2), axes="CYX")

    assert content(got)[1] == got.axes == "CYX"


def test_ome_zarr_is_copied(tmp_path: Path) -> None:
    write_ome_zarr(from_array(numbered(2, 3, 4), axes="CYX"), tmp_path / "a.ome.zarr")

    values, axes = content(handed(tmp_path / "a.ome.zarr"))

    assert axes == "CYX"
    np.testing.assert_array_equal(values, numbered(2, 3, 4))


def test_fijis_hyperstack_of_five_axes_is_copied_without_those_of_size_1(tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif",
        numbered(1, 1, 2, 3, 4),
        imagej=True,
        metadata={"axes": "TZCYX"},
    )

    values, axes = content(handed(tmp_path / "a.tif", lane("CYX", 2, 9, 9)))

    assert axes == "CYX"
    np.testing.assert_array_equal(values, numbered(2, 3, 4))


def test_a_compressed_tiff_is_copied(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", numbered(30, 40), compression="zlib")

    np.testing.assert_array_equal(content(handed(tmp_path / "a.tif"))[0], numbered(30, 40))


def test_a_name_that_ilastik_takes_for_a_pattern_is_copied(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a[1].tif", numbered(3, 4))

    assert handed(tmp_path / "a[1].tif").argument == f"{tmp_path / 'copy.h5'}/exported_data"


@given(
    order=st.permutations("TZCYX"),
    sizes=st.fixed_dictionaries({axis: st.integers(1, 4) for axis in "TZCYX"}),
    trained=st.permutations("TZCYX").flatmap(lambda o: st.integers(0, 3).map(lambda n: o[n:])),
)
def test_every_pixel_arrives_under_its_own_axes(
    tmp_path: Path, order: list[str], sizes: dict[str, int], trained: list[str]
) -> None:
    shape = [sizes[axis] for axis in order]
    image = from_array(numbered(*shape), axes="".join(order))
    own = dict.fromkeys("TZYX", 9) | {"C": sizes["C"]}
    axes = "".join(t for t in trained if t != "Z" or sizes["Z"] > 1)
    if (sizes["C"] > 1 and "C" not in axes) or not {"Y", "X"} <= set(axes):
        axes = "YX" + ("C" if sizes["C"] > 1 else "")
    if sizes["Z"] > 1 and "Z" not in axes:
        axes += "Z"

    wanted = fit_axes(image, Path("a"), lane(axes, *(own[axis] for axis in axes)))
    values, got = content(hand_over(image, Path("a"), wanted, tmp_path / "copy.h5"))

    assert set(got) == set(axes) | ({"T"} if sizes["T"] > 1 else set())
    full = values.reshape([sizes[axis] for axis in "TZCYX"])
    expected = numbered(*shape).transpose([order.index(axis) for axis in "TZCYX"])
    np.testing.assert_array_equal(full, expected)


def test_values_that_ilastik_does_not_read_become_float32(tmp_path: Path) -> None:
    image = from_array(np.linspace(0, 1, 12).reshape(3, 4))

    values, _ = content(hand_over(image, Path("a"), "YX", tmp_path / "copy.h5"))

    assert values.dtype == np.float32


@pytest.mark.parametrize(
    ("shape", "axes", "trained", "problem"),
    [
        ((2, 3, 4), "CYX", lane("YX", 9, 9), "has 2 channels, and .* trained on images with 1"),
        ((3, 4), "YX", lane("YXC", 9, 9, 2), "has 1 channel, and .* trained on images with 2"),
        ((5, 3, 4), "ZYX", lane("YX", 9, 9), "a stack of 5 slices, and .* trained on planes"),
        ((3, 4), "YX", lane("ZYX", 7, 9, 9), "a plane, and .* trained on stacks of 7 slices"),
    ],
)
def test_an_image_unlike_those_of_the_project_is_refused(
    shape: tuple[int, ...], axes: str, trained: LaneImage, problem: str
) -> None:
    with pytest.raises(BadInputError, match=f"a.tif: .*{problem}"):
        fit_axes(from_array(numbered(*shape), axes=axes), Path("a.tif"), trained)


def test_time_is_no_dimension_that_a_project_must_know() -> None:
    image = from_array(numbered(5, 3, 4), axes="TYX")

    assert fit_axes(image, Path("a"), lane("YX", 9, 9)) == "TYX"


def test_an_axis_of_size_1_that_the_project_knows_is_added(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", numbered(3, 4))

    values, axes = content(handed(tmp_path / "a.tif", lane("TZYXC", 1, 1, 9, 9, 1)))

    assert (values.shape, axes) == ((1, 1, 1, 3, 4), "TZCYX")


def test_label_images_get_the_axes_of_their_image(tmp_path: Path) -> None:
    like = HandedImage("a", "ZCYX", {"T": 1, "Z": 1, "C": 2, "Y": 3, "X": 4})
    labels = numbered(3, 4) * 7

    values, axes = content(hand_over_labels(labels, "YX", like, tmp_path / "labels.h5"))

    assert (values.dtype.name, axes) == ("uint32", "ZYX")
    np.testing.assert_array_equal(values[0], labels)


def test_a_label_image_of_another_size_is_refused(tmp_path: Path) -> None:
    like = HandedImage("a", "YX", {"T": 1, "Z": 1, "C": 1, "Y": 3, "X": 5})

    with pytest.raises(BadInputError, match="is 3 x 4 pixels large, and the image 3 x 5"):
        hand_over_labels(numbered(3, 4), "YX", like, tmp_path / "labels.h5")
