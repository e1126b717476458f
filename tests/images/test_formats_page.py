"""Rows of the table of images in docs/formats.md say what is true of such files."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import h5py
import numpy as np
import pytest
import tifffile

from bridge.errors import BadInputError
from bridge.images import PixelSize, open_image
from tests.images import microscope_files as files
from tests.images.microscope_files import planes
from tests.images.microscopes import files as microscopes
from tests.images.test_omezarr import ramp, write_image

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = Path(__file__).parents[2] / "docs" / "formats.md"


class Row(NamedTuple):
    """Sample of a format: what is read of it, and a damage by which it is refused."""

    write: Callable[[Path], None]
    axes: str
    size: PixelSize | None
    channels: tuple[str, ...]  # none where the format has no names
    damage: Callable[[Path], None]
    ending: str = ".tif"


def cut(path: Path) -> None:
    """Take the end of the pixels away."""
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        end = page.dataoffsets[0] + page.nbytes
    path.write_bytes(path.read_bytes()[: end - 1])


def describe(old: str, new: str) -> Callable[[Path], None]:
    """Change the description of the first page."""

    def change(path: Path) -> None:
        text = str(tifffile.tiffcomment(path))
        assert old in text
        tifffile.tiffcomment(path, text.replace(old, new).encode())

    return change


def write_plain(path: Path) -> None:
    tifffile.imwrite(path, planes(1)[0], resolution=(20_000, 40_000), resolutionunit=3)


def write_shaped(path: Path) -> None:
    tifffile.imwrite(path, planes(5), metadata={"axes": "ZYX"})


def write_imagej(path: Path) -> None:
    text = "images=6\nchannels=2\nslices=3\nunit=um\nyunit=nm\nspacing=2"
    files.write_imagej(path, planes(6), text, per_unit=((2, 1), (1, 500)))


def write_ome(path: Path) -> None:
    metadata = {
        "axes": "ZCYX",
        "Channel": {"Name": ["DAPI", "GFP"]},
        "PhysicalSizeX": 500,
        "PhysicalSizeXUnit": "nm",
        "PhysicalSizeY": 0.5,
    }
    tifffile.imwrite(path, planes(6).reshape(3, 2, 32, 40), metadata=metadata, ome=True)


def write_metaseries(path: Path) -> None:
    props = {"spatial-calibration-units": "um"}
    props |= {f"spatial-calibration-{axis}": "0.5" for axis in "xy"}
    text = "".join(f'<prop id="{k}" type="string" value="{v}"/>' for k, v in props.items())
    text = f"<MetaData><PlaneInfo>{text}</PlaneInfo></MetaData>"
    tifffile.imwrite(path, planes(1)[0], metadata=None, description=text, software="MetaSeries")


def write_svs(path: Path) -> None:
    rgb = np.zeros((64, 80, 3), np.uint8)
    text = "Aperio Image Library v11|MPP = 0.5"
    tifffile.imwrite(path, rgb, description=text, tile=(16, 16), metadata=None, photometric="rgb")


def write_hdf5(path: Path) -> None:
    tags = [{"key": key, "typeFlags": 2, "resolution": 500, "description": ""} for key in "yx"]
    with h5py.File(path, "w") as file:
        file["exported_data"] = planes(1)[0]
        file["exported_data"].attrs["axistags"] = json.dumps({"axes": tags})
        file["exported_data"].attrs["axis_units"] = json.dumps({"y": "nm", "x": "nm"})


def add_dataset(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file["another"] = planes(1)[0]


def write_zarr(path: Path) -> None:
    channels = [{"label": "DAPI"}, {"label": "GFP"}]
    write_image(path, ramp(2, 3, 8, 8), omero={"channels": channels})


def point_outside(path: Path) -> None:
    write_image(path, ramp(2, 3, 8, 8), multiscale={"datasets": [{"path": "../b.zarr"}]})


def write_archive(path: Path) -> None:
    folder = path.with_name("folder.zarr")
    write_zarr(folder)
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.rglob("*"):
            archive.write(file, file.relative_to(folder))


def write_oir(path: Path) -> None:
    pytest.importorskip("oirfile", reason="it needs Python 3.12")
    microscopes.write_oir(path, STACK.swapaxes(0, 1))


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def write_stopped(path: Path) -> None:
    files.write_micro_manager(path, planes(6), slices=4)


HALF = PixelSize(0.5, 0.5)
STEPS = PixelSize(0.5, 0.25, 2.0)
NAMES = ("DAPI", "GFP")
STACK = microscopes.stack(2, 3, 32, 40)
SLICES = planes(3).reshape(3, 1, 32, 40)
ROWS = {
    "TIFF, BigTIFF": Row(write_plain, "YX", PixelSize(0.25, 0.5), (), cut),
    "TIFF of tifffile": Row(write_shaped, "ZYX", None, (), describe("[5, 32", "[6, 32")),
    "ImageJ TIFF": Row(write_imagej, "ZCYX", PixelSize(0.5, 0.5, 2.0), (), describe("=6", "=7")),
    "OME-TIFF, also sets and pyramids": Row(
        write_ome, "ZCYX", HALF, ("DAPI", "GFP"), describe('SizeZ="3"', 'SizeZ="4"')
    ),
    "Micro-Manager": Row(
        lambda path: files.write_micro_manager(path, planes(6), slices=3),
        "ZCYX",
        PixelSize(0.325, 0.325, 1.5),
        ("DAPI", "GFP"),
        write_stopped,
    ),
    "Zeiss LSM": Row(
        lambda path: files.write_lsm(path, SLICES, slices=3, names=["Ch1"]),
        "ZYX",
        PixelSize(0.5, 0.25, 1.0),
        ("Ch1",),
        lambda path: files.write_lsm(path, SLICES, slices=4),
        ".lsm",
    ),
    "MetaMorph STK": Row(
        lambda path: files.write_stk(path, planes(3), step=(1, 4)),
        "ZYX",
        PixelSize(0.5, 0.25, 0.5),
        (),
        cut,
        ".stk",
    ),
    "MetaMorph MetaSeries": Row(write_metaseries, "YX", HALF, (), cut),
    "Olympus FluoView": Row(
        lambda path: files.write_fluoview(path, planes(3)),
        "ZYX",
        PixelSize(0.5, 0.25, 2.0),
        (),
        cut,
    ),
    "Olympus SIS": Row(
        lambda path: files.write_sis(path, planes(1)[0]), "YX", PixelSize(0.5, 0.25), (), cut
    ),
    "Aperio SVS": Row(write_svs, "YXC", HALF, ("R", "G", "B"), halve, ".svs"),
    "QPTIFF (Akoya, PerkinElmer)": Row(
        lambda path: files.write_qptiff(path, ["DAPI", "Opal 520"], micro=0.5),
        "CYX",
        HALF,
        ("DAPI", "Opal 520"),
        halve,
        ".qptiff",
    ),
    "HDF5": Row(write_hdf5, "YX", HALF, (), add_dataset, ".h5"),
    "OME-Zarr folder, also a label group": Row(
        write_zarr, "CZYX", PixelSize(0.5, 0.25, 2.0), ("DAPI", "GFP"), point_outside, ".zarr"
    ),
    "OME-Zarr archive (`.zarr.zip`, `.ozx`)": Row(
        write_archive, "CZYX", PixelSize(0.5, 0.25, 2.0), ("DAPI", "GFP"), halve, ".zarr.zip"
    ),
    "Zeiss CZI": Row(
        lambda path: microscopes.write_czi(path, [STACK]), "CZYX", STEPS, NAMES, halve, ".czi"
    ),
    "Leica LIF": Row(
        lambda path: microscopes.write_lif(path, {"a": STACK.swapaxes(0, 1)}),
        "CZYX",
        STEPS,
        NAMES,
        halve,
        ".lif",
    ),
    "Nikon ND2": Row(
        lambda path: microscopes.write_nd2(path, STACK.swapaxes(0, 1)[None]),
        "CZYX",
        PixelSize(0.25, 0.25, 2.0),
        NAMES,
        halve,
        ".nd2",
    ),
    "FluoView OIR": Row(write_oir, "CZYX", STEPS, NAMES, halve, ".oir"),
}
REFUSED = {
    "cellSens VSI": (b"II*\0",),
    "PNG, JPEG, GIF, BMP": (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"BM\0\0"),
}


def table() -> list[str]:
    """The first cells of the rows of the table."""
    section = PAGE.read_text(encoding="utf-8").partition("\n## Images\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")]
    assert len({line.count("|") for line in rows}) == 1
    return [line.split("|")[1].strip() for line in rows[1:]]


def test_every_row_has_a_sample() -> None:
    assert table() == [*ROWS, *REFUSED]


@pytest.mark.parametrize("name", ROWS)
def test_a_row_says_what_is_read_and_refused(tmp_path: Path, name: str) -> None:
    row = ROWS[name]
    path = tmp_path / f"x_MMStack_Default{row.ending}"
    row.write(path)
    with open_image(path) as image:
        assert image.axes == row.axes
        if row.channels:
            assert image.channels == row.channels
        size = image.pixel_size
        for t, z in image.planes():
            for channel in range(len(image.channels)):
                image.plane(channel, z=z, t=t)
    assert (size is None) == (row.size is None)
    if size is not None and row.size is not None:
        assert (size.y, size.x) == pytest.approx((row.size.y, row.size.x))
        assert size.z == (None if row.size.z is None else pytest.approx(row.size.z))
    row.damage(path)
    with pytest.raises(BadInputError):
        open_image(path)


@pytest.mark.parametrize("start", REFUSED["PNG, JPEG, GIF, BMP"])
def test_pictures_are_refused_by_what_they_are(tmp_path: Path, start: bytes) -> None:
    (tmp_path / "a.tif").write_bytes(start + bytes(100))
    with pytest.raises(BadInputError, match=r"is a \w+ picture, which starbridge does not read"):
        open_image(tmp_path / "a.tif")
