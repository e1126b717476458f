"""Commands that are told to end, and output folders that go away under them."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

from bridge import Detections
from bridge.batch.job import Progress, Work
from bridge.batch.runner import run_batch
from bridge.errors import BadInputError
from bridge.measure.files import MeasureJob, Settings

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")

STOPPED_WHILE_MEASURING = """
import os, signal, sys
from bridge.batch.progress import ConsoleProgress

def finished(self, outcome):
    os.kill(os.getpid(), signal.{name})

ConsoleProgress.item_finished = finished
sys.argv = ["starbridge", "measure", "images", "objects", "--out", "tables"]
from bridge.cli import main
main()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images and their objects."""
    labels = np.zeros((20, 24), np.uint16)
    labels[2:7, 3:9] = 1
    for name in ("images", "objects"):
        (tmp_path / name).mkdir()
    for number in range(3):
        image = np.full((20, 24), number, np.uint16)
        tifffile.imwrite(tmp_path / "images" / f"s{number}.tif", image)
        Detections.from_labels(labels).write(tmp_path / "objects" / f"s{number}.geojson")
    return tmp_path


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_to_end_cleans_up_as_ctrl_c_does(folder: Path, name: str) -> None:
    script = STOPPED_WHILE_MEASURING.format(name=name)

    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 128 + getattr(signal, name), ended.stderr
    assert "Traceback" not in ended.stderr
    assert "stopped; run the same command again to go on" in ended.stderr
    assert f"ended by {name}" in ended.stderr
    left = sorted(path.name for path in (folder / "tables").iterdir())
    assert left == ["measure.json", "s0_measurements.csv"]


def test_a_signal_that_is_ignored_stays_ignored(folder: Path) -> None:
    script = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    script += STOPPED_WHILE_MEASURING.format(name="SIGHUP")

    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 0, ended.stderr


def test_an_output_folder_that_is_removed_meanwhile_is_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = folder / "tables"
    job = MeasureJob((folder / "objects",), Settings())
    run = MeasureJob.run

    def removing(self: MeasureJob, work: Work[Path], own: Path, progress: Progress) -> object:
        made = run(self, work, own, progress)
        if work.number == 2:
            shutil.rmtree(out)
        return made

    monkeypatch.setattr(MeasureJob, "run", removing)
    with pytest.raises(BadInputError, match="tables: was removed, or emptied, while results"):
        run_batch(job, sorted((folder / "images").iterdir()), out)

    assert not out.exists()
