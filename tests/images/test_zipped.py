"""OME-Zarr images in a ZIP archive are images like any other."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import zarr

from bridge.errors import BadInputError
from bridge.images import find_images, open_image
from bridge.images.omezarr import label_names
from tests.images.test_omezarr import ramp, write_image

if TYPE_CHECKING:
    from pathlib import Path


def pack(folder: Path, archive: Path, *, inside: str = "", **options: Any) -> None:
    """Write a folder's files into an archive."""
    with zipfile.ZipFile(archive, "w", **options) as opened:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                opened.write(path, f"{inside}{path.relative_to(folder).as_posix()}")


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("inside", ["", "section.ome.zarr/"])
@pytest.mark.parametrize("name", ["section.zarr.zip", "section.ome.zarr.zip", "Section.OZX"])
def test_an_archive_is_its_folder(tmp_path: Path, version: str, inside: str, name: str) -> None:
    array = ramp(2, 3, 20, 24)
    omero = {"channels": [{"label": "DAPI"}, {"label": "GFP"}]}
    write_image(tmp_path / "a.zarr", array, version=version, omero=omero)
    folder = tmp_path / "packed"
    folder.mkdir()
    pack(tmp_path / "a.zarr", folder / name, inside=inside)

    [path] = find_images([folder])
    with open_image(path) as image, open_image(tmp_path / "a.zarr") as same:
        assert image.name.lower() == "section"
        assert (image.axes, image.channels) == (same.axes, ("DAPI", "GFP"))
        assert (image.pixel_size, image.level_shapes) == (same.pixel_size, same.level_shapes)
        np.testing.assert_array_equal(image.plane("GFP", z=2, level=1), array[1, 2, ::2, ::2])
    with open_image(path, dataset="1") as image:
        assert image.shape == (2, 3, 10, 12)
    with open_image(path / "1") as image:
        assert image.shape == (2, 3, 10, 12)


def test_of_several_images_one_is_chosen(tmp_path: Path) -> None:
    for name in "01":
        write_image(tmp_path / "a.zarr" / name, ramp(1, 1, 8, 8))
    zarr.open_group(tmp_path / "a.zarr", mode="a", zarr_format=2)
    pack(tmp_path / "a.zarr", tmp_path / "a.zarr.zip")
    with pytest.raises(BadInputError, match="holds 2 images; choose one as in .*#0: 0, 1"):
        open_image(tmp_path / "a.zarr.zip")


def test_other_and_damaged_archives(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr.zip"
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr("a.txt", "text")
    with pytest.raises(BadInputError, match="is a ZIP archive without an OME-Zarr image"):
        open_image(path)
    write_image(tmp_path / "a.zarr", ramp(1, 1, 8, 8))
    pack(tmp_path / "a.zarr", path)
    content = path.read_bytes()
    for length in (len(content) - 1, len(content) // 2, 100):
        path.write_bytes(content[:length])
        with pytest.raises(BadInputError, match="is no readable ZIP archive"):
            open_image(path)
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr("../.zattrs", "{}")
    with pytest.raises(BadInputError, match="outside of itself"):
        open_image(path)


def test_an_entry_that_unpacks_to_far_more_than_it_is_is_refused(tmp_path: Path) -> None:
    write_image(tmp_path / "a.zarr", ramp(1, 1, 8, 8))
    chunk = next((tmp_path / "a.zarr" / "0").glob("0.0.*"))
    chunk.write_bytes(bytes(65 * 2**20))
    path = tmp_path / "a.zarr.zip"
    pack(tmp_path / "a.zarr", path, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(BadInputError, match="which unpacks to 68,157,440 bytes"):
        open_image(path)


def test_an_archive_with_a_name_of_no_letters_is_damaged(tmp_path: Path) -> None:
    write_image(tmp_path / "a.zarr", ramp(1, 1, 8, 8))
    path = tmp_path / "a.zarr.zip"
    pack(tmp_path / "a.zarr", path)
    content = path.read_bytes()
    place = content.rindex(b"PK\x01\x02") + 28  # length of the last entry's name
    path.write_bytes(content[:place] + b"\0\0" + content[place + 2 :])
    with pytest.raises(BadInputError):
        open_image(path)


def test_damaged_metadata_of_a_label_group_is_said(tmp_path: Path) -> None:
    write_image(tmp_path / "a.zarr", ramp(1, 1, 8, 8))
    (tmp_path / "a.zarr" / "labels").mkdir()
    (tmp_path / "a.zarr" / "labels" / ".zgroup").write_text("{")
    with pytest.raises(BadInputError, match="is no readable OME-Zarr image"):
        label_names(tmp_path / "a.zarr")
