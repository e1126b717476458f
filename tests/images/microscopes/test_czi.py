"""What only CZI has: compressions, colours in tiles, levels of a pyramid."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import imagecodecs
import numpy as np
import pytest

from bridge.errors import BadInputError
from bridge.images import open_image
from tests.images.microscopes.czi_files import PackedTile, write_packed_czi
from tests.images.microscopes.files import stack

if TYPE_CHECKING:
    from numpy.typing import NDArray

CONVERT = r"convert it to OME-TIFF .*Bio-Formats.*bioformats2raw"
GREY, COLOURS = stack(20, 30), stack(20, 30, 3, dtype=np.uint8)
WIDTH, HEIGHT = 30, 20


class Codec(NamedTuple):
    """A compression of CZI: its number, and how grey values and colours (RGB) are packed."""

    number: int
    pack: Callable[[NDArray[Any]], bytes]


def raw(values: NDArray[Any]) -> bytes:
    """Return the bytes of grey values, or of colours as blue, green and red."""
    return np.ascontiguousarray(values[..., ::-1] if values.ndim > 2 else values).tobytes()


def zstd1(values: NDArray[Any]) -> bytes:
    """Return what libCZI packs: a header, and of 16 bits all low bytes before all high bytes."""
    data = raw(values)
    if values.itemsize == 1:
        return b"\1" + bytes(imagecodecs.zstd_encode(data))
    halves = np.frombuffer(data, np.uint8).reshape(-1, 2).T.tobytes()
    return b"\3\1\1" + bytes(imagecodecs.zstd_encode(halves))


EXACT = {
    "uncompressed": Codec(0, raw),
    "LZW": Codec(2, lambda values: bytes(imagecodecs.lzw_encode(raw(values)))),
    "JPEG-XR": Codec(4, lambda values: bytes(imagecodecs.jpegxr_encode(values))),
    "JPEG-XR, stored as it is": Codec(4, raw),
    "Zstd0": Codec(5, lambda values: bytes(imagecodecs.zstd_encode(raw(values)))),
    "Zstd1": Codec(6, zstd1),
}


def tile(values: NDArray[Any], codec: Codec, x: int = 0, channel: int = 0) -> PackedTile:
    size = values.shape[1], values.shape[0]
    pixels = (3 if values.ndim > 2 else 0) + (values.itemsize == 2)
    return PackedTile(codec.pack(values), codec.number, pixels, size, size, (x, 0, channel))


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_values_are_read_exactly(tmp_path: Path, name: str, dtype: type) -> None:
    values: NDArray[Any] = GREY.astype(dtype) * (250 if dtype == np.uint16 else 1)
    parts = [values[:, :13], values[:, 13:]]
    tiles = [tile(part, EXACT[name], x) for part, x in zip(parts, (0, 13), strict=True)]
    write_packed_czi(tmp_path / "a.czi", tiles)

    with open_image(tmp_path / "a.czi") as image:
        assert (image.axes, image.dtype) == ("YX", np.dtype(dtype))
        assert np.array_equal(image.plane(), values)


@pytest.mark.parametrize("name", EXACT)
def test_colours_are_read_exactly(tmp_path: Path, name: str) -> None:
    write_packed_czi(tmp_path / "a.czi", [tile(COLOURS, EXACT[name])])

    with open_image(tmp_path / "a.czi") as image:
        assert image.is_rgb
        for number, letter in enumerate("RGB"):
            assert np.array_equal(image.plane(letter), COLOURS[..., number])


@pytest.mark.parametrize("is_colour", [False, True])
def test_jpeg_is_read_within_its_loss(tmp_path: Path, is_colour: bool) -> None:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    smooth = (4 * x + 5 * y).astype(np.uint8)
    values = np.stack([smooth, smooth // 2, 255 - smooth], -1) if is_colour else smooth
    codec = Codec(1, lambda each: bytes(imagecodecs.jpeg8_encode(each, level=95)))
    write_packed_czi(tmp_path / "a.czi", [tile(values, codec)])

    with open_image(tmp_path / "a.czi") as image:
        for number in range(3 if is_colour else 1):
            expected = values[..., number] if is_colour else values
            off = np.abs(image.plane(number).astype(int) - expected)
            assert off.max() <= 16  # JPEG keeps half of the colours' pixels
            assert off.mean() < 6


@pytest.mark.parametrize("order", [1, -1])
def test_levels_of_a_pyramid_are_not_the_image(tmp_path: Path, order: int) -> None:
    full = tile(GREY, EXACT["uncompressed"])
    small = GREY[::2, ::2]
    level = tile(small, EXACT["uncompressed"])._replace(size=(WIDTH, HEIGHT))
    # Zeiss's levels reach beyond the image where its size is odd.
    beyond = level._replace(size=(4 * WIDTH, 4 * HEIGHT))
    write_packed_czi(tmp_path / "a.czi", [full, level, beyond][::order])

    with open_image(tmp_path / "a.czi") as image:
        assert image.shape == (HEIGHT, WIDTH)
        assert np.array_equal(image.plane(), GREY)


def test_levels_alone_are_no_image(tmp_path: Path) -> None:
    level = tile(GREY, EXACT["uncompressed"])._replace(size=(2 * WIDTH, 2 * HEIGHT))
    write_packed_czi(tmp_path / "a.czi", [level])

    with pytest.raises(BadInputError, match=f"there is no image in it.*{CONVERT}"):
        open_image(tmp_path / "a.czi")


@pytest.mark.parametrize("number", [3, 7, 104, 1_000])
def test_other_compressions_are_refused_with_how_to_convert(tmp_path: Path, number: int) -> None:
    write_packed_czi(tmp_path / "a.czi", [tile(GREY, Codec(number, raw))])

    with pytest.raises(BadInputError, match=f"compression {number}, .* not known; {CONVERT}"):
        open_image(tmp_path / "a.czi")


@pytest.mark.parametrize("name", ["uncompressed", "Zstd0"])
def test_tiles_that_claim_more_than_the_file_holds_are_refused(tmp_path: Path, name: str) -> None:
    large = tile(GREY, EXACT[name])._replace(size=(2**16, 2**16), stored=(2**16, 2**16))
    write_packed_czi(tmp_path / "a.czi", [tile(GREY, EXACT[name]), large])

    with pytest.raises(BadInputError, match=r"its tiles claim 8,589,93\d,\d{3} bytes, of which"):
        open_image(tmp_path / "a.czi")


@pytest.mark.parametrize("name", [*EXACT, "JPEG"])
def test_a_tile_of_another_size_is_refused(tmp_path: Path, name: str) -> None:
    jpeg = Codec(1, lambda values: bytes(imagecodecs.jpeg8_encode(values)))
    packed = tile(GREY.astype(np.uint8), {**EXACT, "JPEG": jpeg}[name])
    size = (WIDTH + 1, HEIGHT)
    write_packed_czi(tmp_path / "a.czi", [packed._replace(size=size, stored=size)])

    with (
        pytest.raises(BadInputError, match="pixel data is damaged or cut short"),
        open_image(tmp_path / "a.czi") as image,
    ):
        image.plane()
