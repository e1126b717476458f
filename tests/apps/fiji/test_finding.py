"""Which Fiji there is, told from folders like those that people have."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.apps.fiji import finding
from bridge.apps.fiji.finding import find_app, inspect_app
from bridge.errors import BadInputError
from tests.apps.app_folders import (
    OF_SYSTEM,
    fiji_of_2017,
    fiji_of_today,
    plain_imagej,
    touch,
    write_jar,
)


@pytest.fixture(autouse=True)
def _nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FIJI_APP", raising=False)
    monkeypatch.setattr(shutil, "which", lambda _: None)


def test_a_fiji_of_2017(tmp_path: Path) -> None:
    app = inspect_app(fiji_of_2017(tmp_path / "Fiji.app"))

    assert (app.kind, app.imagej_version, app.bioformats_version) == ("Fiji", "1.51n", "5.5.2")
    assert app.java == tmp_path / "Fiji.app/java" / OF_SYSTEM / "jdk1.8.0_66"
    assert app.java_homes[0].source == "Fiji"
    assert "Java 11 or later is needed" in app.java_homes[0].problem
    assert app.java_version == "1.8.0_66"
    assert app.java_is_old
    assert (
        app.stardist_version,
        app.csbdeep_version,
        app.tensorflow_version,
        app.fitting_export,
    ) == (None,) * 4
    assert not app.runs_stardist
    missing = [str(m) for m in app.missing]
    assert [m.part for m in app.missing] == [
        "StarDist", "CSBDeep", "TensorFlow", "imglib2-imglyb", "Java 11 or later",
    ]  # fmt: skip
    assert "Manage update sites, tick StarDist" in missing[0]
    assert "it brings Java 1.8.0_66" in missing[-1]


def test_a_fiji_of_today(tmp_path: Path) -> None:
    app = inspect_app(fiji_of_today(tmp_path / "Fiji"))

    assert (app.kind, app.imagej_version, app.java_version) == ("Fiji", "1.54p", "21.0.7")
    assert app.imagej_jar == tmp_path / "Fiji/jars/ij-1.54p.jar"
    assert app.java_homes[0].path == app.java
    assert app.java_homes[0].problem == ""
    assert (app.stardist_version, app.csbdeep_version, app.tensorflow_version) == (
        "0.3.0-scijava",
        "0.6.0",
        "1.15.0",
    )
    assert (app.bioformats_version, app.imglyb_version) == ("8.2.0", "2.0.1")
    assert app.fitting_export == "tf1.15"
    assert app.runs_stardist
    assert app.missing == ()


def test_plain_imagej(tmp_path: Path) -> None:
    app = inspect_app(plain_imagej(tmp_path / "ImageJ"))

    assert (app.kind, app.imagej_version, app.java_version) == ("ImageJ", None, "1.8.0_322")
    assert not app.knows_script_parameters
    assert "https://fiji.sc" in str(app.missing[0])


@pytest.mark.parametrize(
    "entries",
    [
        {"META-INF/MANIFEST.MF": b"Implementation-Version: 1.54p\n"},
        {"ij/ImageJ.class": b"\xca\xfe\xba\xbe\x01\x00\x031.5\x01\x00\x051.54p\x01\x00\x00"},
        {"IJ_Props.txt": b"# IJ_Props.txt\n# Version 1.54p\n"},
    ],
)
def test_the_version_is_read_from_inside(tmp_path: Path, entries: dict[str, bytes]) -> None:
    write_jar(tmp_path / "ij.jar", entries)

    assert inspect_app(tmp_path).imagej_version == "1.54p"


def test_the_real_imagej_says_its_version(tmp_path: Path) -> None:
    cached = sorted((Path.home() / ".m2/repository/net/imagej/ij").glob("*/ij-1.*.jar"))
    if not cached:
        pytest.skip("needs ImageJ in Maven's folder")
    shutil.copy(cached[-1], tmp_path / "ij.jar")

    assert inspect_app(tmp_path).imagej_version == cached[-1].parent.name


def test_a_damaged_library_has_no_version(tmp_path: Path) -> None:
    whole = plain_imagej(tmp_path) / "ij.jar"
    whole.write_bytes(whole.read_bytes()[:-30])

    assert inspect_app(tmp_path).imagej_version is None


def test_imagej2_without_fiji(tmp_path: Path) -> None:
    touch(tmp_path, "jars/ij-1.54p.jar", "jars/imagej-2.16.0.jar")

    app = inspect_app(tmp_path)

    assert app.kind == "ImageJ2"
    assert app.knows_script_parameters
    assert app.java is None


@pytest.mark.parametrize(
    ("version", "export"),
    [("1.15.0", "tf1.15"), ("1.14.0", "tf1.12"), ("1.12.0", "tf1.12"), ("1.4.0", None)],
)
def test_the_export_fits_the_tensorflow(tmp_path: Path, version: str, export: str | None) -> None:
    app_folder = fiji_of_today(tmp_path)
    for name in ("libtensorflow", "libtensorflow_jni"):
        (app_folder / f"jars/{name}-1.15.0.jar").rename(app_folder / f"jars/{name}-{version}.jar")

    app = inspect_app(app_folder)

    assert app.fitting_export == export
    assert bool(app.missing) == (export is None)


def test_the_tensorflow_chosen_in_the_menu_counts(tmp_path: Path) -> None:
    chosen = fiji_of_today(tmp_path) / "lib" / OF_SYSTEM / ".tensorflowversion"
    chosen.parent.mkdir(parents=True)
    chosen.write_text(f"{OF_SYSTEM},1.12.0,CPU")

    assert inspect_app(tmp_path).fitting_export == "tf1.12"


@pytest.mark.parametrize("loader", ["1.1.6", None])
def test_a_tensorflow_that_closed_fiji_is_told(tmp_path: Path, loader: str | None) -> None:
    touch(fiji_of_today(tmp_path), f"lib/{OF_SYSTEM}/.crashed")
    (tmp_path / "jars/imagej-tensorflow-1.1.9.jar").unlink()
    if loader:
        touch(tmp_path, f"jars/imagej-tensorflow-{loader}.jar")

    app = inspect_app(tmp_path)

    assert not app.runs_stardist
    assert f"delete {tmp_path / 'lib' / OF_SYSTEM / '.crashed'}" in str(app.missing[0])


def test_a_newer_loader_tries_again_after_a_crash(tmp_path: Path) -> None:
    touch(fiji_of_today(tmp_path), f"lib/{OF_SYSTEM}/.crashed")

    app = inspect_app(tmp_path)

    assert app.tensorflow_crash is not None
    assert app.runs_stardist
    assert app.missing == ()


def test_native_libraries_and_those_that_read_models(tmp_path: Path) -> None:
    fiji_of_today(tmp_path)
    touch(
        tmp_path,
        f"lib/{OF_SYSTEM}/libtensorflow_jni.so",
        "jars/protobuf-java-4.32.0.jar",
        "jars/protobuf-java-3.6.1.jar",
        "jars/protobuf-java-util-3.6.1.jar",
    )

    app = inspect_app(tmp_path)

    assert app.library_folders == (tmp_path / "lib" / OF_SYSTEM,)
    assert app.tensorflow_in_lib
    assert app.imagej_tensorflow_version == "1.1.9"
    assert app.protobuf_versions == ("3.6.1", "4.32.0")


def test_a_tensorflow_without_its_native_library_is_told(tmp_path: Path) -> None:
    (fiji_of_today(tmp_path) / "jars/libtensorflow_jni-1.15.0.jar").unlink()

    app = inspect_app(tmp_path)

    assert not app.runs_stardist
    assert app.missing[0].part == "TensorFlow's native library"


def test_java_for_another_system_is_none(tmp_path: Path) -> None:
    folder = fiji_of_today(tmp_path, "solaris64")

    assert inspect_app(folder).java is None


def test_of_two_versions_the_newer_counts(tmp_path: Path) -> None:
    touch(fiji_of_today(tmp_path), "jars/ij-1.51n.jar", "jars/libtensorflow-1.9.0.jar")

    app = inspect_app(tmp_path)

    assert (app.imagej_version, app.tensorflow_version) == ("1.54p", "1.15.0")


@pytest.mark.parametrize(
    "given",
    [
        "Fiji", "Fiji/fiji-linux-x64", ".", "Fiji/Fiji.app",
        "Fiji/Fiji.app/Contents/MacOS/fiji-macosx",
    ],
)  # fmt: skip
def test_what_people_give_leads_to_the_folder(tmp_path: Path, given: str) -> None:
    fiji_of_today(tmp_path / "Fiji")
    touch(tmp_path / "Fiji" / "Fiji.app", "Contents/MacOS/fiji-macosx")

    assert inspect_app(tmp_path / given).path == tmp_path / "Fiji"


def test_imagej_for_mac(tmp_path: Path) -> None:
    write_jar(
        tmp_path / "ImageJ.app/Contents/Java/ij.jar",
        {"META-INF/MANIFEST.MF": b"Implementation-Version: 1.53t\n"},
    )
    touch(tmp_path, "plugins/x.class")

    app = inspect_app(tmp_path)

    assert (app.path, app.kind, app.imagej_version) == (tmp_path, "ImageJ", "1.53t")


def test_what_is_no_fiji_says_why(tmp_path: Path) -> None:
    touch(tmp_path, "empty/x", "notes.txt", "fiji-linux64.zip", "project/jars/guava-33.jar")
    (tmp_path / "empty/x").unlink()
    for name, problem in (
        ("nowhere", "does not exist"),
        ("empty", "is empty, so it is no Fiji"),
        ("notes.txt", "is a file, no Fiji"),
        ("fiji-linux64.zip", "is not unpacked; unpack it and give the folder Fiji.app"),
        ("project", "is no Fiji: it has neither"),
    ):
        with pytest.raises(BadInputError, match=problem) as caught:
            inspect_app(tmp_path / name)
        assert str(caught.value).startswith(str(tmp_path / name))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_a_folder_that_cannot_be_read(tmp_path: Path) -> None:
    folder = fiji_of_today(tmp_path / "Fiji")
    folder.chmod(0)
    try:
        with pytest.raises(BadInputError, match="cannot be read"):
            inspect_app(folder)
    finally:
        folder.chmod(0o700)


def test_jars_that_is_a_file_is_no_fiji(tmp_path: Path) -> None:
    touch(tmp_path, "jars", "plugins")

    with pytest.raises(BadInputError, match="is no Fiji"):
        inspect_app(tmp_path)


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    folder = fiji_of_2017(tmp_path / "Fiji.app")
    try:
        (folder / "java" / "again").symlink_to(folder / "java", target_is_directory=True)
    except OSError:
        pytest.skip("needs symbolic links")

    assert inspect_app(folder).java_version == "1.8.0_66"


@pytest.mark.parametrize(
    ("version", "old"),
    [("1.51n", True), ("1.53", True), ("1.53c", True), ("1.53t", False), ("1.54", False)],
)
def test_an_imagej_too_old_for_the_macros(tmp_path: Path, version: str, old: bool) -> None:
    touch(tmp_path, f"jars/ij-{version}.jar")

    assert inspect_app(tmp_path).imagej_is_old == old


def test_a_fiji_is_taken_before_an_imagej(tmp_path: Path) -> None:
    plain_imagej(tmp_path / "a" / "ImageJ")
    fiji_of_2017(tmp_path / "b" / "Fiji.app")
    fiji_of_today(tmp_path / "b" / "Fiji-backup")
    places = [tmp_path / "nowhere", tmp_path / "a", tmp_path / "b"]

    found = find_app(places=places)

    assert found is not None
    assert found.path == tmp_path / "b" / "Fiji.app"
    plain = find_app(places=places[:2])
    assert plain is not None
    assert plain.kind == "ImageJ"
    assert find_app(places=places[:1]) is None


def test_downloads_that_are_still_packed_are_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, "fiji-linux64.zip", "Fiji notes.txt", "fiji-empty/x")

    assert find_app(places=[tmp_path]) is None


def test_the_usual_places_hold_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr(platform, "system", lambda: "Windows")
    monkeypatch.setenv("SYSTEMDRIVE", str(tmp_path / "C:"))
    fiji_of_today(tmp_path / "Downloads" / "fiji-latest-win64-jdk" / "Fiji")

    found = find_app()

    assert found is not None
    assert found.path == tmp_path / "Downloads" / "fiji-latest-win64-jdk" / "Fiji"


def test_the_environment_is_asked_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fiji_of_today(tmp_path / "Fiji")
    monkeypatch.setenv("FIJI_APP", str(fiji_of_2017(tmp_path / "old")))

    found = find_app(places=[tmp_path])

    assert found is not None
    assert found.path == tmp_path / "old"
    assert find_app(tmp_path / "Fiji") == inspect_app(tmp_path / "Fiji")


def test_a_wrong_environment_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIJI_APP", str(tmp_path / "gone"))

    with pytest.raises(BadInputError, match=r"\(from FIJI_APP\) does not exist.*unset FIJI_APP"):
        find_app()


def test_nothing_heavy_is_loaded() -> None:
    code = f"import {finding.__name__}, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert not set(done.stdout.split()) & {"jpype", "scyjava", "imagej", "tensorflow"}


REAL_APP = os.environ.get("FIJI_APP")


@pytest.mark.fiji_app
@pytest.mark.skipif(REAL_APP is None, reason="needs a Fiji: set FIJI_APP")
def test_the_real_one() -> None:
    assert REAL_APP is not None
    app = inspect_app(REAL_APP)

    assert app.imagej_version is not None
    assert app.imagej_version.startswith("1.")
