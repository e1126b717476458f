"""Which ilastik there is, told from folders like those that people have."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bridge.apps.ilastik.finding import find_ilastik, require_ilastik
from bridge.errors import BadInputError
from tests.apps.app_folders import touch


@pytest.fixture(autouse=True)
def _nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ILASTIK", raising=False)
    monkeypatch.setattr(shutil, "which", lambda _: None)


PLACES = [
    ("ilastik-1.4.1-Linux/run_ilastik.sh", "1.4.1"),
    ("ilastik-1.4.1.post1-OSX.app/Contents/MacOS/ilastik", "1.4.1"),
    ("ilastik-1.4.1-OSX.app/Contents/ilastik-release/run_ilastik.sh", "1.4.1"),
    ("ilastik-1.4.0rc8/ilastik.exe", "1.4.0rc8"),
    ("ilastik/ilastik.exe", None),
]


@pytest.mark.parametrize(("name", "version"), PLACES)
def test_it_is_found_where_it_is_unpacked(tmp_path: Path, name: str, version: str | None) -> None:
    touch(tmp_path, name, "ilastik-projects/a.ilp")

    app = find_ilastik(places=[tmp_path])

    assert app is not None
    assert (app.launcher, app.version) == (tmp_path / name, version)


@pytest.mark.parametrize(("name", "version"), PLACES)
@pytest.mark.parametrize("program", [False, True])
def test_the_variable_names_its_folder_or_its_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, version: str | None, program: bool
) -> None:
    touch(tmp_path, name)
    place = tmp_path / (name if program else name.partition("/")[0])
    monkeypatch.setenv("ILASTIK", str(place))

    app = find_ilastik(places=[])

    assert app is not None
    assert (app.launcher, app.version) == (tmp_path / name, version)


def test_the_newest_comes_first(tmp_path: Path) -> None:
    touch(tmp_path, "ilastik-1.3.3-Linux/run_ilastik.sh", "ilastik-1.4.1-Linux/run_ilastik.sh")

    app = find_ilastik(places=[tmp_path])

    assert app is not None
    assert app.version == "1.4.1"


def test_a_mac_runs_the_script_that_opens_no_window(tmp_path: Path) -> None:
    app = tmp_path / "ilastik-1.4.1-OSX.app"
    touch(app, "Contents/MacOS/ilastik", "Contents/ilastik-release/run_ilastik.sh")

    found = find_ilastik(app)

    assert found is not None
    assert found.launcher == app / "Contents/ilastik-release/run_ilastik.sh"


def test_in_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "ilastik-1.4.1-Linux/run_ilastik.sh")
    launcher = tmp_path / "ilastik-1.4.1-Linux/run_ilastik.sh"
    monkeypatch.setattr(shutil, "which", lambda n: str(launcher) if n == "run_ilastik.sh" else None)

    app = find_ilastik(places=[])

    assert app is not None
    assert app.version == "1.4.1"


def test_its_packages_say_the_version_where_no_folder_does(tmp_path: Path) -> None:
    touch(tmp_path, "mine/run_ilastik.sh", "mine/conda-meta/ilastik-core-1.4.2-py_0.json")

    app = find_ilastik(tmp_path / "mine")

    assert app is not None
    assert app.version == "1.4.2"


def test_a_name_that_is_no_ilastik_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadInputError, match=r"is no ilastik: .*; give the folder"):
        find_ilastik(tmp_path)
    monkeypatch.setenv("ILASTIK", str(tmp_path / "none"))
    with pytest.raises(BadInputError, match=r"none: \(from ILASTIK\) does not exist"):
        find_ilastik()


def test_a_script_for_a_shell_is_not_run(tmp_path: Path) -> None:
    touch(tmp_path, "run-ilastik.bat")

    assert find_ilastik(places=[tmp_path.parent]) is None
    with pytest.raises(BadInputError, match=r"run-ilastik\.bat: is a script that Windows runs"):
        find_ilastik(tmp_path / "run-ilastik.bat")


def test_none_is_an_error_where_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.apps.ilastik.finding.usual_places", list)

    assert find_ilastik() is None
    with pytest.raises(BadInputError, match=r"was not found .* set ILASTIK to its folder"):
        require_ilastik()
