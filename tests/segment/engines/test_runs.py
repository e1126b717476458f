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
    command = [sys.executable, "-m", "bridge.cli", "segment", str(image), "--format", "labels"]
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
    assert "onnxruntime" in record(image)["versions"]


def test_results_of_engines_count_as_made_with_the_same_settings(image: Path) -> None:
    segment(image, "--engine", "onnx")

    again = segment(image, "--engine", "starbridge")

    assert again.returncode == 0
    assert "done before" in again.stderr


def test_an_unknown_engine_is_said_in_one_line(image: Path) -> None:
    done = segment(image, "--engine", "tensorrt")

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "choose from auto, starbridge, onnx, keras" in done.stderr
