"""TIFF files whose headers declare what they do not hold are refused, whatever the layout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile

from bridge.errors import BadInputError
from bridge.images import open_image
from tests.images.microscope_files import planes, write_lsm, write_micro_manager, write_stk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LAYOUTS: dict[str, dict[str, Any]] = {
    "strip": {},
    "strips": {"rowsperstrip": 8},
    "tiles": {"tile": (16, 16)},
    "compressed": {"compression": "zlib", "rowsperstrip": 8},
    "BigTIFF": {"bigtiff": True},
}


def write_pages(path: Path, stack: Any, layout: str) -> None:
    """A page a plane, without a description."""
    with tifffile.TiffWriter(path, bigtiff="bigtiff" in LAYOUTS[layout]) as writer:
        options = {k: v for k, v in LAYOUTS[layout].items() if k != "bigtiff"}
        for plane in stack:
            writer.write(plane, metadata=None, contiguous=False, **options)


def change_last(path: Path, page: int, names: tuple[str, str], value: int) -> None:
    """Overwrite the last offset, or byte count, of a page."""
    with tifffile.TiffFile(path, mode="r+") as file:
        chosen: Any = file.pages[page]
        tags = chosen.tags
        tag = next(tags[name] for name in names if name in tags)
        values = list(tag.value)
        tag.overwrite([*values[:-1], value], dtype="I" if len(values) == 1 else None)


OFFSETS = ("TileOffsets", "StripOffsets")
COUNTS = ("TileByteCounts", "StripByteCounts")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("page", [0, 2])
@pytest.mark.parametrize(
    ("names", "value", "problem"),
    [
        (OFFSETS, 0, "was never written"),
        (OFFSETS, 10**8, "is cut short"),
        (COUNTS, 0, "was never written"),
    ],
)
def test_pixels_nowhere_beyond_the_end_or_of_no_bytes(
    tmp_path: Path, layout: str, page: int, names: tuple[str, str], value: int, problem: str
) -> None:
    path = tmp_path / "a.tif"
    write_pages(path, planes(4), layout)
    with open_image(path, axes="ZYX") as image:
        assert image.shape == (4, 32, 40)
    change_last(path, page, names, value)
    with pytest.raises(BadInputError, match=problem):
        open_image(path, axes="ZYX")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_pages_that_are_fewer_than_the_shape_that_is_noted(tmp_path: Path, layout: str) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, planes(5), metadata={"axes": "ZYX"}, **LAYOUTS[layout])
    redescribe(path, lambda text: text.replace("[5, 32", "[6, 32"))
    with pytest.raises(BadInputError, match="declares 6 × 32 × 40 values"):
        open_image(path)


@pytest.mark.parametrize("shape", ["[6, 32, 40]", "[5, 32, 41]"])
def test_one_header_for_more_than_the_file_holds(tmp_path: Path, shape: str) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, planes(5), metadata={"axes": "ZYX"}, truncate=True)
    with open_image(path) as image:
        np.testing.assert_array_equal(image.plane(z=4), planes(5)[4])
    redescribe(path, lambda text: text.replace("[5, 32, 40]", shape))
    with pytest.raises(BadInputError, match=r"is cut short|declares 5 × 32 × 41 values"):
        open_image(path)


def redescribe(path: Path, change: Callable[[str], str]) -> None:
    """Change the description of the first page."""
    tifffile.tiffcomment(path, change(str(tifffile.tiffcomment(path))).encode())


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('SizeZ="4"', 'SizeZ="5"', "holds 12 of the 15 planes"),
        ('SizeC="3"', 'SizeC="4"', "holds 12 of the 16 planes"),
        ('SizeZ="4"', 'SizeZ="2"', "12 planes whose sizes are those of 6"),
        ('PlaneCount="12"', 'PlaneCount="7"', "holds 7 of the 12 planes"),
        ('IFD="0"', 'IFD="3"', "holds 9 of the 12 planes"),
        ('SizeX="40"', 'SizeX="41"', "does not fit its pages"),
    ],
)
def test_ome_sizes_that_are_not_those_of_the_pages(
    tmp_path: Path, compression: str | None, old: str, new: str, problem: str
) -> None:
    path = tmp_path / "a.ome.tif"
    stack = planes(12).reshape(4, 3, 32, 40)
    tifffile.imwrite(path, stack, metadata={"axes": "ZCYX"}, compression=compression)
    assert old in str(tifffile.tiffcomment(path))
    redescribe(path, lambda text: text.replace(old, new))
    with pytest.raises(BadInputError, match=problem):
        open_image(path)


def test_an_lsm_file_holds_the_slices_that_it_declares(tmp_path: Path) -> None:
    path = tmp_path / "a.lsm"
    stack = planes(3).reshape(3, 1, 32, 40)
    write_lsm(path, stack, slices=3)
    with open_image(path) as image:
        np.testing.assert_array_equal(image.plane(z=2), stack[2, 0])
    for slices, problem in ((4, "holds 3 of the 4 planes"), (2, "holds 3 planes, but .* 2")):
        write_lsm(path, stack, slices=slices)
        with pytest.raises(BadInputError, match=problem):
            open_image(path)


def test_a_metamorph_stack_holds_the_planes_that_it_declares(tmp_path: Path) -> None:
    path = tmp_path / "a.stk"
    stack = planes(3)
    write_stk(path, stack)
    with open_image(path) as image:
        np.testing.assert_array_equal(image.plane(z=2), stack[2])
    content = path.read_bytes()
    pixels = content.index(stack[2].tobytes())
    path.write_bytes(content[: pixels + 100])
    with pytest.raises(BadInputError, match=r"cut short"):
        open_image(path)


@pytest.mark.parametrize(("slices", "frames"), [(4, 1), (3, 2)])
def test_a_stopped_acquisition_of_micro_manager_is_refused_unless_axes_are_given(
    tmp_path: Path, slices: int, frames: int
) -> None:
    path = tmp_path / "a_MMStack_Default.tif"
    write_micro_manager(path, planes(6), slices=slices, frames=frames)
    declared = 2 * slices * frames
    with pytest.raises(BadInputError, match=f"which are {declared} planes, but holds 6"):
        open_image(path)
    with open_image(path, axes="ZCYX") as image:
        np.testing.assert_array_equal(image.plane("GFP", z=2), planes(6)[5])


def test_a_whole_file_of_many_pages_opens_without_reading_their_pixels(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    stack = np.zeros((200, 8, 8), np.uint16)
    tifffile.imwrite(path, stack, imagej=True, metadata={"axes": "TYX"})
    with open_image(path) as image:
        assert image.size("T") == 200


@pytest.mark.parametrize(
    ("compression", "dtype", "is_refused"),
    [("zlib", "u2", True), ("lzw", "u1", True), ("zlib", "u1", False), ("packbits", "u1", False)],
)
def test_tiles_hold_no_more_than_their_bytes_unpack_to(
    tmp_path: Path, compression: str, dtype: str, is_refused: bool
) -> None:
    path = tmp_path / "a.tif"
    empty = np.zeros((2048, 2048), dtype)
    tifffile.imwrite(path, empty, tile=(2048, 2048), compression=compression, metadata=None)
    with open_image(path) as image:
        assert not image.plane().any()
    if not is_refused:
        return
    with tifffile.TiffFile(path, mode="r+") as file:
        file.pages.first.tags["TileWidth"].overwrite(2**20)

    with pytest.raises(BadInputError, match=r"in each tile or strip of its plane 1, which do not"):
        open_image(path)
