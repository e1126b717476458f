"""A push is scored by what the reviewer made of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import Detections
from bridge.review import Pushed, compare, merge
from bridge.review.rounds import Round, last_round
from bridge.training.evaluation.review_scores import (
    overlap_of_outlines,
    pool_pushes,
    pool_reviews,
    score_round,
)
from bridge.training.evaluation.scoring import find_overlap
from bridge.training.sources import ReadOptions
from tests.review.nuclei import disc, edited, row_of, with_more, without

ALL = ReadOptions()


def round_of(pushed: Detections | Pushed, reviewed: Detections) -> Round:
    base = Pushed.of(pushed, time="Monday")
    return last_round(base, compare(base, reviewed), is_saved=True)


def test_deleted_objects_are_wrong_and_added_ones_were_missed() -> None:
    pushed = row_of(5)
    left = without(with_more(edited(pushed, 1, geometry=disc(30, radius=7)), disc(200)), 0)
    score = score_round("a", round_of(pushed, left), ALL)
    assert score is not None
    assert (score.kept, score.reshaped, score.deleted, score.added) == (3, 1, 1, 1)
    assert score.reshaped_iou == pytest.approx(36 / 49, abs=1e-3)
    at_half, at_nine_tenths = score.overlap.scores((0.5, 0.9))
    assert (at_half.tp, at_half.fp, at_half.fn) == (4, 1, 1)
    assert (at_nine_tenths.tp, at_nine_tenths.fp, at_nine_tenths.fn) == (3, 2, 2)


def test_an_object_that_is_drawn_anew_in_its_place_is_right() -> None:
    pushed = row_of(2)
    left = without(with_more(pushed, disc(10.5)), 0)
    score = score_round("a", round_of(pushed, left), ALL)
    assert score is not None
    assert (score.deleted, score.added) == (1, 1)
    assert score.overlap.score(0.5).f1 == 1


def test_an_untouched_review_that_was_saved_agrees_and_one_that_was_not_says_nothing() -> None:
    pushed = row_of(3)
    saved = round_of(pushed, pushed)
    score = score_round("a", saved, ALL)
    assert score is not None
    assert score.overlap.score(1.0).f1 == 1
    base = Pushed.of(pushed, time="Monday")
    assert score_round("a", last_round(base, compare(base, pushed)), ALL) is None


def test_only_what_is_inside_of_reviewed_regions_counts() -> None:
    pushed = row_of(6)
    region = disc(10, radius=45)  # holds the first three nuclei
    left = with_more(without(pushed, 0, 5), region, **{"class": ["Done"]})
    frame = left.objects
    frame.loc[frame["class"] == "Done", "object_type"] = "annotation"
    done = ReadOptions(inside=("Done",))
    score = score_round("a", round_of(pushed, left), done, whole=False)
    assert score is not None
    assert (score.kept, score.deleted, score.added) == (2, 1, 0)
    at_half = score.overlap.score(0.5)
    assert (at_half.tp, at_half.fp, at_half.fn) == (2, 1, 0)
    assert score_round("a", round_of(pushed, pushed), done, whole=False) is None


def test_what_was_decided_in_an_earlier_round_says_nothing_of_the_model() -> None:
    first = Pushed.of(row_of(5), time="Monday")
    reshaped = edited(first.detections, 1, geometry=disc(31, radius=8))
    left = with_more(without(reshaped, 0), disc(200))
    second = merge(first, left, row_of(5), time="Tuesday").pushed
    score = score_round("a", round_of(second, without(second.detections, 2)), ALL)
    assert score is not None
    assert (score.push, score.carried) == (2, 2)
    assert score.kept + score.deleted == 3
    assert score.overlap.score(0.5).n_true == 2


def test_pushes_are_pooled_over_images() -> None:
    pushed, other = row_of(3), row_of(4)
    scores = [
        score_round("a", round_of(pushed, without(pushed, 0)), ALL),
        score_round("b", round_of(other, other), ALL),
    ]
    pushes = pool_pushes(score for score in scores if score is not None)
    (total,) = pool_reviews(pushes[1], (0.5,))
    assert (total.tp, total.fp, total.fn) == (6, 1, 0)


@given(st.lists(st.tuples(st.integers(4, 40), st.integers(4, 40)), max_size=5), st.integers(0, 3))
def test_outlines_overlap_as_their_label_images_do(
    places: list[tuple[int, int]], shift: int
) -> None:
    labels = np.zeros((48, 48), np.int32)
    for number, (y, x) in enumerate(places, 1):
        labels[y : y + 5, x : x + 7] = number
    moved = np.roll(labels, shift, axis=1)
    one, other = (Detections.from_labels(image).objects for image in (labels, moved))
    outlines, drawn = overlap_of_outlines(one, other), find_overlap(labels, moved)
    assert [s.tp for s in outlines.scores()] == [s.tp for s in drawn.scores()]
    assert sorted(outlines.ious) == pytest.approx(sorted(drawn.ious), abs=1e-6)


def test_objects_on_different_slices_do_not_overlap() -> None:
    one = row_of(1).objects
    assert overlap_of_outlines(one, one.assign(z=1)).score(0.5).tp == 0
