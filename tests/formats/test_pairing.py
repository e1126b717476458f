"""Which file of objects belongs to which image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from bridge.errors import BadInputError
from bridge.formats.layout import FORMATS
from bridge.formats.pairing import pair


def touch(folder: Path, *names: str) -> list[Path]:
    paths = [folder / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return paths


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_that_segment_writes_is_found(tmp_path: Path, kind: str) -> None:
    images = touch(tmp_path, "a.tif", "b {0} 1.5.ome.tif", "c.OME.TIFF")
    out = tmp_path / "out"
    place = FORMATS[kind].place
    objects = touch(out, *(place.format(name=name) for name in ("a", "b {0} 1.5", "c")))

    assert pair(images, [out]) == list(zip(images, objects, strict=True))


@pytest.mark.parametrize(
    "name",
    [
        "a.geojson",
        "a.geojson.gz",
        "a_rois.zip",
        "a_labels.tif",
        "a.parquet",
        "a_labels.h5",
        "a.csv",
    ],
)
def test_a_folder_of_files_as_pull_writes_it_is_found(tmp_path: Path, name: str) -> None:
    images = touch(tmp_path, "a.tif", "b.tif")
    objects = touch(tmp_path / "out", name, name.replace("a", "b", 1))

    assert pair(images, [tmp_path / "out"]) == list(zip(images, objects, strict=True))


def test_the_fullest_format_of_a_folder_is_taken(tmp_path: Path) -> None:
    images = touch(tmp_path, "a.tif", "b.tif")
    out = tmp_path / "out"
    touch(out, "lbl/a_labels.tif", "roi/a_rois.zip", "tables/a.csv", "lbl/b_labels.tif")
    (best,) = touch(out, "geojson/a.geojson")

    assert pair(images, [out]) == [(images[0], best), (images[1], out / "lbl" / "b_labels.tif")]


def test_one_file_for_one_image_may_have_any_name(tmp_path: Path) -> None:
    image, objects = touch(tmp_path, "a.tif", "export of QuPath.geojson")

    assert pair([image], [objects]) == [(image, objects)]


def test_files_are_told_apart_by_their_names(tmp_path: Path) -> None:
    images = touch(tmp_path, "a.tif", "ab.tif", "c.ome.tif", "d.h5")
    objects = touch(
        tmp_path / "out", "ab_mask.tif", "d.geojson.gz", "c_rois.zip", "a_labels.h5", "x.csv"
    )

    pairs = dict(pair(images, objects))

    assert [pairs[image].name for image in images] == [
        "a_labels.h5", "ab_mask.tif", "c_rois.zip", "d.geojson.gz"
    ]  # fmt: skip


def test_several_folders_and_files_are_looked_through(tmp_path: Path) -> None:
    images = touch(tmp_path, "a.tif", "b.tif", "c.tif")
    a, b, c = touch(tmp_path, "1/geojson/a.geojson", "2/geojson/b.geojson", "c.geojson")

    pairs = pair(images, [tmp_path / "1", tmp_path / "2", c])

    assert pairs == list(zip(images, (a, b, c), strict=True))


def test_a_file_that_is_given_again_with_its_folder_is_one(tmp_path: Path) -> None:
    images = touch(tmp_path, "a.tif", "b.tif")
    a, b = touch(tmp_path, "out/geojson/a.geojson", "out/geojson/b.geojson")
    (tmp_path / "link").symlink_to(tmp_path / "out")

    pairs = pair(images, [tmp_path / "out", a, tmp_path / "link"])

    assert pairs == list(zip(images, (a, b), strict=True))


def test_paths_are_taken_as_texts_too(tmp_path: Path) -> None:
    image, objects = touch(tmp_path, "a.tif", "a.csv")

    assert pair([str(image)], [str(tmp_path)]) == [(image, objects)]


def test_an_image_without_objects_is_said(tmp_path: Path) -> None:
    images = touch(tmp_path, "a.ome.tif")
    sources: Sequence[Path] = [tmp_path / "1", tmp_path / "2"]
    touch(tmp_path / "1", "geojson/other.geojson")
    touch(tmp_path / "2", "b.csv")

    with pytest.raises(BadInputError) as caught:
        pair(images, sources)
    assert str(caught.value) == (
        f"{images[0]}: has no objects in {sources[0]}, {sources[1]}; expected a.geojson"
    )


def test_a_preview_is_no_table_of_objects(tmp_path: Path) -> None:
    images = touch(tmp_path, "a.tif", "out/preview/a.png", "out/run.json")

    with pytest.raises(BadInputError, match="has no objects in"):
        pair(images[:1], [tmp_path / "out"])


def test_two_files_of_objects_for_one_image_are_refused(tmp_path: Path) -> None:
    images = touch(tmp_path, "a.tif")
    one, other = touch(tmp_path, "1/a.geojson", "2/geojson/a.geojson")

    with pytest.raises(BadInputError) as caught:
        pair(images, [tmp_path / "1", tmp_path / "2"])
    assert str(caught.value) == (
        f"{images[0]}: has objects in {one} and in {other}; give one of them"
    )


def test_two_images_of_one_name_do_not_get_the_same_objects(tmp_path: Path) -> None:
    one, other, objects = touch(tmp_path, "1/a.tif", "2/a.tif", "out/a.geojson")

    with pytest.raises(BadInputError) as caught:
        pair([one, other], [tmp_path / "out"])
    assert str(caught.value) == (
        f"{objects}: would be the objects of {one} and of {other}; give one image of this name at "
        "a time"
    )


def test_one_image_may_be_given_twice(tmp_path: Path) -> None:
    image, objects = touch(tmp_path, "a.tif", "a.geojson")

    assert pair([image, image], [tmp_path]) == [(image, objects)] * 2


def test_a_source_that_is_not_there_is_said(tmp_path: Path) -> None:
    images = touch(tmp_path, "a.tif")

    with pytest.raises(BadInputError, match="none: is not there; check the path"):
        pair(images, [tmp_path / "none"])


def test_without_images_there_is_nothing_to_pair(tmp_path: Path) -> None:
    assert pair([], [tmp_path]) == []


def test_series_of_a_file_have_objects_of_their_own(tmp_path: Path) -> None:
    touch(tmp_path, "a.tif")
    images = [tmp_path / "a.tif#0", tmp_path / "a.tif#left"]
    objects = touch(tmp_path / "out" / "geojson", "a#0.geojson", "a#left.geojson")

    assert pair(images, [tmp_path / "out"]) == list(zip(images, objects, strict=True))
