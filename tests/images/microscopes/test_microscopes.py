"""Microscopes' own files are images like any other."""

from __future__ import annotations

import struct
import sys
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
import tifffile

from bridge.errors import BadInputError, MissingPartError
from bridge.images import PixelSize, find_images, open_image
from bridge.images.locations import identity
from bridge.images.series import SeveralImagesError
from tests.images.microscopes import files
from tests.images.microscopes.files import NAMES, stack, write_czi, write_lif, write_nd2, write_oir

if TYPE_CHECKING:
    from numpy.typing import NDArray

CONVERT = r"convert it to OME-TIFF .*Bio-Formats.*bioformats2raw"
VALUES = stack(4, 3, 20, 30)  # C, Z, Y, X
STEPS = PixelSize(0.5, 0.25, 2.0)


class Kind(NamedTuple):
    """Writer of a format, and what reads it."""

    ending: str
    package: str
    write: Callable[[Path, NDArray[Any]], None]
    size: PixelSize = STEPS


KINDS = [
    Kind(".czi", "czifile", lambda path, values: write_czi(path, [values])),
    Kind(".lif", "liffile", lambda path, values: write_lif(path, {"a": values.swapaxes(0, 1)})),
    Kind(
        ".nd2",
        "nd2",
        lambda path, values: write_nd2(path, values.swapaxes(0, 1)[None]),
        PixelSize(0.25, 0.25, 2.0),
    ),
    Kind(".oir", "oirfile", lambda path, values: write_oir(path, values.swapaxes(0, 1))),
]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.ending)
def kind(request: pytest.FixtureRequest) -> Kind:
    chosen: Kind = request.param
    if chosen.ending == ".oir":
        pytest.importorskip("oirfile", reason="it needs Python 3.12")
    return chosen


@contextmanager
def peak_of_python() -> Iterator[Callable[[], int]]:
    """Yield what returns the most bytes that Python and NumPy took."""
    tracemalloc.start()
    try:
        yield lambda: tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def planes(path: Path | str) -> NDArray[Any]:
    with open_image(path) as image:
        return np.array(
            [
                [image.plane(c, z=z) for z in range(image.size("Z"))]
                for c in range(len(image.channels))
            ]
        )


def test_planes_channels_and_pixel_sizes_are_read(tmp_path: Path, kind: Kind) -> None:
    path = tmp_path / f"image{kind.ending}"
    kind.write(path, VALUES)

    with open_image(path) as image:
        assert (image.name, image.axes, image.shape) == ("image", "CZYX", VALUES.shape)
        assert image.dtype == np.uint16
        assert image.channels == NAMES
        size = image.pixel_size
        # one plane after the other, in any order
        for c, z in ((3, 2), (0, 0), (3, 0), (1, 2)):
            assert np.array_equal(image.plane(NAMES[c], z=z), VALUES[c, z])
    assert size is not None
    assert (size.y, size.x, size.z) == pytest.approx((kind.size.y, kind.size.x, kind.size.z))


def test_a_single_plane_is_a_plane(tmp_path: Path, kind: Kind) -> None:
    path = tmp_path / f"image{kind.ending}"
    kind.write(path, VALUES[:1, :1])

    with open_image(path) as image:
        assert (image.axes, image.channels) == ("YX", ("DAPI",))
        assert np.array_equal(image.plane(), VALUES[0, 0])


def test_given_axes_win(tmp_path: Path, kind: Kind) -> None:
    path = tmp_path / f"image{kind.ending}"
    kind.write(path, VALUES)

    with open_image(path, axes="TCYX") as image:
        assert (image.axes, image.size("T")) == ("TCYX", 4)
        assert np.array_equal(image.plane(2, t=1), VALUES[1, 2])
    with open_image(path, axes="YXCZ") as image:
        assert image.plane(1, z=2).shape == (4, 3)
        assert np.array_equal(image.plane(1, z=2), VALUES[:, :, 1, 2])


