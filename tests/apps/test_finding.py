"""Which QuPath there is, told from folders like those that people have."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from bridge.apps.finding import find_qupath
from bridge.errors import BadInputError
from tests.apps.app_folders import qupath, touch, write_java


@pytest.fixture(autouse=True)
def _nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PAQUO_QUPATH_DIR", raising=False)
    monkeypatch.setattr(shutil, "which", lambda _: None)


def test_qupath_on_linux(tmp_path: Path) -> None:
    folder = qupath(tmp_path / "QuPath")

    for given in (folder, tmp_path):
        app = find_qupath(given)
        assert app is not None
        assert (app.path, app.version, app.java_version) == (folder, "0.6.0", "21.0.6")


def test_qupath_on_windows_and_mac(tmp_path: Path) -> None:
    touch(tmp_path / "QuPath-0.5.1", "app/qupath-app-0.5.1.jar", "QuPath-0.5.1.exe")
    write_java(tmp_path / "QuPath-0.5.1" / "runtime", "17.0.10")
    mac = tmp_path / "QuPath.app"
    touch(mac, "Contents/app/qupath-core-0.7.0-rc1.jar")
    write_java(mac / "Contents/runtime/Contents/Home", "25")

    windows = find_qupath(tmp_path / "QuPath-0.5.1")
    on_mac = find_qupath(mac)

    assert windows is not None
    assert on_mac is not None
    assert (windows.version, windows.java_version) == ("0.5.1", "17.0.10")
    assert (on_mac.version, on_mac.java_version) == ("0.7.0-rc1", "25")


def test_the_newest_qupath_of_a_place_is_taken(tmp_path: Path) -> None:
    for version in ("0.4.4", "0.10.0", "0.6.0"):
        qupath(tmp_path / f"QuPath-{version}", version)
    touch(tmp_path, "QuPath-99.zip", "qupath-project/project.qpproj")

    app = find_qupath(places=[tmp_path / "nowhere", tmp_path])

    assert app is not None
    assert app.version == "0.10.0"
    assert find_qupath(places=[tmp_path / "nowhere"]) is None


def test_what_is_no_qupath_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "lib/app/other.jar", "file")
    for given, problem in (
        (tmp_path, "is no QuPath: it has no lib/app"),
        (tmp_path / "file", "is no QuPath"),
        (tmp_path / "gone", "does not exist"),
    ):
        with pytest.raises(BadInputError, match=problem):
            find_qupath(given)
    monkeypatch.setenv("PAQUO_QUPATH_DIR", str(tmp_path / "gone"))
    with pytest.raises(BadInputError, match=r"\(from PAQUO_QUPATH_DIR\) does not exist"):
        find_qupath()


REAL_QUPATH = os.environ.get("PAQUO_QUPATH_DIR")


@pytest.mark.skipif(REAL_QUPATH is None, reason="needs a QuPath: set PAQUO_QUPATH_DIR")
def test_the_real_one() -> None:
    assert REAL_QUPATH is not None
    app = find_qupath(REAL_QUPATH)

    assert app is not None
    assert app.version is not None
