"""Why a Fiji's StarDist plugin will fail, by its files."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from bridge.apps.fiji import stardist_check
from bridge.apps.fiji.finding import inspect_app
from bridge.apps.fiji.stardist_check import find_obstacles, require_stardist
from bridge.errors import BadInputError
from bridge.java.home import JavaHome
from tests.apps.app_folders import OF_SYSTEM, fiji_of_today, plain_imagej, touch

MACROS = Path(__file__).parents[3] / "macros"
STARDIST = MACROS / "stardist_haug2.ijm"


@pytest.fixture(autouse=True)
def processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.delenv("FIJI_APP", raising=False)


@pytest.fixture
def app(tmp_path: Path) -> Path:
    return fiji_of_today(tmp_path / "Fiji")


def java(version: str) -> JavaHome:
    return JavaHome(Path("java"), "JAVA_HOME", version)


def keys(app: Path, version: str = "21.0.7") -> list[str]:
    return [found.cause.key for found in find_obstacles(inspect_app(app), java(version))]


def replace_loader(app: Path, version: str) -> None:
    (app / "jars/imagej-tensorflow-1.1.9.jar").unlink()
    touch(app, f"jars/imagej-tensorflow-{version}.jar")


def test_nothing_stands_in_the_way_of_a_fiji_of_today(app: Path) -> None:
    assert keys(app) == []
    require_stardist(STARDIST, app)


@pytest.mark.parametrize(
    ("loader", "version", "fails"),
    [("1.1.8", "17.0.2", True), ("1.1.5", "21", True), ("1.1.8", "1.8.0_322", False),
     ("1.1.9", "25", False)],
)  # fmt: skip
def test_an_old_loader_of_tensorflow_needs_java_8(
    app: Path, loader: str, version: str, fails: bool
) -> None:
    replace_loader(app, loader)

    assert keys(app, version) == (["imagej-tensorflow"] if fails else [])


def test_an_old_loader_finds_a_library_in_the_folder_lib(app: Path) -> None:
    replace_loader(app, "1.1.8")
    touch(app, f"lib/{OF_SYSTEM}/libtensorflow_jni.so")

    assert keys(app) == []


def test_of_two_protobufs_the_one_that_fits_may_come_first(app: Path) -> None:
    touch(app, "jars/protobuf-java-4.32.0.jar")
    [only] = find_obstacles(inspect_app(app), java("21"))
    assert (only.part, only.found, only.certain) == ("protobuf-java", "4.32.0", True)

    touch(app, "jars/protobuf-java-3.23.0.jar")
    [both] = find_obstacles(inspect_app(app), java("21"))
    assert (both.found, both.certain) == ("3.23.0 and 4.32.0", False)

    require_stardist(STARDIST, app)
    (app / "jars/protobuf-java-4.32.0.jar").unlink()
    assert keys(app) == []


def test_a_crash_blocks_an_old_loader_only(app: Path) -> None:
    touch(app, f"lib/{OF_SYSTEM}/.crashed")
    assert keys(app, "1.8.0_322") == []

    replace_loader(app, "1.1.6")
    assert keys(app, "1.8.0_322") == ["crashed"]


def test_tensorflow_1_is_for_intel_and_amd(app: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "arm64")

    assert keys(app) == ["processor"]


def test_a_macro_that_is_certain_to_fail_is_refused(app: Path) -> None:
    touch(app, "jars/protobuf-java-4.32.0.jar")

    with pytest.raises(BadInputError) as refused:
        require_stardist(STARDIST, app)

    text = str(refused.value)
    assert text.startswith(f"{app}: has protobuf-java 4.32.0: Fiji's protobuf-java does not fit")
    assert "leave only a protobuf-java-3" in text


@pytest.mark.parametrize(
    ("jar", "part"),
    [
        ("plugins/StarDist_-0.3.0-scijava.jar", "StarDist"),
        ("jars/csbdeep-0.6.0.jar", "CSBDeep"),
    ],
)
def test_a_macro_is_refused_where_its_plugin_is_missing(app: Path, jar: str, part: str) -> None:
    (app / jar).unlink()

    with pytest.raises(BadInputError, match=f"has no {part}, which .*; Help › Update.*tick {part}"):
        require_stardist(STARDIST, app)

    # a file of another name or in a folder of the user's may be the plugin
    touch(app, f"plugins/mine/{Path(jar).name}")
    require_stardist(STARDIST, app)


def test_without_a_fiji_there_is_no_stardist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadInputError, match="needs the StarDist plugin, and a plain ImageJ"):
        require_stardist(STARDIST, "embedded")
    with pytest.raises(BadInputError, match="needs the StarDist plugin, and a plain ImageJ"):
        require_stardist(STARDIST, plain_imagej(tmp_path / "ImageJ"))
    monkeypatch.setattr(stardist_check, "find_app", lambda given: None)
    with pytest.raises(BadInputError, match="needs the StarDist plugin, and a plain ImageJ"):
        require_stardist(STARDIST, None)


def test_other_macros_and_endpoints_are_left_alone() -> None:
    require_stardist(MACROS / "labels_to_rois.ijm", "embedded")
    require_stardist("run('Command From Macro', 'de.csbdresden.stardist.StarDist2D');", "embedded")
    require_stardist(STARDIST, "sc.fiji:fiji")