def test_they_are_found_in_folders(tmp_path: Path, kind: Kind) -> None:
    kind.write(tmp_path / f"b{kind.ending}", VALUES)
    (tmp_path / "notes.txt").touch()

    assert find_images([tmp_path]) == [tmp_path / f"b{kind.ending}"]


def test_a_file_cut_anywhere_is_refused(tmp_path: Path, kind: Kind) -> None:
    path = tmp_path / f"image{kind.ending}"
    kind.write(path, VALUES)
    data = path.read_bytes()
    # Padding at the end of a file may be missing: then all pixels are there.
    for length in (17, 60, 200, *np.linspace(400, len(data) - 200, 25, dtype=int)):
        path.write_bytes(data[:length])
        with pytest.raises(BadInputError, match=CONVERT):
            planes(path)


@pytest.mark.slow
def test_damaged_bytes_are_read_or_refused(tmp_path: Path, kind: Kind) -> None:
    path = tmp_path / f"image{kind.ending}"
    kind.write(path, VALUES[:2, :2])
    data = np.frombuffer(path.read_bytes(), np.uint8)
    random = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        changed = data.copy()
        places = random.integers(0, len(data), random.integers(1, 30))
        changed[places] = random.integers(0, 256, len(places))
        path.write_bytes(changed.tobytes())
        try:
            planes(path)
        except BadInputError:
            refused += 1
    assert refused > 0


def test_the_missing_library_is_named_with_its_part(
    tmp_path: Path, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"image{kind.ending}"
    kind.write(path, VALUES)
    monkeypatch.delitem(sys.modules, f"bridge.images.microscopes.{kind.ending[1:]}", raising=False)
    monkeypatch.setitem(sys.modules, kind.package, None)

    with pytest.raises(MissingPartError, match=rf"{kind.package} is .*starbridge\[microscopes\]"):
        open_image(path)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="oirfile is there from Python 3.12 on")
def test_a_python_without_a_library_is_named(tmp_path: Path) -> None:
    write_oir(tmp_path / "a.oir", VALUES.swapaxes(0, 1))

    with pytest.raises(BadInputError, match=rf"needs Python 3\.12 or newer .*{CONVERT}"):
        open_image(tmp_path / "a.oir")


# Several images in a file


def test_one_of_several_is_chosen_by_number_or_name(tmp_path: Path) -> None:
    write_lif(tmp_path / "a.lif", {"left": VALUES, "eyes/right": VALUES + 1})
    write_nd2(tmp_path / "a.nd2", np.stack([VALUES, VALUES + 1]), positions=["left", "right"])
    write_czi(tmp_path / "a.czi", [VALUES.swapaxes(0, 1), VALUES.swapaxes(0, 1) + 1])

    for path, choices in (
        (tmp_path / "a.lif", ("1", "eyes/right", "right")),
        (tmp_path / "a.nd2", ("1", "right")),
        (tmp_path / "a.czi", ("1",)),
    ):
        for choice in choices:
            chosen = planes(f"{path}#{choice}")
            assert np.array_equal(chosen, VALUES.swapaxes(0, 1) + 1)
        with pytest.raises(SeveralImagesError, match=rf"holds 2 images .* as in {path.name}#0: 0"):
            open_image(path)
        with pytest.raises(BadInputError, match=r"has no image '7'; choose one as in .*#0: 0"):
            open_image(f"{path}#7")


def test_images_of_one_file_are_told_apart(tmp_path: Path) -> None:
    write_lif(tmp_path / "a.lif", {"left": VALUES, "right": VALUES + 1})
    left, right = (tmp_path / f"a.lif#{number}" for number in range(2))

    assert find_images([left, right]) == [left, right]
    with open_image(left) as image:
        assert (image.name, image.path) == ("a#0", left)
    assert identity(left) != identity(right)
    assert identity(left)["bytes"] == (tmp_path / "a.lif").stat().st_size


