"""Kill every command that works through many files: the same command goes on.

And when all is done, the same command does nothing, and says so.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from bridge import Detections
from bridge.apps.fiji.review_files import push_files
from bridge.apps.finding import find_qupath
from bridge.batch.record import read_record
from bridge.cli import main
from bridge.images import from_array
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


def fiji_pull(folder: Path) -> Run:
    review, out = folder / "review", folder / "out"
    for number in range(FILES):
        pixels, found = section(300, seed=number)
        image = from_array(pixels, axes="YX", name=f"s{number}")
        push_files(image, replace(found, image=image.info), review)
    return Run(("fiji", "pull", str(review), "--out", str(out)), out / "fiji_pull.json")


def qupath_pull(folder: Path) -> Run:
    if find_qupath() is None:
        pytest.skip("needs a QuPath: set PAQUO_QUPATH_DIR to its folder")
    (folder / "images").mkdir()
    for number in range(FILES):
        pixels, found = section(300, seed=number)
        tifffile.imwrite(folder / "images" / f"s{number}.tif", pixels)
        found.write(folder / "objects" / f"s{number}.geojson")
    push = ("push", str(folder / "p"), str(folder / "images"), "-d", str(folder / "objects"))
    command = [sys.executable, "-m", "bridge.cli", "qupath", *push, "--force"]
    subprocess.run(command, cwd=ROOT, check=True)
    out = folder / "out"
    words = ("qupath", "pull", str(folder / "p"), "--out", str(out))
    return Run(words, out / "qupath_pull.json")


def section(side: int, *, seed: int) -> tuple[NDArray[np.uint16], Detections]:
    """A noisy plane, and squares on a grid as its objects."""
    pixels = np.random.default_rng(seed).integers(0, 999, (side, side)).astype(np.uint16)
    labels = np.zeros((side, side), np.uint16)
    starts = [(y, x) for y in range(5, side - 12, 20) for x in range(5, side - 12, 20)]
    for label, (y, x) in enumerate(starts, start=1):
        labels[y : y + 10, x : x + 10] = label
    return pixels, Detections.from_labels(labels)


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


COMMANDS = [
    segment,
    measure,
    select,
    aggregate,
    fiji_pull,
    pytest.param(qupath_pull, marks=pytest.mark.qupath),
]


@pytest.mark.parametrize("make", COMMANDS)
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
