"""Engines in a run: named in its record, and part of "the same settings" where they matter."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tifffile
from numpy.typing import NDArray


@pytest.fixture
def image(tmp_path: Path, real_image: tuple[NDArray[Any], NDArray[Any]]) -> Path:
    path = tmp_path / "nuclei.tif"
    tifffile.imwrite(path, real_image[0])
    return path


def segment(image: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bridge.cli", "segment", str(image), "--formats", "labels"]
    out = str(image.parent / "out")
    return subprocess.run(
        [*command, "--out", out, *options],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
    )


def record(image: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((image.parent / "out" / "run.json").read_text())
    return content


def test_the_record_names_the_engine_and_its_version(image: Path) -> None:
    assert segment(image, "--engine", "onnx").returncode == 0

    assert record(image)["engine"] == "onnx"
    assert record(image)["precision"] == "f32"
    assert "onnxruntime" in record(image)["versions"]


def test_engines_of_single_precision_are_the_same_settings(image: Path) -> None:
    segment(image, "--engine", "onnx")

    again = segment(image, "--engine", "openvino")

    assert again.returncode == 0
    assert "done before" in again.stderr


def test_eight_bits_are_other_settings_and_say_how_good_they_are(
    image: Path, cache_folder: Path
) -> None:
    segment(image)

    refused = segment(image, "--precision", "int8")
    assert refused.returncode == 1
    assert "made from another image or with other settings" in refused.stderr

    done = segment(image, "--precision", "int8", "--overwrite", "--json")
    assert done.returncode == 0
    assert "8-bit network: F1 " in done.stderr
    assert json.loads(done.stdout)["engine"] == "openvino int8"
    assert record(image)["precision"] == "int8"


def test_what_contradicts_itself_is_said_in_one_line(image: Path) -> None:
    done = segment(image, "--engine", "keras", "--precision", "int8")

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "int8 is for OpenVINO, not for keras" in done.stderr
