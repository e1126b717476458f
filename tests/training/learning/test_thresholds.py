"""Thresholds that are chosen on validation images."""

from __future__ import annotations

import pytest

from bridge import Segmenter
from bridge.training.evaluation.evaluating import evaluate
from bridge.training.learning.comparing import mean_f1
from bridge.training.learning.thresholds import ENOUGH_OBJECTS, choose_thresholds
from bridge.training.pairs import TrainingPair
from bridge.training.rehearsal import simulate_pairs

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def pairs() -> list[TrainingPair]:
    return simulate_pairs(3, seed=21, size=192)


def at(segmenter: Segmenter, prob: float, nms: float) -> Segmenter:
    recipe = segmenter.recipe.with_changes(prob=prob, nms=nms)
    return Segmenter(segmenter.model, recipe, segmenter.engine)


@pytest.mark.parametrize(("prob", "nms"), [(0.5, 0.4), (0.83, 0.05), (0.12, 0.9)])
def test_chosen_thresholds_are_as_good_as_those_given(
    prob: float, nms: float, demo_segmenter: Segmenter, pairs: list[TrainingPair]
) -> None:
    """So says segmenting anew, which is not how they are chosen."""
    given = at(demo_segmenter, prob, nms)
    done = []

    chosen = choose_thresholds(given, pairs, lambda k, n: done.append((k, n)))

    before = mean_f1(evaluate(given, pairs).scores)
    after = mean_f1(evaluate(at(demo_segmenter, chosen.prob, chosen.nms), pairs).scores)
    assert after >= before
    if (prob, nms) != (0.5, 0.4):
        assert after > before
        assert chosen.reason.startswith("chosen on ")
    assert done == [(k + 1, len(done)) for k in range(len(done))]


def test_the_best_thresholds_stay(demo_segmenter: Segmenter, pairs: list[TrainingPair]) -> None:
    first = choose_thresholds(at(demo_segmenter, 0.83, 0.05), pairs)
    second = choose_thresholds(at(demo_segmenter, first.prob, first.nms), pairs)

    assert (second.prob, second.nms) == (first.prob, first.nms)
    assert second.reason.startswith(f"left at {first.prob:.2f} and {first.nms:.2f}: no others")


def test_too_few_objects_leave_them_alone(
    demo_segmenter: Segmenter, pairs: list[TrainingPair]
) -> None:
    few = simulate_pairs(1, seed=2, size=64)
    assert few[0].count < ENOUGH_OBJECTS

    chosen = choose_thresholds(at(demo_segmenter, 0.61, 0.35), few)

    assert (chosen.prob, chosen.nms) == (0.61, 0.35)
    assert chosen.reason == (
        f"left at 0.61 and 0.35: {few[0].count} validation objects are too few to choose them "
        f"({ENOUGH_OBJECTS} are needed)"
    )
