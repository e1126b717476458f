"""An image gives planes by channel, slice and time, and says what it has when asked for more."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import BadInputError
from bridge.images import Image, PixelSize, from_array

DTYPES = ["|b1", "<u1", ">u2", "<i2", ">i4", "<u4", "<i8", "<f2", ">f4", "<f8"]


@given(data=st.data())
def test_a_plane_is_the_slice_of_the_array(data: st.DataObject) -> None:
    others = data.draw(st.sets(st.sampled_from("TCZ")))
    axes = "".join(data.draw(st.permutations(sorted(others | {"Y", "X"}))))
    sizes = {axis: data.draw(st.integers(1, 4), label=axis) for axis in axes}
    dtype = np.dtype(data.draw(st.sampled_from(DTYPES)))
    shape = [sizes[axis] for axis in axes]
    array = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    image = from_array(array, axes=axes)
    assert (image.axes, image.shape) == (axes, tuple(shape))

    at = {axis: data.draw(st.integers(0, sizes.get(axis, 1) - 1), label=axis) for axis in "TCZ"}
    plane = image.plane(at["C"], z=at["Z"], t=at["T"])

    whole = array[tuple(at.get(axis, slice(None)) for axis in axes)]
    expected = whole if axes.index("Y") < axes.index("X") else whole.T
    np.testing.assert_array_equal(plane, expected)
    assert plane.dtype == (np.uint8 if dtype.kind == "b" else dtype.newbyteorder("="))
    assert plane.dtype.isnative
    assert plane.flags.c_contiguous
    assert plane.flags.writeable
    assert not np.shares_memory(plane, array)


@given(data=st.data())
def test_a_slab_is_its_planes(data: st.DataObject) -> None:
    others = data.draw(st.sets(st.sampled_from("TCZ")))
    axes = "".join(data.draw(st.permutations(sorted(others | {"Y", "X"}))))
    sizes = {axis: data.draw(st.integers(1, 4), label=axis) for axis in axes}
    shape = [sizes[axis] for axis in axes]
    image = from_array(np.arange(np.prod(shape), dtype=">u2").reshape(shape), axes=axes)
    at = {axis: data.draw(st.integers(0, sizes.get(axis, 1) - 1), label=axis) for axis in "TC"}
    first = data.draw(st.integers(0, sizes.get("Z", 1) - 1))
    stop = data.draw(st.integers(first + 1, sizes.get("Z", 1)))

    slab = image.slab(at["C"], (first, stop), t=at["T"])

    planes = [image.plane(at["C"], z=z, t=at["T"]) for z in range(first, stop)]
    np.testing.assert_array_equal(slab, np.stack(planes))
    assert slab.dtype == planes[0].dtype
    assert slab.dtype.isnative
    assert slab.flags.c_contiguous
    assert slab.flags.writeable


def test_slices_that_are_not_there_make_no_slab() -> None:
    image = from_array(np.zeros((3, 4, 5)), axes="ZYX")
    for first, stop in ((0, 4), (-1, 2), (2, 2)):
        with pytest.raises(BadInputError, match="has no slice"):
            image.slab(None, (first, stop))


def test_the_planes_are_all_times_and_slices() -> None:
    image = from_array(np.zeros((2, 3, 4, 5)), axes="TZYX")
    assert list(image.planes()) == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    assert list(from_array(np.zeros((4, 5))).planes()) == [(0, 0)]


def test_sizes_and_what_is_known() -> None:
    array = np.zeros((3, 4, 5), np.uint16)
    image = from_array(array, axes="CYX", pixel_size=(0.5, 0.6), channels=["a", "", "b"], name="n")
    assert (image.width, image.height, image.size("C"), image.size("T")) == (5, 4, 3, 1)
    assert image.level_shapes == ((4, 5),)
    assert image.pixel_size == PixelSize(0.5, 0.6)
    assert image.channels == ("a", "C2", "b")
    assert (image.path, image.name, image.is_rgb) == (None, "n", False)
    assert repr(image) == "<Image 'n' CYX 3×4×5 uint16>"


def test_an_image_without_channel_axis_has_one_channel() -> None:
    image = from_array(np.ones((1, 1)))
    assert image.channels == ("C1",)
    assert image.plane().tolist() == [[1.0]]


@pytest.fixture
def stained() -> Image:
    """Channels as microscopes name them."""
    names = ["DAPI (405)", "TBR2", "SOX2", "sox2", "Cy5"]
    return from_array(np.zeros((5, 2, 2), np.uint8), axes="CYX", channels=names, name="s.tif")


@pytest.mark.parametrize(
    ("channel", "index"),
    [
        *((2, 2), ("2", 2), (" 0 ", 0), (np.int64(4), 4)),
        *(("TBR2", 1), ("tbr2", 1), ("SOX2", 2), ("sox2", 3)),
        *(("DAPI", 0), ("dapi", 0), ("405", 0), ("cy", 4)),
    ],
)
def test_channels_are_found_by_number_and_name(
    stained: Image, channel: int | str, index: int
) -> None:
    assert stained.channel_index(channel) == index


@pytest.mark.parametrize(
    ("channel", "problem"),
    [
        (5, "has no channel 5"),
        (-1, "has no channel -1"),
        ("40", "has no channel '40'"),
        ("sox", "has several channels that 'sox' fits (2 = SOX2 and 3 = sox2)"),
        ("GFP", "has no channel 'GFP'"),
        ("", "has no channel ''"),
        ("Sox2", "has several channels that 'Sox2' fits (2 = SOX2 and 3 = sox2)"),
        ("2", None),
        (None, "has 5 channels"),
    ],
)
def test_channels_that_are_not_there_are_refused_with_those_that_are(
    stained: Image, channel: Any, problem: str | None
) -> None:
    if problem is None:
        assert stained.plane(channel).shape == (2, 2)
        return
    with pytest.raises(BadInputError) as error:
        stained.plane(channel)
    assert str(error.value) == (
        f"s.tif: {problem}; choose a channel by number or name: "
        "0 = DAPI (405), 1 = TBR2, 2 = SOX2, 3 = sox2, 4 = Cy5"
    )


def test_of_a_colour_image_one_colour_is_chosen() -> None:
    array = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    image = from_array(array, axes="YXS")
    assert image.is_rgb
    assert (image.axes, image.channels) == ("YXC", ("R", "G", "B"))
    np.testing.assert_array_equal(image.plane("g"), array[..., 1])
    with pytest.raises(BadInputError, match=r"is a colour \(RGB\) image; choose --channel R, G or"):
        image.plane()


@pytest.mark.parametrize(
    ("at", "message"),
    [
        ({"z": 3}, "image: has no slice (z) 3; choose 0 to 2"),
        ({"z": -1}, "image: has no slice (z) -1; choose 0 to 2"),
        ({"t": 1}, "image: has no time point (t) 1; choose only 0"),
        ({"level": 1}, "image: has no pyramid level 1; choose 0 to 0"),
    ],
)
def test_planes_that_are_not_there_are_refused(at: dict[str, int], message: str) -> None:
    image = from_array(np.zeros((3, 4, 5)), axes="ZYX")
    with pytest.raises(BadInputError) as error:
        image.plane(**at)
    assert str(error.value) == message


@pytest.mark.parametrize("dtype", [np.complex64, "U3", object, "M8[s]"])
def test_only_grey_values_are_images(dtype: Any) -> None:
    with pytest.raises(BadInputError, match="not grey values; save it with 8 or 16 bit integers"):
        from_array(np.zeros((2, 2), dtype))


def test_arrays_that_are_no_images_are_refused() -> None:
    with pytest.raises(BadInputError, match="nothing says what its axes are; give --axes CYX"):
        from_array(np.zeros((2, 5, 6)))
    with pytest.raises(BadInputError, match="has 2 channels but 1 channel names"):
        from_array(np.zeros((2, 5, 6)), axes="CYX", channels=["DAPI"])
    with pytest.raises(BadInputError, match="is not a length"):
        from_array(np.zeros((5, 6)), pixel_size=0)


def test_a_closed_image_gives_no_planes() -> None:
    with from_array(np.zeros((2, 3))) as image:
        assert image.plane().shape == (2, 3)
    assert image.width == 3
    with pytest.raises(ValueError, match="is closed"):
        image.plane()


def test_a_mask_of_booleans_is_an_image_of_0_and_1() -> None:
    image = from_array(np.eye(3, dtype=bool))

    assert image.dtype == image.plane().dtype == np.uint8
    assert image.plane().tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]


def test_more_channels_than_any_image_has_are_a_damaged_header() -> None:
    claimed = np.broadcast_to(np.zeros((1, 1, 1), np.uint8), (2**40, 1, 1))

    with pytest.raises(BadInputError, match=r"claims to have 1099511627776 channels"):
        from_array(claimed, axes="CYX")
