"""Which image of a project a file is, and where moved ones are now."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from bridge.apps.qupath.matching import find_in_project, find_moved, new_name, relinked
from bridge.apps.qupath.project_files import ProjectFiles, read_project
from bridge.errors import BadInputError
from tests.apps.qupath.server_builders import uri_builder, wrapped
from tests.apps.qupath.test_project_files import entry, write_project


def project_of(folder: Path, *uris: str, names: tuple[str, ...] = ()) -> ProjectFiles:
    """A project of one image a URI."""
    named = names or tuple(uri.rpartition("/")[2] for uri in uris)
    images = [
        entry(number, name, uri)
        for number, (name, uri) in enumerate(zip(named, uris, strict=True), 1)
    ]
    return read_project(write_project(folder, *images))


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


def test_a_file_is_found_however_its_path_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = touch(tmp_path / "images" / "a µ #1.tif")
    (tmp_path / "other").mkdir()
    (tmp_path / "link.tif").symlink_to(file)
    (tmp_path / "folder link").symlink_to(file.parent)
    project = project_of(tmp_path / "p", file.as_uri())
    monkeypatch.chdir(tmp_path)

    for path in (
        file,
        Path("images/a µ #1.tif"),
        Path("other/../images/a µ #1.tif"),
        tmp_path / "link.tif",
        tmp_path / "folder link" / "a µ #1.tif",
    ):
        found = find_in_project(project, path)
        assert found is not None
        assert found.id == "1"


@pytest.mark.parametrize("beginning", ["file:", "file://"])
def test_a_file_that_the_project_has_by_a_link_is_found(tmp_path: Path, beginning: str) -> None:
    file = touch(tmp_path / "a.tif")
    (tmp_path / "b.tif").symlink_to(file)
    project = project_of(tmp_path / "p", f"{beginning}{tmp_path}/b.tif")

    assert find_in_project(project, file) is project.images[0]


def test_a_file_by_another_name_of_the_same_disk_entry_is_found(tmp_path: Path) -> None:
    file = touch(tmp_path / "Scan.tif")
    os.link(file, tmp_path / "scan.tif")  # as on a disk that does not tell capitals apart
    project = project_of(tmp_path / "p", (tmp_path / "scan.tif").as_uri())

    assert find_in_project(project, file) is project.images[0]


def test_another_file_is_not_found(tmp_path: Path) -> None:
    project = project_of(
        tmp_path / "p", touch(tmp_path / "a" / "x.tif").as_uri(), "omero://1/x.tif"
    )

    assert find_in_project(project, touch(tmp_path / "b" / "x.tif")) is None
    assert find_in_project(project, tmp_path / "a" / "y.tif") is None


def test_a_file_that_is_not_there_is_still_known_by_its_place(tmp_path: Path) -> None:
    project = project_of(tmp_path / "p", (tmp_path / "gone.tif").as_uri())

    assert find_in_project(project, tmp_path / "gone.tif") is project.images[0]


def test_a_part_of_an_image_of_several_files_is_that_image(tmp_path: Path) -> None:
    files = [touch(tmp_path / f"c{n}.tif") for n in (1, 2)]
    several = entry(1, "several", "")
    several["serverBuilder"] = {"channels": [{"uri": file.as_uri()} for file in files]}
    project = read_project(write_project(tmp_path / "p", several))

    assert all(find_in_project(project, file) is project.images[0] for file in files)


def test_a_moved_image_is_not_added_again(tmp_path: Path) -> None:
    project = project_of(tmp_path / "p", "file:/old/place/a%20b.tif")
    file = touch(tmp_path / "new" / "a b.tif")

    with pytest.raises(BadInputError) as caught:
        find_in_project(project, file)
    assert str(caught.value) == (
        f"{file}: is not in the project, but /old/place/a b.tif is, and that is not there any "
        f"more; give --relink {file.parent} if it was moved"
    )


def test_the_moved_part_of_an_image_of_several_files_is_the_one_that_is_named(
    tmp_path: Path,
) -> None:
    several = entry(1, "several", "")
    several["serverBuilder"] = {"channels": [{"uri": f"file:/old/c{n}.tif"} for n in (1, 2)]}
    project = read_project(write_project(tmp_path / "p", several))

    with pytest.raises(BadInputError, match="but /old/c2.tif is"):
        find_in_project(project, touch(tmp_path / "c2.tif"))


def test_an_image_that_moved_from_windows_is_recognised(tmp_path: Path) -> None:
    project = project_of(tmp_path / "p", "file:/D:/Images%20of%20Ann/a.tif")

    with pytest.raises(BadInputError, match=r"but D:/Images of Ann/a\.tif is"):
        find_in_project(project, touch(tmp_path / "a.tif"))


def variants(folder: Path, file: Path, **builders: dict[str, Any]) -> ProjectFiles:
    """A project that shows one file in several ways."""
    images = []
    for number, (name, builder) in enumerate(builders.items(), 1):
        image = entry(number, name, file.as_uri())
        image["serverBuilder"] = builder
        images.append(image)
    return read_project(write_project(folder, *images))


def test_an_image_that_is_there_twice_is_named(tmp_path: Path) -> None:
    file = touch(tmp_path / "a.tif")
    project = project_of(tmp_path / "p", file.as_uri(), f"file:{file}", names=("first", "second"))

    with pytest.raises(
        BadInputError,
        match=r"several times: first \(a\.tif\), second \(a\.tif\); give a\.tif#NAME",
    ):
        find_in_project(project, file)
    assert find_in_project(project, tmp_path / "a.tif#second") is project.images[1]


def test_the_image_that_shows_the_file_as_it_is_is_found_among_turned_ones(tmp_path: Path) -> None:
    file = touch(tmp_path / "a.tif")
    plain = uri_builder(40, 30, uri=file.as_uri())
    turned = wrapped("rotated", plain, rotation="ROTATE_180")
    project = variants(tmp_path / "p", file, turned=turned, plain=plain, pixels=wrapped(
        "typeConvert", plain, pixelType="FLOAT32"
    ))  # fmt: skip

    assert find_in_project(project, file) is project.images[1]
    assert find_in_project(project, tmp_path / "a.tif#turned") is project.images[0]
    with pytest.raises(
        BadInputError,
        match=r"has no image 'Turned' in the project; it has turned \(a\.tif, rotated by 180°\), ",
    ):
        find_in_project(project, tmp_path / "a.tif#Turned")


def test_series_are_found_by_number_name_and_size(tmp_path: Path) -> None:
    file = touch(tmp_path / "a.lif")

    def series(number: int, width: int) -> dict[str, Any]:
        return uri_builder(width, 30, uri=file.as_uri(), args=["--series", str(number)])

    first, second, third = series(0, 40), series(1, 40), series(2, 50)
    project = variants(
        tmp_path / "p", file, **{"a.lif - left": first, "a.lif - right": second, "eye": third}
    )

    for series_name, found in (("0", 0), ("2", 2), ("left", 0), ("right", 1), ("eye", 2)):
        place = tmp_path / f"a.lif#{series_name}"
        assert find_in_project(project, place) is project.images[found]
    assert find_in_project(project, file, (50, 30)) is project.images[2]
    with pytest.raises(BadInputError, match=r"a\.lif - right \(a\.lif#1\), eye"):
        find_in_project(project, file, (40, 30))
    with pytest.raises(BadInputError, match="has no image '7' in the project"):
        find_in_project(project, tmp_path / "a.lif#7")
    assert project.image("a.lif#1") is project.images[1]
    assert project.image(f"{file}#left") is project.images[0]
    with pytest.raises(BadInputError, match="several images named 'a.lif'; give the number: 1, 2"):
        project.image("a.lif")


def test_a_series_of_a_file_that_the_project_does_not_have_is_not_added(tmp_path: Path) -> None:
    project = project_of(tmp_path / "p", "omero://1")
    touch(tmp_path / "a.lif")

    with pytest.raises(BadInputError, match=r"a\.lif#1: is not in the project; add the series"):
        find_in_project(project, tmp_path / "a.lif#1")


@pytest.mark.parametrize(
    ("taken", "name"),
    [
        ((), "x.tif"),
        (("x.tif",), "slides/x.tif"),
        (("x.tif", "slides/x.tif"), "slides/x.tif (2)"),
        (("x.tif", "slides/x.tif", "slides/x.tif (2)"), "slides/x.tif (3)"),
    ],
)
def test_a_new_image_has_a_name_that_no_other_has(
    tmp_path: Path, taken: tuple[str, ...], name: str
) -> None:
    project = project_of(tmp_path / "p", *(f"omero://{n}" for n in taken), names=taken)

    assert new_name(project, tmp_path / "slides" / "x.tif") == name


def test_the_folder_of_a_relative_path_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = project_of(tmp_path / "p", "omero://1", names=("x.tif",))
    (tmp_path / "slides" / "inner").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "slides")

    assert new_name(project, Path("x.tif")) == "slides/x.tif"
    assert new_name(project, Path("inner/../x.tif")) == "slides/x.tif"
    assert new_name(project, Path("/x.tif")) == "x.tif (2)"


def test_moved_files_are_found_in_folders_of_folders(tmp_path: Path) -> None:
    new = touch(tmp_path / "disk" / "2024" / "May" / "a b#1 50% µ.tif")
    old = "file:/old/a%20b%231%2050%25%20%C2%B5.tif"
    project = project_of(tmp_path / "p", old, "file:///old/lost.tif", "https://server/image/7")

    moved, lost = find_moved(project, [tmp_path / "disk"])

    assert moved == {old: new.as_uri()}
    assert lost == [Path("/old/lost.tif")]


def test_files_that_are_where_the_project_says_stay(tmp_path: Path) -> None:
    here = touch(tmp_path / "here" / "a.tif")
    touch(tmp_path / "copy" / "a.tif")
    project = project_of(tmp_path / "p", here.as_uri())

    assert find_moved(project, [tmp_path / "copy"]) == ({}, [])


def test_files_from_windows_are_found(tmp_path: Path) -> None:
    uris = ("file:/D:/Images/a.tif", "file:///C:/b.tif", "file://server/share/c.tif")
    news = [touch(tmp_path / "new" / uri[-5:]) for uri in uris]
    project = project_of(tmp_path / "p", *uris)

    moved, lost = find_moved(project, [tmp_path / "new"])

    assert moved == {uri: new.as_uri() for uri, new in zip(uris, news, strict=True)}
    assert lost == []


def test_every_file_of_an_image_of_several_is_found(tmp_path: Path) -> None:
    several = entry(1, "several", "")
    uris = [f"file:/old/c{n}.tif" for n in (1, 2, 3)]
    several["serverBuilder"] = {"channels": [{"uri": uri} for uri in uris]}
    project = read_project(write_project(tmp_path / "p", several))
    news = [touch(tmp_path / "new" / f"c{n}.tif") for n in (1, 2)]

    moved, lost = find_moved(project, [tmp_path / "new"])

    assert moved == {uris[0]: news[0].as_uri(), uris[1]: news[1].as_uri()}
    assert lost == [Path("/old/c3.tif")]


def test_a_file_is_found_once_in_folders_that_hold_one_another(tmp_path: Path) -> None:
    new = touch(tmp_path / "disk" / "inner" / "a.tif")
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    project = project_of(tmp_path / "p", "file:/old/a.tif")
    folders = [tmp_path / "disk", tmp_path / "disk" / "inner", tmp_path / "link" / "inner"]

    assert find_moved(project, folders) == ({"file:/old/a.tif": new.as_uri()}, [])


def test_a_folder_that_is_an_image_is_found(tmp_path: Path) -> None:
    (tmp_path / "new" / "a.ome.zarr").mkdir(parents=True)
    project = project_of(tmp_path / "p", "file:/old/a.ome.zarr")

    assert find_moved(project, [tmp_path / "new"])[0] == {
        "file:/old/a.ome.zarr": (tmp_path / "new" / "a.ome.zarr").as_uri()
    }


def test_a_folder_called_like_an_image_is_none(tmp_path: Path) -> None:
    (tmp_path / "new" / "a.tif").mkdir(parents=True)
    project = project_of(tmp_path / "p", "file:/old/a.tif")

    assert find_moved(project, [tmp_path / "new"]) == ({}, [Path("/old/a.tif")])


def test_of_two_files_of_a_name_either_may_be_the_image(tmp_path: Path) -> None:
    a, b = (touch(tmp_path / "new" / folder / "x.tif") for folder in "ab")
    project = project_of(tmp_path / "p", "file:/old/x.tif")

    with pytest.raises(BadInputError) as caught:
        find_moved(project, [tmp_path / "new"])
    assert str(caught.value) == (
        f"{b}: has the name of {a}, and either may be the image; give the folder of one of them"
    )


def test_images_of_one_name_follow_their_folders(tmp_path: Path) -> None:
    news = [touch(tmp_path / "new" / day / "x.tif") for day in ("day 1", "day 2")]
    uris = ("file:/old/day%201/x.tif", "file:/old/day%202/x.tif")
    project = project_of(tmp_path / "p", *uris)

    moved, lost = find_moved(project, [tmp_path / "new"])

    assert moved == {uri: new.as_uri() for uri, new in zip(uris, news, strict=True)}
    assert lost == []


def test_one_file_never_stands_for_two_images(tmp_path: Path) -> None:
    new = touch(tmp_path / "new" / "x.tif")
    project = project_of(tmp_path / "p", "file:/old/a/x.tif", "file:/old/b/x.tif")

    with pytest.raises(BadInputError, match=f"{new}: may be /old/a/x.tif or /old/b/x.tif"):
        find_moved(project, [tmp_path / "new"])


def test_the_image_of_another_folder_stays_lost(tmp_path: Path) -> None:
    new = touch(tmp_path / "new" / "a" / "x.tif")
    project = project_of(tmp_path / "p", "file:/old/a/x.tif", "file:/old/b/x.tif")

    moved, lost = find_moved(project, [tmp_path / "new"])

    assert (moved, lost) == ({"file:/old/a/x.tif": new.as_uri()}, [Path("/old/b/x.tif")])


def test_the_file_of_another_image_is_not_taken(tmp_path: Path) -> None:
    here = touch(tmp_path / "images" / "a" / "x.tif")
    project = project_of(tmp_path / "p", here.as_uri(), "file:/old/b/x.tif")

    assert find_moved(project, [tmp_path / "images"]) == ({}, [Path("/old/b/x.tif")])


def test_two_images_of_one_file_move_together(tmp_path: Path) -> None:
    new = touch(tmp_path / "new" / "a.tif")
    uris = ("file:/old/a.tif", "file:///old/a.tif")
    project = project_of(tmp_path / "p", *uris, names=("series 1", "series 2"))

    assert find_moved(project, [tmp_path / "new"]) == (dict.fromkeys(uris, new.as_uri()), [])


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.write_bytes(b"")])
def test_a_folder_to_look_in_has_to_be_one(tmp_path: Path, make: Any) -> None:
    make(tmp_path / "none")
    project = project_of(tmp_path / "p", "file:/old/a.tif")

    with pytest.raises(BadInputError, match="none: is no folder; give the folder where"):
        find_moved(project, [tmp_path / "none"])


def test_a_project_is_known_as_it_will_be_relinked(tmp_path: Path) -> None:
    file = touch(tmp_path / "now" / "a.tif")
    project = project_of(tmp_path / "p", "file:/gone/a.tif", "file:/gone/b.tif")
    before = project.file.read_bytes()
    moved, _ = find_moved(project, [tmp_path / "now"])

    found = find_in_project(relinked(project, moved), file)

    assert found is not None
    assert (found.id, found.missing) == ("1", ())
    assert relinked(project, {}) == project
    assert project.file.read_bytes() == before
