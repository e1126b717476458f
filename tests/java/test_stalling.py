"""A process that is slow, and one that does not move any more."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.java.stalling import StallWatch


@dataclass
class Times:
    """A clock and a processor that stand still until they are moved."""

    now: float = 0.0
    computed: float | None = 0.0

    def watch(self, limit: float = 100.0) -> StallWatch:
        return StallWatch(limit, lambda: self.computed, lambda: self.now)

    def pass_by(self, seconds: float, computing: float = 0.0) -> None:
        self.now += seconds
        if self.computed is not None:
            self.computed += computing


@pytest.fixture
def times() -> Times:
    return Times()


def test_one_that_does_nothing_is_given_up_after_the_limit(times: Times) -> None:
    watch = times.watch()

    times.pass_by(99)
    assert watch.seconds_left() == 1
    times.pass_by(1)
    assert watch.seconds_left() == 0


def test_one_that_computes_is_waited_for_however_slow_it_is(times: Times) -> None:
    watch = times.watch()

    for _ in range(15):
        times.pass_by(90, computing=3)  # a thirtieth of a processor
        assert watch.seconds_left() == 100


def test_each_step_counts(times: Times) -> None:
    times.computed = None  # not to be known on this machine
    watch = times.watch()

    for step in ("starting Java", "compiling"):
        times.pass_by(90)
        watch.note_step(step)
        assert watch.seconds_left() == 100
    assert watch.last_step == "compiling"


def test_what_an_idle_java_computes_is_no_progress(times: Times) -> None:
    watch = times.watch()

    for _ in range(10):
        times.pass_by(10, computing=0.05)
        left = watch.seconds_left()

    assert left == 0


def test_one_that_runs_in_a_circle_is_given_up_at_last(times: Times) -> None:
    watch = times.watch()

    times.pass_by(1999, computing=1999)
    assert watch.seconds_left() == 1
    times.pass_by(1, computing=1)
    assert watch.seconds_left() == 0


@given(st.lists(st.tuples(st.floats(0, 99), st.booleans()), max_size=20))
def test_it_is_never_given_up_before_the_limit_without_progress(
    parts: list[tuple[float, bool]],
) -> None:
    times = Times()
    watch = times.watch()
    still = 0.0
    for seconds, steps in parts:
        times.pass_by(seconds)
        still += seconds
        assert (watch.seconds_left() > 0) == (still < 100)
        if still >= 100:
            return
        if steps:
            watch.note_step("on")
            still = 0.0
