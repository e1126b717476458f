"""Every command that works through many files: killed at any moment, the same command goes on.

And when all is done, the same command does nothing, and says so.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tifffile

from bridge.batch.record import read_record
from bridge.cli import main
from tests.aggregate.ilastik import write_table
from tests.select.sections import write_section

ROOT = Path(__file__).parents[2]
FILES = 6

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot kill like this")


@dataclass(frozen=True)
class Run:
    """A command, and where its record is.

    Attributes:
        words: of the command.
        record: the file that a user reads.
        items: what it calls its entries.
        outputs: pattern of the files of one item; empty where the record holds the results.
    """

    words: tuple[str, ...]
    record: Path
    items: str = "images"
    outputs: str = ""


def segment(folder: Path) -> Run:
    (folder / "images").mkdir()
    for number in range(FILES):
        noise = np.random.default_rng(number).integers(0, 999, (300, 300)).astype(np.uint16)
        tifffile.imwrite(folder / "images" / f"s{number}.tif", noise)
    out = folder / "out"
    words = ("segment", str(folder / "images"), "--out", str(out), "--format", "geojson")
    return Run(words, out / "run.json", outputs="geojson/*")


def measure(folder: Path) -> Run:
    for number in range(FILES):
        write_section(folder / "SECTIONS", f"Pa_OG{number}_s1", 100, seed=number)
    out = folder / "out"
    words = ("measure", str(folder / "SECTIONS"), str(folder / "RESULTS"), "--out", str(out))
    return Run(words, out / "measure.json", outputs="*.csv")


def select(folder: Path) -> Run:
    measured = measure(folder)
    out = folder / "selection"
    words = ("select", measured.words[1], "--channel", "488", "--crop", "20", "--out", str(out))
    return Run(words, out / "select.json")


def aggregate(folder: Path) -> Run:
    for number in range(FILES):
        name = f"Pa_dQ_J70_SNd2T_20Xa_g1dt08_OG1_s{number}"
        write_table(folder / "tables", {"Neuron": 20 + number, "Dead": 3}, name)
    words = ("aggregate", str(folder / "tables"), "--out", str(folder / "study.xlsx"))
    return Run(words, folder / "study.counts.json", "tables")


def finish(run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """Run the command to its end; gives stderr."""
    monkeypatch.setattr(sys, "argv", ["starbridge", *run.words])
    with pytest.raises(SystemExit) as ended:
        main()
        raise SystemExit(0)
    said = capsys.readouterr().err
    assert not ended.value.code, said
    return said


def finished_items(run: Run) -> list[str]:
    """Names of the items that the record knows as done, also while the run goes on."""
    if not run.record.exists():
        return []
    entries = read_record(run.record.parent, run.record.name, run.items)[run.items]
    return [name for name, entry in entries.items() if entry["status"] == "done"]


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("make", [segment, measure, select, aggregate])
def test_a_killed_run_goes_on_and_a_finished_one_does_nothing(
    make: Callable[[Path], Run],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = make(tmp_path)
    command = [sys.executable, "-m", "bridge.cli", *run.words]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    while process.poll() is None and not finished_items(run):
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()

    done = finished_items(run)
    assert done
    folder = run.record.parent
    before = {path: path.stat().st_mtime_ns for path in folder.glob(run.outputs or "-")}
    finish(run, monkeypatch, capsys)

    assert set(done) < {*finished_items(run)} or len(done) == FILES
    assert len(finished_items(run)) == FILES
    assert not [path for path in folder.rglob(".*") if path.name != ".run"]
    kept = [p for p, moment in before.items() if p.stat().st_mtime_ns == moment]
    assert len(kept) >= len(before) - 1  # one may have been put in place just then
    everything = contents(tmp_path)
    assert "nothing to do" in finish(run, monkeypatch, capsys)
    assert contents(tmp_path) == everything
