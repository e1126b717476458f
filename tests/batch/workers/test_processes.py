"""Several processes of one machine: as many results as images, whatever happens to a process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import tifffile
from numpy.typing import NDArray

from bridge import Detections, Segmenter
from bridge.batch.record import read_record
from bridge.batch.segment_job import Settings, segment_files
from bridge.batch.workers.here import Here
from bridge.batch.workers.processes import LocalProcesses
from bridge.errors import StarbridgeError
from tests.batch.conftest import segmenter, write_image
from tests.batch.engines import Deadly, Sleeping, no_network
from tests.batch.outputs import SETTINGS, Ear, check_outputs
from tests.waiting import PATIENCE, wait_until

NAMES = [f"s{number}" for number in range(1, 7)]


def children() -> set[int]:
    """Processes that this one has started, and their processes; the resource tracker stays."""
    return {
        process.pid
        for process in psutil.Process().children(recursive=True)
        if "resource_tracker" not in " ".join(process.cmdline())
    }


def test_all_images_are_done_and_the_record_says_by_whom(
    images: list[Path], tmp_path: Path
) -> None:
    ear, out, before = Ear(), tmp_path / "out", children()

    outcomes = segment_files(
        images, out, segmenter(Sleeping(0.1)), SETTINGS, listener=ear, workers=LocalProcesses(2)
    )

    assert [(o.name, o.status) for o in outcomes] == [(name, "done") for name in NAMES]
    check_outputs(out, NAMES)
    record = read_record(out)
    assert record["workers"] == "2 processes"
    assert record["engine"] == "stand-in"
    assert record["versions"]["stand-in"] == "1"
    assert sorted(ear.started) == sorted(ear.tiles) == [f"{name}.tif" for name in NAMES]
    assert sorted(ear.finished) == [f"{name}: done" for name in NAMES]
    assert children() == before


def test_what_is_done_starts_no_process(
    images: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    segment_files(images, out, segmenter(Sleeping()), SETTINGS, workers=Here())
    monkeypatch.setattr("bridge.batch.workers.processes._Worker", None)

    outcomes = segment_files(
        images, out, segmenter(Sleeping()), SETTINGS, workers=LocalProcesses(2)
    )

    assert {o.status for o in outcomes} == {"skipped"}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot kill like this")
@pytest.mark.parametrize("deaths", [1, 2])
def test_the_image_of_a_process_that_is_killed_is_tried_once_more_alone(
    images: list[Path], tmp_path: Path, deaths: int
) -> None:
    notes, out, ear = tmp_path / "notes", tmp_path / "out", Ear()
    notes.mkdir()

    outcomes = segment_files(
        images,
        out,
        segmenter(Deadly(notes, deaths)),
        SETTINGS,
        listener=ear,
        workers=LocalProcesses(2),
    )

    assert len(list(notes.iterdir())) == deaths
    assert ear.remarks == [
        f"{images[2]}: the process that worked on it was ended; it is tried again, alone"
    ]
    assert ear.finished[-1].startswith("s3")
    if deaths == 1:
        check_outputs(out, NAMES)
        return
    assert [o.status for o in outcomes].count("done") == 5
    assert outcomes[2].status == "failed"
    assert str(outcomes[2].error).startswith(f"{images[2]}: ended the process that worked on it")
    assert read_record(out)["images"]["s3"]["status"] == "failed"
    check_outputs(out, [name for name in NAMES if name != "s3"])


def test_a_broken_image_fails_alone(images: list[Path], tmp_path: Path) -> None:
    images[1].write_text("no image")

    outcomes = segment_files(
        images, tmp_path / "out", segmenter(Sleeping()), SETTINGS, workers=LocalProcesses(2)
    )

    assert [o.name for o in outcomes if o.status == "failed"] == ["s2"]
    check_outputs(tmp_path / "out", [name for name in NAMES if name != "s2"])


def test_a_network_that_cannot_be_loaded_ends_the_run(images: list[Path], tmp_path: Path) -> None:
    with pytest.raises(StarbridgeError, match="TensorFlow is needed"):
        segment_files(
            images, tmp_path / "out", segmenter(no_network), SETTINGS, workers=LocalProcesses(2)
        )

    assert [path.name for path in (tmp_path / "out").iterdir()] == ["run.json"]


@pytest.fixture
def real_images(tmp_path: Path, real_image: tuple[NDArray[Any], NDArray[Any]]) -> list[Path]:
    """Four quarters of the real image."""
    (tmp_path / "real").mkdir()
    paths = []
    for number in range(4):
        y, x = divmod(number, 2)
        path = tmp_path / "real" / f"q{number}.tif"
        quarter = real_image[0][256 * y : 256 * y + 256, 256 * x : 256 * x + 256]
        tifffile.imwrite(path, np.tile(quarter, (2, 2)))
        paths.append(path)
    return paths


@pytest.mark.model
def test_the_real_network_finds_the_same_in_two_processes(
    demo_segmenter: Segmenter, real_images: list[Path], tmp_path: Path
) -> None:
    portable = Segmenter(demo_segmenter.model, demo_segmenter.recipe)
    settings = Settings(formats=("labels", "csv"))

    segment_files(real_images, tmp_path / "one", demo_segmenter, settings)
    segment_files(real_images, tmp_path / "two", portable, settings, workers=LocalProcesses(2))

    for number in range(4):
        labels = [
            tifffile.imread(tmp_path / folder / f"lbl/q{number}_labels.tif")
            for folder in ("one", "two")
        ]
        assert labels[0].max() > 10
        np.testing.assert_array_equal(labels[0], labels[1])


@pytest.mark.model
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_ctrl_c_ends_all_processes_at_once_and_the_same_command_goes_on(
    demo_segmenter: Segmenter, real_images: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    more = [write_image(tmp_path / "real" / f"z{number}.tif", 2000) for number in range(6)]
    # Where the tests run in the background, Ctrl-C would be ignored.
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from bridge.cli import main; main()"
    )
    command = [
        *(sys.executable, "-c", code, "segment", str(real_images[0].parent), "--out", str(out)),
        *("--format", "csv", "--jobs", "2"),
    ]
    run = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, start_new_session=True, cwd=Path.cwd()
    )
    wait_until(lambda: list(out.glob("tables/*")), "the first table")
    family = psutil.Process(run.pid).children(recursive=True)
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does: to all of them
    _, said = run.communicate(timeout=PATIENCE)

    assert run.returncode == 130
    assert said.endswith("starbridge: stopped; run the same command again to go on\n")
    assert "Traceback" not in said
    assert len(family) >= 2
    assert not psutil.wait_procs(family, timeout=PATIENCE)[1]
    assert not list(out.rglob(".*"))
    done = {path.stem for path in out.glob("tables/*")}
    assert done
    assert len(done) < len(real_images) + len(more)
    for path in out.glob("tables/*"):
        Detections.read(path)

    recorded = {
        name for name, entry in read_record(out)["images"].items() if entry.get("status") == "done"
    }
    assert recorded <= done
    # Results are put in place one after another; Ctrl-C may cut one off from its line.
    assert len(done - recorded) <= 1

    outcomes = segment_files(real_images, out, demo_segmenter, Settings(formats=("csv",)))
    for outcome in outcomes:
        assert outcome.status == ("skipped" if outcome.name in recorded else "done")
