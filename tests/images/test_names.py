"""What an image is called, and which files of a folder are images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.errors import BadInputError
from bridge.images import find_images, image_name
from bridge.images.series import split_series

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a.tif", "a"),
        ('/data/a b\'s "x".OME.TIF', 'a b\'s "x"'),
        ("Zellkern µ 核.ome.tiff", "Zellkern µ 核"),
        ("-leading.TIFF", "-leading"),
        ("x.ome.zarr/", "x"),
        ("x.zarr", "x"),
        ("x.h5", "x"),
        ("day 1.5", "day 1.5"),
        ("Pa_dQ_J70_OG1_s1.nd2.tif", "Pa_dQ_J70_OG1_s1.nd2"),
        (".tif", ".tif"),
    ],
)
def test_the_name_is_the_file_name_without_image_ending(path: str, name: str) -> None:
    assert image_name(path) == name


def test_a_folder_gives_its_images_in_natural_order(tmp_path: Path) -> None:
    for name in ("s10.tif", "s2.TIF", "S1.ome.tif", ".hidden.tif", "._s2.tif", "a.txt", "b.png"):
        (tmp_path / name).touch()
    (tmp_path / "s3.ome.zarr").mkdir()
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "s4.tif").touch()
    (tmp_path / "folder.tif").mkdir()
    names = [path.name for path in find_images([tmp_path])]
    assert names == ["S1.ome.tif", "s2.TIF", "s3.ome.zarr", "s10.tif"]


def test_files_are_taken_as_given(tmp_path: Path) -> None:
    zarr, text = tmp_path / "z.zarr", tmp_path / "-odd name.txt"
    zarr.mkdir()
    text.touch()
    assert find_images([text, zarr, text]) == [text, zarr, text]


def test_a_folder_with_zarr_metadata_is_an_image_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "zarr.json").touch()
    assert find_images([tmp_path]) == [tmp_path]


def test_missing_paths_and_folders_without_images_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"none: does not exist; check the spelling"):
        find_images([tmp_path / "none"])
    with pytest.raises(BadInputError, match=r"is a folder without images; give .*\.tif, .*\.zarr"):
        find_images([tmp_path])


def test_a_path_that_the_system_refuses_is_an_error_for_people(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"cannot be read|does not exist"):
        find_images([tmp_path / ("x" * 5000)])


@pytest.mark.parametrize(
    ("given", "file", "series"),
    [
        ("a.lif#2", "a.lif", "2"),
        ("a.lif#left eye", "a.lif", "left eye"),
        ("b #1.tif#0", "b #1.tif", "0"),
        ("a.lif", "a.lif", None),
        ("a.lif#", "a.lif#", None),
        ("#2", "#2", None),
        ("c#d/a.tif", "c#d/a.tif", None),
    ],
)
def test_a_series_is_split_from_its_file(
    tmp_path: Path, given: str, file: str, series: str | None
) -> None:
    assert split_series(tmp_path / given) == (tmp_path / file, series)


def test_the_name_of_a_series_may_have_slashes(tmp_path: Path) -> None:
    (tmp_path / "a.lif").touch()

    series = tmp_path / "a.lif#slide 1/left: eye"

    assert split_series(series) == (tmp_path / "a.lif", "slide 1/left: eye")
    assert find_images([series]) == [series]
    assert image_name(series) == "a#slide 1_left_ eye"


def test_a_file_whose_own_name_has_the_sign_is_that_file(tmp_path: Path) -> None:
    (tmp_path / "a #1.tif").touch()

    assert split_series(tmp_path / "a #1.tif") == (tmp_path / "a #1.tif", None)


def test_series_are_found_beside_files_and_folders(tmp_path: Path) -> None:
    for name in ("a.tif", "b.lif"):
        (tmp_path / name).touch()

    found = find_images([tmp_path, tmp_path / "b.lif#1"])

    assert found == [tmp_path / "a.tif", tmp_path / "b.lif", tmp_path / "b.lif#1"]
    with pytest.raises(BadInputError, match=r"c\.lif: does not exist"):
        find_images([tmp_path / "c.lif#1"])
