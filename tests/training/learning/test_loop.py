"""Batches are made ahead of the steps that take them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from bridge.training.learning.loop import _BATCHES_AHEAD, _prefetched
from tests.waiting import wait_until


def numbers(count: int, made: list[int]) -> Iterator[Any]:
    for number in range(count):
        made.append(number)
        yield number


def test_batches_come_in_order_and_some_ahead() -> None:
    made: list[int] = []

    with _prefetched(numbers(100, made)) as batches:
        first: Any = next(batches)
        wait_until(lambda: len(made) > _BATCHES_AHEAD, "batches made ahead")
        taken: list[Any] = [first, *batches]

    assert taken == list(range(100))
    assert made == list(range(100))


def test_an_error_in_making_a_batch_reaches_the_step() -> None:
    def broken() -> Iterator[Any]:
        yield 1
        raise ConnectionError("no disk")

    with _prefetched(broken()) as batches:
        first: Any = next(batches)
        assert first == 1
        with pytest.raises(ConnectionError, match="no disk"):
            next(batches)


def test_a_training_that_ends_early_makes_no_more_batches() -> None:
    made: list[int] = []

    with pytest.raises(KeyboardInterrupt), _prefetched(numbers(10_000, made)) as batches:
        next(batches)
        raise KeyboardInterrupt

    assert len(made) <= _BATCHES_AHEAD + 3
    assert "training patches" not in {thread.name for thread in threading.enumerate()}