def test_scenes_of_different_sizes_are_images_by_themselves(tmp_path: Path) -> None:
    write_czi(tmp_path / "a.czi", [stack(1, 1, 20, 30), stack(1, 1, 11, 13, seed=1)])

    assert np.array_equal(planes(tmp_path / "a.czi#1")[0, 0], stack(11, 13, seed=1))


# What only one maker has


@pytest.mark.parametrize(
    "compression",
    [
        "zstd0:ExplicitLevel=2",
        "zstd1:ExplicitLevel=2",
        "zstd1:ExplicitLevel=2;PreProcess=HiLoByteUnpack",
    ],
)
def test_czi_tiles_are_decoded_and_put_together(tmp_path: Path, compression: str) -> None:
    write_czi(tmp_path / "a.czi", [VALUES], compression=compression, tile=12)

    assert np.array_equal(planes(tmp_path / "a.czi"), VALUES)


def test_czi_colours_are_red_green_and_blue(tmp_path: Path) -> None:
    bgr = stack(1, 1, 20, 30, 3, dtype=np.uint8)
    write_czi(tmp_path / "a.czi", [bgr])

    with open_image(tmp_path / "a.czi") as image:
        assert image.is_rgb
        assert np.array_equal(image.plane("R"), bgr[0, 0, :, :, 2])
        assert np.array_equal(image.plane("B"), bgr[0, 0, :, :, 0])


def test_czi_colours_of_16_bits_are_channels(tmp_path: Path) -> None:
    write_czi(tmp_path / "a.czi", [stack(1, 1, 20, 30, 3)])

    with open_image(tmp_path / "a.czi") as image:
        assert (image.is_rgb, image.channels) == (False, ("C1", "C2", "C3"))


def test_planes_are_read_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "a.czi"
    values = np.zeros((2, 1, 64, 64), np.uint16)
    values[1] = stack(64, 64)
    write_czi(path, [values], compression="zstd0:ExplicitLevel=2")
    data = path.read_bytes()
    packed = [i for i in range(len(data)) if data.startswith(b"\x28\xb5\x2f\xfd", i)]
    damaged = bytearray(data)
    damaged[packed[1] + 8 : packed[1] + 200] = bytes(192)
    path.write_bytes(damaged)

    with open_image(path) as image:
        assert np.array_equal(image.plane(0), values[0, 0])
        with pytest.raises(BadInputError, match="pixel data is damaged or cut short"):
            image.plane(1)


def test_a_czi_that_lacks_planes_is_refused(tmp_path: Path) -> None:
    from pylibCZIrw import czi

    with czi.create_czi(str(tmp_path / "a.czi")) as file:
        for c, z in ((0, 0), (0, 1), (1, 0)):
            file.write(VALUES[c, z][..., None], plane={"C": c, "Z": z, "T": 0})

    with pytest.raises(BadInputError, match=f"has 3 of the 4 planes .*{CONVERT}"):
        open_image(tmp_path / "a.czi")


def test_a_lif_of_tiles_is_refused(tmp_path: Path) -> None:
    write_lif(tmp_path / "a.lif", {"mosaic": stack(2, 3, 4, 20, 30)}, tiles=2)

    with pytest.raises(BadInputError, match=f"has 2 tiles that are not merged; {CONVERT}"):
        open_image(tmp_path / "a.lif")


def test_an_nd2_that_lacks_frames_is_refused(tmp_path: Path) -> None:
    write_nd2(tmp_path / "a.nd2", VALUES[None], frames=3)

    with pytest.raises(BadInputError, match=f"it has 3 of its 4 frames.*{CONVERT}"):
        open_image(tmp_path / "a.nd2")


