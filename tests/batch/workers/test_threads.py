"""Threads of this process do what one process does."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bridge.batch.job import Made, Progress, Work
from bridge.batch.runner import run_batch
from bridge.batch.workers.select import choose_workers
from bridge.batch.workers.threads import Threads
from tests.batch.copying import Copy
from tests.batch.outputs import Ear


@pytest.fixture
def texts(tmp_path: Path) -> list[Path]:
    (tmp_path / "texts").mkdir()
    paths = [tmp_path / "texts" / f"t{number}.txt" for number in range(9)]
    for path in paths:
        path.write_text(path.stem)
    return paths


def test_every_item_is_done_once_and_reported_in_the_callers_thread(
    texts: list[Path], tmp_path: Path
) -> None:
    texts[3].write_text("bad")
    ear = Ear()

    outcomes = run_batch(Copy(), texts, tmp_path / "out", listener=ear, workers=Threads(3))

    assert [o.status for o in outcomes] == [*["done"] * 3, "failed", *["done"] * 5]
    assert [o.name for o in outcomes] == [path.stem for path in texts]
    assert sorted(ear.started) == [path.name for path in texts]
    assert sorted(ear.tiles) == [path.name for path in texts if path != texts[3]]
    assert (tmp_path / "out" / "txt" / "t8.txt").read_text() == "t8"


def test_a_run_that_is_stopped_leaves_nothing_half_done(texts: list[Path], tmp_path: Path) -> None:
    class Stop(Ear):
        def item_finished(self, outcome: object) -> None:
            del outcome
            raise KeyboardInterrupt

    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run_batch(Copy(), texts, out, listener=Stop(), workers=Threads(2))

    assert not list(out.glob(".*"))
    again = run_batch(Copy(), texts, out, workers=Threads(2))
    assert {o.status for o in again} <= {"done", "skipped"}


def test_long_work_ends_at_its_next_step_of_progress(texts: list[Path], tmp_path: Path) -> None:
    class Endless(Copy):
        def run(self, work: Work[Path], folder: Path, progress: Progress) -> Made:
            while True:
                progress(0, 1)
                time.sleep(0.001)

    class Stop(Ear):
        def item_progress(self, source: object, done: int, total: int) -> None:
            raise KeyboardInterrupt

    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run_batch(Endless(), texts, out, listener=Stop(), workers=Threads(2))

    assert not list(out.glob(".*"))


def test_work_that_suits_threads_gets_them() -> None:
    assert choose_workers("3", threads=True).description == "3 threads"
