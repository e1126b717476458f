"""From the command's options to those who do the work."""

from __future__ import annotations

import pytest

from bridge.batch.workers.dask import DaskCluster
from bridge.batch.workers.here import Here
from bridge.batch.workers.processes import LocalProcesses
from bridge.batch.workers.select import choose_workers
from bridge.errors import BadInputError, MissingPartError


def test_one_job_needs_no_other_process() -> None:
    assert isinstance(choose_workers("1"), Here)


def test_several_jobs_are_processes_of_this_machine() -> None:
    workers = choose_workers("3")

    assert isinstance(workers, LocalProcesses)
    assert workers.count == 3
    assert workers.description == "3 processes"


def test_auto_suits_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.files.threads.cores", lambda: 7)
    workers = choose_workers("auto")

    assert isinstance(workers, (Here, LocalProcesses))
    assert getattr(workers, "count", 1) <= 3


@pytest.mark.parametrize("address", ["tcp://node1:8786", "tls://node1:8786"])
def test_an_address_is_a_cluster(address: str) -> None:
    workers = choose_workers("1", address)

    assert isinstance(workers, DaskCluster)
    assert workers.description == f"Dask cluster {address}"


@pytest.mark.parametrize(
    ("jobs", "scheduler", "message"),
    [
        ("0", None, "--jobs: '0' is no number of processes; give 4, or auto"),
        ("many", None, "--jobs: 'many' is no number of processes"),
        ("2", "tcp://node1:8786", "--jobs and --scheduler: contradict each other"),
        ("1", "node1", "--scheduler: 'node1' is no address of a Dask scheduler; give tcp://"),
        ("1", "local:2", "--scheduler: 'local:2' is no address of a Dask scheduler"),
        ("1", "no/such.json", "no/such.json: does not exist; start the scheduler first"),
    ],
)
def test_what_is_no_choice_is_said(jobs: str, scheduler: str | None, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        choose_workers(jobs, scheduler)


def test_a_cluster_without_dask_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.batch.workers.dask.find_spec", lambda _: None)

    with pytest.raises(MissingPartError, match=r'pip install "starbridge\[cluster\]"'):
        choose_workers("1", "tcp://node1:8786")