def test_an_nd2_that_claims_millions_of_frames_is_refused_at_once(tmp_path: Path) -> None:
    write_nd2(tmp_path / "a.nd2", VALUES[None])
    data = (tmp_path / "a.nd2").read_bytes()
    count = "uiCount\0".encode("utf-16-le") + bytes([4, 0, 0, 0])
    assert data.count(count) == 1  # of slices: there are three channels
    (tmp_path / "a.nd2").write_bytes(data.replace(count, count[:-4] + b"\xff\xff\xff\x7f"))

    with peak_of_python() as peak:
        with pytest.raises(BadInputError, match="it has 4 of its 2147483647 frames"):
            open_image(tmp_path / "a.nd2")
        assert peak() < 10_000_000


def test_an_nd2_compressed_without_loss_is_read(tmp_path: Path) -> None:
    write_nd2(tmp_path / "a.nd2", VALUES.swapaxes(0, 1)[None], pack=zlib.compress)

    assert np.array_equal(planes(tmp_path / "a.nd2"), VALUES)


@pytest.mark.parametrize("factor", [0.5, 100_000])
def test_an_nd2_frame_that_unpacks_to_another_size_is_refused(
    tmp_path: Path, factor: float
) -> None:
    def pack(pixels: bytes) -> bytes:
        return zlib.compress(bytes(int(len(pixels) * factor)), 1)

    write_nd2(tmp_path / "a.nd2", VALUES.swapaxes(0, 1)[None], pack=pack)

    with open_image(tmp_path / "a.nd2") as image, peak_of_python() as peak:
        with pytest.raises(BadInputError, match=r"does not unpack to the 4,800 bytes of its plane"):
            image.plane(0)
        assert peak() < 5_000_000


def test_an_nd2_that_claims_more_than_unpacks_from_its_bytes_is_refused(tmp_path: Path) -> None:
    write_nd2(tmp_path / "a.nd2", VALUES.swapaxes(0, 1)[None], pack=zlib.compress)
    data = bytearray((tmp_path / "a.nd2").read_bytes())
    key = "uiHeight\0".encode("utf-16-le")
    struct.pack_into("<I", data, data.index(key) + len(key), 2**24)
    (tmp_path / "a.nd2").write_bytes(data)

    with pytest.raises(BadInputError, match=f"frame 0 of 3 is not all there.*{CONVERT}"):
        open_image(tmp_path / "a.nd2")


def test_an_nd2_compressed_with_loss_is_refused(tmp_path: Path) -> None:
    write_nd2(tmp_path / "a.nd2", VALUES.swapaxes(0, 1)[None])
    data = bytearray((tmp_path / "a.nd2").read_bytes())
    key = "eCompression\0".encode("utf-16-le")
    struct.pack_into("<I", data, data.index(key) + len(key), 1)
    (tmp_path / "a.nd2").write_bytes(data)

    with pytest.raises(BadInputError, match=f"its frames are compressed with loss.*{CONVERT}"):
        open_image(tmp_path / "a.nd2")


def test_an_oir_that_lacks_planes_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("oirfile", reason="it needs Python 3.12")
    write_oir(tmp_path / "a.oir", VALUES.swapaxes(0, 1), planes=9)

    with pytest.raises(BadInputError, match=f"has 9 of its 12 planes; {CONVERT}"):
        open_image(tmp_path / "a.oir")


def test_the_overview_of_a_vsi_is_not_taken_for_the_image(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.vsi", VALUES[0, 0], byteorder="<")

    with pytest.raises(BadInputError, match=f"is a cellSens VSI file, .*{CONVERT}"):
        open_image(tmp_path / "a.vsi")


def test_an_nd2_of_before_2010_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.nd2").write_bytes(b"\x00\x00\x00\x0cjP  \r\n\x87\n" + bytes(100))

    with pytest.raises(BadInputError, match=f"is a Nikon ND2 file of before 2010, .*{CONVERT}"):
        open_image(tmp_path / "a.nd2")


def test_the_samples_differ_from_plane_to_plane() -> None:
    assert len({plane.tobytes() for plane in files.stack(4, 3, 20, 30).reshape(12, -1)}) == 12
