"""Stacks with ImageJ's description are laid out as ImageJ 1.54p lays them out, or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from bridge.errors import BadInputError
from bridge.images import PixelSize, open_image
from tests.images.microscope_files import planes, write_imagej

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("description", "axes", "shape"),
    [
        ("images=6\nchannels=2\nslices=3\nhyperstack=true", "ZCYX", (3, 2)),
        ("images=6\nchannels=3\nframes=2", "TCYX", (2, 3)),
        ("images=6\nchannels=2\nslices=3\norder=zct", "CZYX", (2, 3)),
        ("images=6\nslices=6", "ZYX", (6,)),
        # The dimensions do not multiply to the planes: ImageJ takes them for slices.
        ("images=6", "ZYX", (6,)),
        ("images=6\nchannels=4", "ZYX", (6,)),
        ("images=6\nchannels=4\nslices=2", "ZYX", (6,)),
    ],
)
@pytest.mark.parametrize("layout", ["one header", "headers", "compressed"])
def test_planes_follow_the_description(
    tmp_path: Path, layout: str, description: str, axes: str, shape: tuple[int, ...]
) -> None:
    stack = planes(6)
    path = tmp_path / "a.tif"
    if layout == "one header":
        write_imagej(path, stack, description)
    else:
        write_pages(path, stack, description, compressed=layout == "compressed")
    with open_image(path) as image:
        assert (image.axes, image.shape) == (axes, (*shape, 32, 40))
        fast = "Z" if "order=zct" in description or "C" not in axes else "C"
        last = image.plane(image.size("C") - 1, z=image.size("Z") - 1, t=image.size("T") - 1)
        np.testing.assert_array_equal(last, stack[-1])
        second = image.plane(1 if fast == "C" else 0, z=1 if fast == "Z" else 0)
        np.testing.assert_array_equal(second, stack[1])


def write_pages(path: Path, stack: np.ndarray, description: str, *, compressed: bool) -> None:
    """A header for every plane."""
    with tifffile.TiffWriter(path) as writer:
        for i, plane in enumerate(stack):
            writer.write(
                plane,
                metadata=None,
                description=f"ImageJ=1.54p\n{description}\n" if i == 0 else None,
                contiguous=False,
                compression="zlib" if compressed else None,
            )


@pytest.mark.parametrize("lost", [1, 2 * 32 * 40, 5 * 2 * 32 * 40])
def test_planes_behind_one_header_that_are_cut_off_are_refused(tmp_path: Path, lost: int) -> None:
    path = tmp_path / "a.tif"
    write_imagej(path, planes(6), "images=6\nchannels=2\nslices=3")
    path.write_bytes(path.read_bytes()[:-lost])
    for axes in (None, "CYX", "YX"):
        with pytest.raises(BadInputError, match=f"is cut short: {lost} of"):
            open_image(path, axes=axes)


@pytest.mark.parametrize("compressed", [True, False])
def test_planes_without_headers_are_missing(tmp_path: Path, compressed: bool) -> None:
    path = tmp_path / "a.tif"
    write_pages(path, planes(5), "images=6\nchannels=2\nslices=3", compressed=compressed)
    with pytest.raises(BadInputError, match="cut short|6 images, which are 6 planes, but holds 5"):
        open_image(path)


@pytest.mark.parametrize("description", ["channels=3", "images=1\nslices=3"])
def test_dimensions_of_planes_that_the_file_does_not_have(tmp_path: Path, description: str) -> None:
    path = tmp_path / "a.tif"
    write_imagej(path, planes(1), description)
    with pytest.raises(BadInputError, match=r"declares 3 \w+, which are 3 planes, but holds 1"):
        open_image(path)


def test_given_axes_count_more_than_declared_dimensions(tmp_path: Path) -> None:
    stack = planes(6)
    path = tmp_path / "a.tif"
    write_imagej(path, stack, "images=6\nchannels=2\nslices=3")
    with pytest.raises(BadInputError, match="do not fit"):
        open_image(path, axes="CYX")
    write_imagej(path, stack, "images=6\nchannels=4")
    with open_image(path, axes="CYX") as image:
        assert (image.axes, image.size("C")) == ("CYX", 6)
    write_pages(path, stack, "images=7\nslices=7", compressed=True)
    with open_image(path, axes="TYX") as image:
        assert (image.axes, image.size("T")) == ("TYX", 6)


def test_a_header_among_planes_in_one_piece_is_no_pixel(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    write_pages(path, planes(4), "images=6\nslices=6", compressed=False)
    # Long enough for six planes, but only four of them are any.
    path.write_bytes(path.read_bytes() + bytes(10_000))
    with pytest.raises(BadInputError, match="the header of another page is among them"):
        open_image(path)


def test_pages_beyond_the_declared_planes_are_something_else(tmp_path: Path) -> None:
    stack = planes(6)
    path = tmp_path / "a.tif"
    write_pages(path, stack, "images=4\nchannels=2\nslices=2", compressed=False)
    with open_image(path) as image:
        assert (image.axes, image.shape[:2]) == ("ZCYX", (2, 2))
        np.testing.assert_array_equal(image.plane(1, z=1), stack[3])


@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_thumbnail_behind_the_planes_is_left_out(
    tmp_path: Path, count: int, compression: str | None
) -> None:
    stack = planes(count)
    path = tmp_path / "a.tif"
    sizes = "images=4\nchannels=2\nslices=2\n" if count == 4 else ""
    with tifffile.TiffWriter(path) as writer:
        for i, plane in enumerate(stack):
            writer.write(
                plane,
                metadata=None,
                description=f"ImageJ=1.54p\n{sizes}" if i == 0 else None,
                contiguous=False,
                compression=compression,
            )
        writer.write(stack[0, ::4, ::4], metadata=None, compression=compression)
    with open_image(path) as image:
        assert image.axes == ("ZCYX" if count == 4 else "YX")
        last = image.plane(image.size("C") - 1, z=image.size("Z") - 1)
        np.testing.assert_array_equal(last, stack[-1])


def test_samples_in_planes_of_their_own_are_counted_as_images_by_bio_formats(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path,
        planes(3),
        photometric="rgb",
        planarconfig="separate",
        metadata=None,
        description="ImageJ=\nimages=3\nchannels=3\n",
    )
    with open_image(path) as image:
        assert (image.axes, image.is_rgb) == ("CYX", False)
        np.testing.assert_array_equal(image.plane(2), planes(3)[2])


@pytest.mark.parametrize(
    ("units", "unit_tag", "per_unit", "expected"),
    [
        ("unit=um", 1, ((2, 1), (4, 1)), PixelSize(0.25, 0.5, 200)),
        ("unit=um\nyunit=nm\nzunit=nm", 1, ((2, 1), (1, 500)), PixelSize(0.5, 0.5, 0.2)),
        ("unit=um\nzunit=nm", 1, ((2, 1), (2, 1)), PixelSize(0.5, 0.5, 0.2)),
        ("unit=mm\nyunit=um", 1, ((2000, 1), (2, 1)), PixelSize(0.5, 0.5, 200_000)),
        ("unit=um\nzunit=frames", 1, ((2, 1), (2, 1)), PixelSize(0.5, 0.5)),
        ("unit=um\nyunit=frames", 1, ((2, 1), (2, 1)), None),
        # Pixels per centimetre, shown in µm.
        ("unit=um", 3, ((20_000, 1), (40_000, 1)), PixelSize(0.25, 0.5, 200)),
    ],
)
def test_every_axis_has_its_own_unit(
    tmp_path: Path,
    units: str,
    unit_tag: int,
    per_unit: tuple[tuple[int, int], tuple[int, int]],
    expected: PixelSize | None,
) -> None:
    path = tmp_path / "a.tif"
    description = f"images=3\nslices=3\n{units}\nspacing=200"
    write_imagej(path, planes(3), description, per_unit=per_unit, unit=unit_tag)
    with open_image(path) as image:
        size = image.pixel_size
    if expected is None or size is None:
        assert size == expected
        return
    assert size.z == pytest.approx(expected.z)
    assert (size.y, size.x) == pytest.approx((expected.y, expected.x))
