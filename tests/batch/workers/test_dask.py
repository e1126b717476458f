"""A Dask cluster: a worker that is lost loses nothing, and what is wrong is one line."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import bridge
from bridge.batch.record import read_record
from bridge.batch.segment_job import segment_files
from bridge.batch.workers.dask import DaskCluster, _what_is_wrong
from bridge.errors import BadInputError, StarbridgeError
from bridge.files.threads import inherited, thread_limits
from tests.batch.conftest import segmenter
from tests.batch.engines import Deadly, Sleeping, no_network
from tests.batch.outputs import SETTINGS, Ear, check_outputs
from tests.waiting import PATIENCE, wait_until

dask = pytest.importorskip("dask")
pytest.importorskip("distributed")

NAMES = [f"s{number}" for number in range(1, 7)]
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The file of a scheduler with one worker of two threads, in processes of their own."""
    folder = tmp_path_factory.mktemp("cluster")
    file = folder / "scheduler.json"
    dask_command = [sys.executable, "-m", "dask"]
    with (folder / "log").open("wb") as log:
        processes = [
            subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT)
            for command in (
                [
                    *(*dask_command, "scheduler", "--scheduler-file", str(file)),
                    *("--host", "127.0.0.1", "--port", "0", "--dashboard-address", ":0"),
                ],
                [
                    *(*dask_command, "worker", "--scheduler-file", str(file), "--nthreads", "2"),
                    *("--no-dashboard", "--local-directory", str(folder)),
                ],
            )
        ]
        wait_until(file.exists, "the scheduler's file")
        yield file
        for process in reversed(processes):
            process.terminate()
            process.wait(PATIENCE)


@contextmanager
def local_cluster(count: int) -> Iterator[DaskCluster]:
    """A cluster of processes of this machine, whose dead workers are replaced."""
    from distributed import LocalCluster

    with (
        inherited(thread_limits(count)),
        LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=count,
            threads_per_worker=1,
            dashboard_address=":0",
            silence_logs=logging.CRITICAL,
        ) as cluster,
    ):
        yield DaskCluster(cluster.scheduler_address)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot kill like this")
def test_a_worker_that_is_killed_loses_nothing_and_doubles_nothing(
    images: list[Path], tmp_path: Path
) -> None:
    notes, out, ear = tmp_path / "notes", tmp_path / "out", Ear()
    notes.mkdir()

    with local_cluster(2) as cluster:
        outcomes = segment_files(
            images,
            out,
            segmenter(Deadly(notes, 1, 0.2)),
            SETTINGS,
            listener=ear,
            workers=cluster,
        )

    assert len(list(notes.iterdir())) == 1
    assert [(o.name, o.status) for o in outcomes] == [(name, "done") for name in NAMES]
    assert sorted(ear.finished) == [f"{name}: done" for name in NAMES]
    check_outputs(out, NAMES)
    assert read_record(out)["workers"].startswith("Dask cluster tcp://")
    assert any("dashboard" in remark for remark in ear.remarks)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot kill like this")
def test_an_image_that_ends_every_worker_fails_and_the_rest_goes_on(
    images: list[Path], tmp_path: Path
) -> None:
    notes, out = tmp_path / "notes", tmp_path / "out"
    notes.mkdir()

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        local_cluster(1) as cluster,
    ):
        outcomes = segment_files(
            images[2:5], out, segmenter(Deadly(notes, 9)), SETTINGS, workers=cluster
        )

    assert outcomes[0].status == "failed"
    assert str(outcomes[0].error).startswith(f"{images[2]}: ended the workers that had it")
    assert [o.error for o in outcomes[1:]] == [None, None]
    check_outputs(out, ["s4", "s5"])


def test_an_existing_cluster_is_used_and_left_running(
    scheduler: Path, images: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images[1].write_text("no image")
    monkeypatch.chdir(tmp_path)  # the worker is in another folder
    images = [path.relative_to(tmp_path) for path in images]
    cluster = DaskCluster(str(scheduler))

    first = segment_files(
        images[:4], Path("out"), segmenter(Sleeping(0.7)), SETTINGS, workers=cluster
    )
    ear = Ear()
    second = segment_files(
        images,
        Path("out"),
        segmenter(Sleeping(0.7)),
        SETTINGS,
        listener=ear,
        workers=cluster,
    )

    assert [o.status for o in first] == ["done", "failed", "done", "done"]
    assert [o.status for o in second] == ["skipped", "failed", *["skipped"] * 2, *["done"] * 2]
    check_outputs(tmp_path / "out", [name for name in NAMES if name != "s2"])
    assert set(ear.tiles) <= {"s5.tif", "s6.tif"}
    assert any("several threads" in remark for remark in ear.remarks)


def test_a_network_that_cannot_be_loaded_ends_the_run(
    scheduler: Path, images: list[Path], tmp_path: Path
) -> None:
    with pytest.raises(StarbridgeError, match="TensorFlow is needed"):
        segment_files(
            images,
            tmp_path / "out",
            segmenter(no_network),
            SETTINGS,
            workers=DaskCluster(str(scheduler)),
        )

    assert [path.name for path in (tmp_path / "out").iterdir()] == ["run.json"]


def test_a_cluster_that_ends_in_the_middle_is_said_and_what_is_done_is_kept(
    images: list[Path], tmp_path: Path
) -> None:
    file, log = tmp_path / "scheduler.json", (tmp_path / "log").open("wb")
    start = "from distributed import LocalCluster as C, Client; import time\n"
    start += "if __name__ == '__main__':\n"
    start += " c = C(n_workers=1, threads_per_worker=1, processes=False, protocol='tcp://',"
    start += "       dashboard_address=':0')\n"
    start += f" Client(c).write_scheduler_file({str(file)!r})\n time.sleep(3600)"
    cluster = subprocess.Popen([sys.executable, "-c", start], cwd=ROOT, stdout=log, stderr=log)
    wait_until(file.exists, "the cluster's file")

    class Spoiler(Ear):
        def item_finished(self, outcome: object) -> None:
            del outcome
            cluster.kill()

    with pytest.raises(BadInputError, match="is gone, or .*; start the cluster and run the same"):
        segment_files(
            images,
            tmp_path / "out",
            segmenter(Sleeping(1)),
            SETTINGS,
            listener=Spoiler(),
            workers=DaskCluster(str(file)),
        )

    cluster.wait()
    log.close()
    done = [n for n, i in read_record(tmp_path / "out")["images"].items() if i["status"] == "done"]
    assert 0 < len(done) < len(NAMES)
    check_outputs(tmp_path / "out", done)


def test_an_address_without_a_scheduler_is_said(
    images: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.batch.workers.dask._CONNECTING", 1)

    with pytest.raises(BadInputError, match=r"tcp://127\.0\.0\.1:1: is not a Dask scheduler that"):
        segment_files(
            images,
            tmp_path / "out",
            segmenter(Sleeping()),
            SETTINGS,
            workers=DaskCluster("tcp://127.0.0.1:1"),
        )


def test_a_worker_that_cannot_work_for_the_run_says_why(tmp_path: Path) -> None:
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    same = {"starbridge": bridge.__version__, "Python": python}

    assert _what_is_wrong([str(tmp_path)], same) is None
    assert _what_is_wrong([str(tmp_path)], same | {"starbridge": "99"}) == (
        f"is a worker with starbridge {bridge.__version__}, and this machine has 99",
        "install the same on all of them",
    )
    assert "is a worker with Python" in str(_what_is_wrong([], same | {"Python": "2.7"}))
    assert f"does not see {tmp_path / 'no'}" in str(_what_is_wrong([str(tmp_path / "no")], same))
