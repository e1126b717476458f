"""Cores are shared out among the processes."""

from __future__ import annotations

import os

import pytest

from bridge.files.threads import cores, inherited, thread_limits


def test_processes_share_out_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.files.threads.cores", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)

    assert thread_limits(2)["OMP_NUM_THREADS"] == "4"
    assert thread_limits(3)["OMP_NUM_THREADS"] == "2"
    assert thread_limits(99)["OMP_NUM_THREADS"] == "1"


def test_what_a_person_has_set_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "5")

    assert thread_limits(1)["OMP_NUM_THREADS"] == "5"


def test_variables_are_set_for_a_moment_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STARBRIDGE_TEST_A", "old")
    monkeypatch.delenv("STARBRIDGE_TEST_B", raising=False)

    with inherited({"STARBRIDGE_TEST_A": "new", "STARBRIDGE_TEST_B": "new"}):
        assert os.environ["STARBRIDGE_TEST_A"] == os.environ["STARBRIDGE_TEST_B"] == "new"

    assert os.environ["STARBRIDGE_TEST_A"] == "old"
    assert "STARBRIDGE_TEST_B" not in os.environ


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="only Linux can do this")
def test_only_cores_that_we_may_use_are_counted() -> None:
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert cores() == 1
    finally:
        os.sched_setaffinity(0, before)
