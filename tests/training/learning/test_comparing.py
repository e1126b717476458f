"""A model is better where it is better on the new images and forgot little."""

from __future__ import annotations

import pytest

from bridge.training.evaluation.score import Score
from bridge.training.learning.comparing import Judgement, compare, describe, is_better
from bridge.training.learning.comparing import Yardstick as Judge
from bridge.training.record import Comparison
from tests.training.scenes import disc_pair


def scores(f1: float) -> tuple[Score, ...]:
    right = round(100 * f1)
    return tuple(
        Score(iou=iou, tp=right, fp=100 - right, fn=100 - right) for iou in (0.5, 0.7, 0.9)
    )


def part(before: float | None, after: float) -> Comparison:
    return Comparison(
        name="some",
        images=2,
        objects=1200,
        before=() if before is None else scores(before),
        after=scores(after),
    )


@pytest.mark.parametrize(
    ("parts", "better"),
    [
        ([part(0.5, 0.6)], True),
        ([part(0.5, 0.5)], False),
        ([part(0.5, 0.4)], False),
        ([part(0.5, 0.6), part(0.9, 0.89)], True),
        ([part(0.5, 0.6), part(0.9, 0.85)], False),
        ([part(None, 0.0)], True),
    ],
)
def test_better_is_more_on_the_new_and_little_less_on_the_old(
    parts: list[Comparison], better: bool
) -> None:
    assert is_better(parts, may_lose=0.02) == better


def test_lines_say_before_and_after() -> None:
    assert describe([part(0.5, 0.6), part(None, 0.7)]) == [
        "some (2 images, 1,200 objects): F1 0.500 before, 0.600 after",
        "some (2 images, 1,200 objects): F1 0.700 after",
    ]


@pytest.mark.model
def test_a_model_is_compared_on_each_set_that_has_images() -> None:
    pairs = [disc_pair("a", 1)]

    first, *others = compare(["demo", "demo"], [("new", pairs), ("old", [])])

    assert not others
    assert (first.name, first.images, first.objects) == ("new", 1, pairs[0].count)
    assert first.before == first.after
    assert first.after[0].f1 > 0.8


@pytest.mark.model
def test_what_is_forgotten_beyond_what_may_be_lost_counts_twice() -> None:
    pairs = [disc_pair("a", 1)]
    now = Judge(pairs).judge("demo")

    judged = Judge(pairs, pairs, before=now.new + 0.12, may_lose=0.02).judge("demo")

    assert now == Judgement(now.new, None, now.new)
    assert judged.old == now.new
    assert judged.worth == pytest.approx(now.new - 0.2)
