"""Worker processes: they answer, print, die and hang without harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.java.process import (
    RefusedError,
    WorkerEndedError,
    WorkerProcess,
    WorkerTimeoutError,
)
from tests.waiting import PATIENCE

WORKER = "tests.java.answering_worker"


@pytest.fixture
def heard() -> list[str]:
    return []


@pytest.fixture
def worker(heard: list[str]) -> WorkerProcess:
    return WorkerProcess(WORKER, ["hello"], timeout=PATIENCE, on_output=heard.append)


def test_it_answers_what_it_is_asked(worker: WorkerProcess) -> None:
    assert worker.started == {"argument": "hello"}
    assert worker.ask({"do": "echo", "text": 'a "b"\n核'}) == {"text": 'a "b"\n核'}
    worker.close()
    assert not worker.running
    assert not worker.folder.exists()


def test_what_it_prints_is_heard_and_is_no_answer(worker: WorkerProcess, heard: list[str]) -> None:
    assert worker.ask({"do": "print", "text": "one\ntwo\n{}"}) == {}
    worker.ask({"do": "print", "text": "without an end"})
    worker.close()

    assert heard == ["one", "two", "{}", "without an end"]


def test_a_refusal_is_an_error_with_its_answer(worker: WorkerProcess) -> None:
    with pytest.raises(RefusedError, match="no") as caught:
        worker.ask({"do": "refuse"})

    assert caught.value.answer["error"] == "kind"
    assert worker.ask({"do": "echo", "text": "still here"}) == {"text": "still here"}
    worker.close()


def test_one_that_dies_says_how_and_what_it_said_last(worker: WorkerProcess) -> None:
    with pytest.raises(WorkerEndedError, match=r"ended with status 3 \(Error: it broke\)"):
        worker.ask({"do": "die"})
    with pytest.raises(WorkerEndedError):
        worker.ask({"do": "echo", "text": ""})


def test_one_that_hangs_is_ended(worker: WorkerProcess) -> None:
    with pytest.raises(WorkerTimeoutError, match=r"no answer in 0\.5 s"):
        worker.ask({"do": "hang"}, timeout=0.5)

    assert not worker.running


def test_one_that_cannot_start_says_why() -> None:
    with pytest.raises(RefusedError, match="cannot start"):
        WorkerProcess(WORKER, ["refuse"], timeout=PATIENCE)
    with pytest.raises(WorkerEndedError):
        WorkerProcess("no.such.module", timeout=PATIENCE)


def test_the_steps_of_its_start_are_heard(tmp_path: Path) -> None:
    heard: list[str] = []

    def note(step: str) -> None:
        heard.append(step)
        (tmp_path / step).touch()

    worker = WorkerProcess(WORKER, ["step by step", str(tmp_path)], timeout=PATIENCE, on_step=note)

    assert heard == ["one", "two", "three"]
    assert worker.started == {"argument": "step by step"}
    assert worker.ask({"do": "echo", "text": "as ever"}) == {"text": "as ever"}
    worker.close()


def test_one_that_does_not_move_while_it_starts_is_ended() -> None:
    with pytest.raises(WorkerTimeoutError, match=r"^no progress in 3 s( after 'one')?$"):
        WorkerProcess(WORKER, ["stall"], timeout=3)


def test_it_ends_when_whoever_started_it_is_gone(worker: WorkerProcess) -> None:
    stream = worker._process.stdin
    assert stream is not None
    stream.write('{"do": "hang", "number": 1}\n')
    stream.close()

    assert worker._process.wait(PATIENCE) == 0
    worker.close()


def test_its_folder_is_its_own(worker: WorkerProcess, tmp_path: Path) -> None:
    other = WorkerProcess(WORKER, ["hello"], timeout=PATIENCE)
    assert other.folder != worker.folder != tmp_path
    other.close()
    worker.close()
