"""QuPath projects read as they lie on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bridge import ImageInfo, PixelSize
from bridge.apps.qupath.project_files import ProjectFiles, file_of, read_project
from bridge.errors import BadInputError


def entry(number: int, name: str, uri: str, **more: Any) -> dict[str, Any]:
    """An image as QuPath 0.4 and later list it."""
    return {
        "serverBuilder": {
            "builderType": "uri",
            "providerClassName": "qupath.lib.images.servers.bioformats.BioFormatsServerBuilder",
            "uri": uri,
            "args": ["--series", "0"],
            "metadata": {"name": name, "width": 1593, "height": 1266},
        },
        "entryID": number,
        "randomizedName": "0f3c",
        "imageName": name,
        **more,
    }


def write_project(folder: Path, *images: dict[str, Any], **more: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    record = {"version": "0.6.0", "lastID": len(images), "images": list(images), **more}
    (folder / "project.qpproj").write_text(json.dumps(record), encoding="utf-8")
    return folder


@pytest.fixture
def project(tmp_path: Path) -> ProjectFiles:
    (tmp_path / "a µ.tif").write_bytes(b"")
    folder = write_project(
        tmp_path / "project",
        entry(1, "a.tif", (tmp_path / "a µ.tif").as_uri()),
        entry(2, "b.tif", "file:/D:/images/b%20c.tif", description="look", metadata={"k": "v"}),
        entry(7, "b.tif", "https://server/image/7"),
    )
    (folder / "classifiers").mkdir()
    classes = [{"name": "Tumor", "color": -3670016}, {"name": "Immune: CD3"}]
    (folder / "classifiers" / "classes.json").write_text(json.dumps({"pathClasses": classes}))
    (folder / "data" / "1").mkdir(parents=True)
    (folder / "data" / "1" / "thumbnail.jpg").write_bytes(b"jpg")
    (folder / "data" / "1" / "data.qpdata").write_bytes(b"objects")
    return read_project(folder)


def test_images_are_items_of_a_set(project: ProjectFiles) -> None:
    assert len({*project.images, *read_project(project.file).images}) == 3


def test_images_are_selected_by_name_or_number(project: ProjectFiles) -> None:
    assert [image.id for image in project.select(["7", "a.tif"])] == ["7", "1"]
    assert project.select(None) == project.images


def test_images_are_listed_with_their_files(project: ProjectFiles, tmp_path: Path) -> None:
    first, second, third = project.images

    assert [image.id for image in project.images] == ["1", "2", "7"]
    assert (first.name, first.width, first.height) == ("a.tif", 1593, 1266)
    assert first.paths == (tmp_path / "a µ.tif",)
    assert first.missing == ()
    assert second.missing == (Path("D:/images/b c.tif"),)
    assert (second.description, second.metadata) == ("look", {"k": "v"})
    assert third.paths == ()


def described(**metadata: Any) -> dict[str, Any]:
    image = entry(1, "a.tif", "file:/gone/a.tif")
    image["serverBuilder"]["metadata"] |= metadata
    return image


def pixels(width: float, height: float, unit: str) -> dict[str, Any]:
    return {
        "pixelWidth": {"value": width, "unit": unit},
        "pixelHeight": {"value": height, "unit": unit},
    }


def test_an_image_is_described_without_its_file(tmp_path: Path) -> None:
    image = described(
        sizeZ=5,
        sizeT=2,
        channels=[{"name": "DAPI", "color": -1}, {"name": "T b"}],
        pixelCalibration=pixels(0.5, 0.25, "µm"),
    )

    (found,) = read_project(write_project(tmp_path / "project", image)).images

    assert found.info("a") == ImageInfo(
        name="a",
        width=1593,
        height=1266,
        size_z=5,
        size_t=2,
        channels=("DAPI", "T b"),
        pixel_size=PixelSize(y=0.25, x=0.5),
    )


@pytest.mark.parametrize(
    "calibration",
    [
        pixels(1, 1, "px"),
        pixels(0, 1, "µm"),
        pixels(float("nan"), 1, "µm"),
        {"pixelWidth": {"value": 1, "unit": "µm"}},
        {"pixelWidth": 1},
        "1 µm",
        None,
    ],
)
def test_a_pixel_size_that_is_no_length_is_unknown(tmp_path: Path, calibration: Any) -> None:
    image = described(pixelCalibration=calibration, channels="DAPI", sizeZ=0)

    (found,) = read_project(write_project(tmp_path / "project", image)).images

    assert (found.pixel_size, found.channels, found.size_z) == (None, (), 1)


def test_thumbnails_and_changes_are_known(project: ProjectFiles) -> None:
    assert project.images[0].thumbnail == project.folder / "data" / "1" / "thumbnail.jpg"
    assert project.images[0].last_change is not None
    assert project.images[1].thumbnail is None
    assert project.images[1].last_change is None


def test_classes_are_listed_with_their_colours(project: ProjectFiles) -> None:
    assert [(c.name, c.color) for c in project.classes] == [
        ("Tumor", "#c80000"), ("Immune: CD3", None)
    ]  # fmt: skip


def test_an_image_is_found_by_name_or_number(project: ProjectFiles) -> None:
    assert project.image("a.tif").id == "1"
    assert project.image("7").uris == ("https://server/image/7",)
    with pytest.raises(BadInputError, match="named 'b.tif'; give the number: 2, 7"):
        project.image("b.tif")
    with pytest.raises(BadInputError, match=r"has no image 'x'; it has a\.tif, b\.tif, b\.tif"):
        project.image("x")


def test_an_image_inside_of_others_keeps_its_file(tmp_path: Path) -> None:
    rotated = entry(1, "a", "")
    rotated["serverBuilder"] = {
        "builderType": "rotated",
        "builder": {"builderType": "cropped", "builder": {"uri": "file:///a/b.tif"}},
    }
    concatenated = entry(2, "b", "")
    concatenated["serverBuilder"] = {
        "channels": [{"uri": "file:///a/c1.tif"}, {"uri": "file:///a/c2.tif"}]
    }

    images = read_project(write_project(tmp_path, rotated, concatenated)).images

    assert images[0].paths == (Path("/a/b.tif"),)
    assert images[1].paths == (Path("/a/c1.tif"), Path("/a/c2.tif"))


def test_projects_of_old_versions_are_read(tmp_path: Path) -> None:
    old = {"uniqueID": "12", "name": "old.tif", "serverBuilder": {"uri": "file:/x/old.tif"}}

    project = read_project(write_project(tmp_path, old, version="0.2.0", pathClasses=[
        {"name": "Tumor", "colorRGB": -3670016}
    ]))  # fmt: skip

    assert (project.version, project.images[0].id, project.images[0].name) == (
        "0.2.0", "12", "old.tif",
    )  # fmt: skip
    assert project.classes[0].color == "#c80000"


def test_a_project_that_was_moved_says_from_where(tmp_path: Path) -> None:
    folder = write_project(tmp_path, uri="file:/home/ann/study/project.qpproj")

    assert read_project(folder).moved_from == "file:/home/ann/study/project.qpproj"

    here = write_project(tmp_path, uri=(tmp_path / "project.qpproj").as_uri())
    assert read_project(here).moved_from is None


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:/home/a%20b/%C2%B5.tif", "/home/a b/µ.tif"),
        ("file:///home/a.tif", "/home/a.tif"),
        ("file:/C:/a/b.tif", "C:/a/b.tif"),
        ("file:///C:/a/b.tif", "C:/a/b.tif"),
        ("file://server/share/b.tif", "//server/share/b.tif"),
        ("file:/a/b%23c%3Fd.tif", "/a/b#c?d.tif"),
    ],
)
def test_files_are_named_in_every_way_that_qupath_writes(uri: str, path: str) -> None:
    assert file_of(uri) == Path(path)


@pytest.mark.parametrize("uri", ["https://a/b.tif", "omero://1", "b.tif", ""])
def test_what_is_on_a_server_is_no_file(uri: str) -> None:
    assert file_of(uri) is None


def test_what_is_no_project_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="there is no such project"):
        read_project(tmp_path / "none")
    with pytest.raises(BadInputError, match=r"is no QuPath project; give the folder"):
        read_project(tmp_path)
    (tmp_path / "project.qpproj").write_text('{"a": 1}')
    with pytest.raises(BadInputError, match="is no QuPath project"):
        read_project(tmp_path)
    (tmp_path / "project.qpproj").write_text("[" * 100_000)
    with pytest.raises(BadInputError, match=r"is damaged.*project\.qpproj\.backup"):
        read_project(tmp_path)


def test_a_project_that_lost_its_file_is_told_of_its_backup(tmp_path: Path) -> None:
    (tmp_path / "project.qpproj.backup").write_text("{}")

    with pytest.raises(BadInputError, match=r"has project\.qpproj\.backup; rename that"):
        read_project(tmp_path)


@pytest.mark.parametrize("identity", ["../../etc", "1/2", "", None, "..", {"a": 1}])
def test_an_image_number_that_would_leave_the_project_is_refused(
    tmp_path: Path, identity: object
) -> None:
    bad = entry(1, "a", "file:/a.tif")
    bad["entryID"] = identity

    with pytest.raises(BadInputError, match="has an image of the number"):
        read_project(write_project(tmp_path, bad))
