"""Zip files: equal bytes for equal content, and none that does harm."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from bridge.errors import BadInputError
from bridge.files import archive
from bridge.files.archive import read_zip, zip_bytes


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


def test_a_zip_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("saved_model.pb", bytes(100_000))
    monkeypatch.setattr(archive, "LARGEST", 50_000)
    with pytest.raises(BadInputError, match="far more than a model"):
        read_zip(path)
