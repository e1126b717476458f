"""A file is opened by what is in it; what cannot be opened is explained in one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile
from PIL import Image as Picture

from bridge.errors import BadInputError
from bridge.images import open_image


def refused(path: Path, **options: Any) -> str:
    """What a person reads about a file that cannot be opened, after its name."""
    with pytest.raises(BadInputError) as error:
        open_image(path, **options)
    text = str(error.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    return text.removeprefix(f"{path}: ")


def test_a_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "no such.tif"
    assert refused(path) == "does not exist; check the spelling and the folder"


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.tif"
    path.touch()

    def forbidden(*_: Any, **__: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    # Not by its mode: tests may run as root, who may read everything.
    monkeypatch.setattr(Path, "open", forbidden)
    assert refused(path).startswith("may not be read by you; ask for permission")


def test_a_disk_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.tif"
    path.touch()

    def broken(*_: Any, **__: Any) -> Any:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "open", broken)
    assert refused(path).startswith("cannot be read (Input/output error); check that the disk")


def test_a_folder(tmp_path: Path) -> None:
    assert refused(tmp_path) == "is a folder, not an image; give the images inside it"
    (tmp_path / "a.tif").mkdir()
    assert refused(tmp_path / "a.tif").startswith("is a folder, not an image")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty (0 bytes); copy or export the file again"),
        (
            b"just text",
            "is not a TIFF, OME-TIFF, HDF5, OME-Zarr, CZI, LIF, ND2 or OIR image; save it as TIFF",
        ),
        (b"II", "is not a TIFF, OME-TIFF, HDF5, OME-Zarr, CZI"),
        (b"II*\0", "is no readable TIFF file, it is damaged or cut short"),
        (b"ZISRAWFILE\0\0", "is no readable Zeiss CZI file, it is damaged, cut short"),
        (b"PK\x03\x04zip", "is a ZIP archive, which starbridge does not read"),
    ],
)
def test_files_that_are_no_images(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(content)
    assert refused(path).startswith(problem)


@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_pictures_are_refused(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    Picture.new("RGB", (4, 4)).save(path)
    kind = {"png": "PNG", "jpg": "JPEG"}[ending]
    assert refused(path) == (
        f"is a {kind} picture, which starbridge does not read; "
        "save it as TIFF (in Fiji: File › Save As › Tiff…)"
    )


def test_the_content_counts_and_not_the_ending(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.h5", np.eye(3, dtype=np.uint8), metadata=None)
    with h5py.File(tmp_path / "b.tif", "w") as file:
        file["d"] = np.eye(4)
    for name, width in (("a.h5", 3), ("b.tif", 4)):
        with open_image(tmp_path / name) as image:
            assert image.width == width


def test_hdf5_behind_a_user_block(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w", userblock_size=512) as file:
        file["d"] = np.eye(4)
    with open_image(tmp_path / "a.h5") as image:
        assert image.width == 4


@pytest.mark.parametrize("name", ["a b.tif", 'it\'s "x".TIF', "核 µ.ome.tif", "-x.tiff", "%s.tif"])
def test_odd_names(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite(tmp_path / name, np.eye(3, dtype=np.uint8), ome=".ome" in name)
    for path in (name, Path(name), tmp_path / name):
        with open_image(path) as image:
            assert image.plane().sum() == 3
            assert image.path == Path(path)


def test_axes_that_cannot_be_are_refused_for_every_format(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.eye(3, dtype=np.uint8))
    assert refused(tmp_path / "a.tif", axes="XX").startswith(
        "cannot be read with axes 'XX': X is there twice; use the letters T, C, Z, Y and X"
    )


def test_a_refused_file_is_closed(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["d"] = np.zeros((2, 3, 4))
    assert "nothing says" in refused(tmp_path / "a.h5")
    # HDF5 refuses to write what is open for reading.
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file["e"] = 1
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((3, 3), np.complex64))
    assert "complex numbers" in refused(tmp_path / "a.tif")


def test_no_format_is_loaded_before_a_file_needs_it() -> None:
    code = (
        "import sys, bridge.images; "
        "print(sorted({'tifffile', 'zarr', 'h5py', 'PIL', 'imagecodecs'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
