"""Zip files: equal bytes for equal content, and none that does harm."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.errors import BadInputError
from bridge.files.archive import MODEL, list_zip, read_member, read_zip, unpack_zip, zip_bytes


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(zip_bytes({"saved_model.pb": b"graph", "variables/": b"", "x/y.txt": b"text"}))
    assert read_zip(path) == {"saved_model.pb": b"graph", "x/y.txt": b"text"}
    with zipfile.ZipFile(path) as opened:
        assert opened.testzip() is None
        assert "variables/" in opened.namelist()
        assert {info.date_time for info in opened.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "C:/evil", "..\\evil"])
def test_a_path_that_leaves_its_folder_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr(name, b"x")
    with pytest.raises(BadInputError, match="leaves its folder"):
        read_zip(path)


def test_no_zip_and_a_damaged_one_are_different_errors(tmp_path: Path) -> None:
    none, cut = tmp_path / "none.zip", tmp_path / "cut.zip"
    none.write_bytes(b"<html>not found</html>")
    cut.write_bytes(zip_bytes({"saved_model.pb": b"x" * 1000}))
    cut.write_bytes(cut.read_bytes()[:700])
    with pytest.raises(BadInputError, match="is no zip"):
        read_zip(none)
    with pytest.raises(BadInputError, match="ends too early"):
        read_zip(cut)
    with pytest.raises(BadInputError, match="does not exist"):
        read_zip(tmp_path / "missing.zip")


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    path = tmp_path / "flipped.zip"
    path.write_bytes(zip_bytes({"saved_model.pb": b"x" * 1000}))
    data = bytearray(path.read_bytes())
    data[500] ^= 1
    path.write_bytes(data)
    with pytest.raises(BadInputError, match="damaged"):
        read_zip(path)


def test_a_zip_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("saved_model.pb", bytes(100_000))

    with pytest.raises(BadInputError, match="far more than a model"):
        list_zip(path, replace(MODEL, bytes=50_000))
    assert list_zip(path) == ["saved_model.pb"]


def test_a_small_zip_that_unpacks_to_a_thousand_times_its_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("weights_best.h5", bytes(80 * 2**20))

    assert path.stat().st_size < 100_000
    with pytest.raises(BadInputError, match="far more than a model"):
        list_zip(path)


def write(path: Path, *entries: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as opened:
        for name, content in entries:
            opened.writestr(name, content)
    return path


def test_files_of_operating_systems_are_passed_over(tmp_path: Path) -> None:
    names = ("m/config.json", "__MACOSX/m/._config.json", "m/.DS_Store", "m/Thumbs.db", "m/._a.h5")
    path = write(tmp_path / "a.zip", *((name, b"x") for name in names))

    assert list_zip(path) == ["m/config.json"]
    assert list(read_zip(path)) == ["m/config.json"]


def test_windows_slashes_are_slashes(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("config.json")
    info.filename = "model\\config.json"

    assert list_zip(write(tmp_path / "a.zip", (info, b"x"))) == ["model/config.json"]


def test_a_link_a_password_and_a_repeated_name_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("weights_best.h5")
    link.external_attr = 0o120777 << 16
    locked = write(tmp_path / "locked.zip", ("config.json", b"x"))
    data = bytearray(locked.read_bytes())
    data[6] |= 1  # the bit that says so, in the file's own header and in the list at the end
    data[data.index(b"PK\x01\x02") + 8] |= 1
    locked.write_bytes(data)

    with pytest.raises(BadInputError, match="'weights_best.h5', a link to another file"):
        list_zip(write(tmp_path / "link.zip", (link, b"/etc/passwd")))
    with pytest.raises(BadInputError, match="has a password; unpack it with the password"):
        list_zip(locked)
    with pytest.raises(BadInputError, match="'Config.json' twice"):
        list_zip(write(tmp_path / "two.zip", ("config.json", b"x"), ("Config.json", b"y")))


def test_chosen_files_are_unpacked_under_new_names(tmp_path: Path) -> None:
    path = write(tmp_path / "a.zip", ("m/config.json", b"{}"), ("m/notes.txt", b"no"))
    (tmp_path / "new").mkdir()

    unpack_zip(path, tmp_path / "new", {"m/config.json": "config.json"})

    assert [p.name for p in (tmp_path / "new").iterdir()] == ["config.json"]
    assert read_member(path, "m/config.json", 10) == b"{}"
    with pytest.raises(BadInputError, match="far too large"):
        read_member(path, "m/notes.txt", 1)
