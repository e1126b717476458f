"""Telling a project where its images are now."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile

from bridge.errors import BadInputError
from bridge.formats.ilastik.project import read_project
from bridge.formats.ilastik.relinking import relink
from tests.formats.ilastik.projects import tags, write_project


def _image(path: Path, shape: tuple[int, ...] = (30, 40)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, np.zeros(shape, np.uint8))
    return path


def test_moved_images_are_found_by_name(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    lanes = [("/gone/a.tif", "yx", (30, 40)), ("b.h5/data", "yx", (30, 40))]
    path = write_project(tmp_path / "project/p.ilp", lanes=lanes)
    far = _image(tmp_path / "moved/a.tif")
    near = tmp_path / "project/images/b.h5"
    near.parent.mkdir()
    with h5py.File(near, "w") as file:
        file["data"] = np.zeros((30, 40), np.uint8)
        file["data"].attrs["axistags"] = tags("yx")

    found, lost = relink(path, tmp_path)

    assert (found, lost) == ([far, near], [])
    images = [lane.raw for lane in read_project(path).lanes]
    assert [image.stored for image in images if image] == [str(far), "images/b.h5/data"]
    assert all(image.exists for image in images if image)
    with h5py.File(path) as file:
        kinds = [
            file[f"Input Data/infos/lane000{n}/Raw Data/__class__"][()].decode() for n in (0, 1)
        ]
    assert kinds == ["FilesystemDatasetInfo", "RelativeFilesystemDatasetInfo"]


def test_what_is_not_found_stays_as_it_is(tmp_path: Path) -> None:
    path = write_project(tmp_path / "p.ilp")
    (tmp_path / "empty").mkdir()
    before = path.read_bytes()

    found, lost = relink(path, tmp_path / "empty")

    assert (found, lost) == ([], [tmp_path / "a.tif"])
    assert path.read_bytes() == before


def test_of_two_files_the_one_in_folders_of_the_old_names_is_taken(tmp_path: Path) -> None:
    path = write_project(tmp_path / "p.ilp", lanes=[("/gone/plate 1/a.tif", "yx", (30, 40))])
    wanted = _image(tmp_path / "moved/plate 1/a.tif")
    _image(tmp_path / "moved/plate 2/a.tif")

    assert relink(path, tmp_path / "moved")[0] == [wanted]


def test_a_name_that_two_files_have_is_refused(tmp_path: Path) -> None:
    path = write_project(tmp_path / "p.ilp")
    before = path.read_bytes()
    one, two = (_image(tmp_path / f"moved/{name}/a.tif") for name in "xy")

    with pytest.raises(BadInputError) as raised:
        relink(path, tmp_path / "moved")

    assert str(one) in str(raised.value)
    assert str(two) in str(raised.value)
    assert path.read_bytes() == before


def test_an_image_of_another_size_is_refused(tmp_path: Path) -> None:
    path = write_project(tmp_path / "p.ilp")
    _image(tmp_path / "moved/a.tif", (31, 40))

    with pytest.raises(BadInputError, match="31 × 40"):
        relink(path, tmp_path / "moved")


def test_no_folder_to_look_in_is_said(tmp_path: Path) -> None:
    path = write_project(tmp_path / "p.ilp")

    with pytest.raises(BadInputError, match="is no folder"):
        relink(path, tmp_path / "none")
