"""Rounds of review say what the reviewer left of each push, also of earlier ones."""

from __future__ import annotations

import pytest
from geopandas.testing import assert_geodataframe_equal

from bridge import Detections
from bridge.review import Pushed, compare, merge
from bridge.review.rounds import earlier_round, last_round, list_rounds
from tests.review.nuclei import disc, edited, row_of, with_more, without


def reviewed(pushed: Detections) -> Detections:
    """The first is deleted, the second reshaped, the third gets a class, one is added."""
    changed = edited(pushed, 1, geometry=disc(31, radius=8))
    changed = edited(changed, 2, **{"class": "Neuron"})
    return without(with_more(changed, disc(200)), 0)


@pytest.fixture
def first() -> Pushed:
    return Pushed.of(row_of(5), time="Monday")


def test_the_last_round_is_what_the_reviewer_left(first: Pushed) -> None:
    changes = compare(first, reviewed(first.detections))
    one = last_round(first, changes)
    assert (one.push, one.time, one.is_reviewed) == (1, "Monday", True)
    assert one.of("deleted") == {first.detections.ids[0]}
    assert one.of("reshaped") == {first.detections.ids[1]}
    assert len(one.of("added")) == 1
    assert len(one.reviewed) == 5


def test_an_earlier_round_is_known_from_the_push_after_it(first: Pushed) -> None:
    left = reviewed(first.detections)
    before = last_round(first, compare(first, left))
    # the new model finds all nuclei elsewhere, and those that were untouched a pixel further
    after = merge(first, left, row_of(5, shift=1), time="Tuesday").pushed

    one = earlier_round(first, after)

    assert (one.push, one.time, one.is_reviewed) == (1, "Monday", True)
    for what in ("deleted", "reshaped", "added", "reclassified"):
        assert one.of(what) == before.of(what)
    columns = ["geometry", "prob"]
    assert_geodataframe_equal(
        one.reviewed.objects[columns].sort_index(), before.reviewed.objects[columns].sort_index()
    )


def test_what_a_reviewer_decided_before_is_not_the_models(first: Pushed) -> None:
    left = reviewed(first.detections)
    after = merge(first, left, row_of(5, shift=1), time="Tuesday").pushed
    one = last_round(after, compare(after, after.detections))
    drawn = {first.detections.ids[1], *before_added(first, left)}
    assert one.carried == drawn
    assert one.push == 2
    assert not one.is_reviewed


def before_added(first: Pushed, left: Detections) -> set[str]:
    return set(left.ids) - set(first.detections.ids)


def test_rounds_are_listed_as_far_as_their_pushes_are_known(first: Pushed) -> None:
    second = merge(first, reviewed(first.detections), row_of(5), time="Tuesday").pushed
    third = merge(second, without(second.detections, 3), row_of(5), time="Friday").pushed
    changes = compare(third, third.detections)

    def numbers(*pushes: Pushed) -> list[tuple[int, bool]]:
        return [(one.push, one.is_reviewed) for one in list_rounds(pushes, changes)]

    assert numbers(first, second, third) == [(1, True), (2, True), (3, False)]
    assert numbers(first, third) == [(3, False)]
    saved = list_rounds([second, third], changes, [False, True])
    assert [one.is_reviewed for one in saved] == [True, True]
