"""Scores are StarDist's, on any label images, and leave out what nobody has looked at."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.training.evaluation.scoring import (
    IOUS,
    Score,
    find_overlap,
    pool_scores,
    score_labels,
    size_bounds,
)

LabelImage = NDArray[Any]


def label_images(shape: tuple[int, int] = (12, 14)) -> st.SearchStrategy[LabelImage]:
    """Return blocks of a few labels: they overlap by large and by small parts."""
    small = arrays(np.uint16, (shape[0] // 2, shape[1] // 2), elements=st.integers(0, 6))
    return small.map(lambda blocks: blocks.repeat(2, 0).repeat(2, 1))


@st.composite
def image_pairs(draw: st.DrawFn) -> tuple[LabelImage, LabelImage]:
    """Return true labels, and the same after some pixels were changed and all were moved."""
    truth = draw(label_images())
    found = truth.copy()
    for _ in range(draw(st.integers(0, 6))):
        y, x = draw(st.integers(0, 9)), draw(st.integers(0, 11))
        found[y : y + 3, x : x + 2] = draw(st.integers(0, 9))
    return truth, np.roll(found, draw(st.integers(0, 2)), axis=draw(st.integers(0, 1)))


def squares(*places: tuple[int, int, int, int], shape: tuple[int, int] = (40, 40)) -> LabelImage:
    """Return a label image of rectangles (y, x, height, width), labelled from 1."""
    labels = np.zeros(shape, np.int32)
    for number, (y, x, height, width) in enumerate(places, 1):
        labels[y : y + height, x : x + width] = number
    return labels


@pytest.mark.model
@given(st.lists(image_pairs(), min_size=1, max_size=3))
def test_scores_are_those_of_stardist(images: list[tuple[LabelImage, LabelImage]]) -> None:
    from stardist.matching import matching_dataset

    truths, founds = zip(*images, strict=True)
    theirs = matching_dataset(truths, founds, thresh=IOUS, show_progress=False)
    for score, reference in zip(score_labels(truths, founds), theirs, strict=True):
        assert (score.tp, score.fp, score.fn) == (reference.tp, reference.fp, reference.fn)
        assert (score.n_true, score.n_found) == (reference.n_true, reference.n_pred)
        for ours, name in {
            "precision": "precision",
            "recall": "recall",
            "f1": "f1",
            "mean_matched_iou": "mean_matched_score",
            "mean_true_iou": "mean_true_score",
            "panoptic_quality": "panoptic_quality",
        }.items():
            assert getattr(score, ours) == pytest.approx(getattr(reference, name), abs=1e-6)


@pytest.mark.model
def test_scores_of_nuclei_outlined_by_hand_are_those_of_stardist(shared: Path) -> None:
    from stardist.matching import matching_dataset

    with zipfile.ZipFile(shared / "dsb2018_fluorescence.zip") as archive:
        names = [name for name in archive.namelist() if name.startswith("masks/")][::24]
        truths = [tifffile.imread(BytesIO(archive.read(name))) for name in names]
    # moved by a pixel or more: small nuclei are lost first
    founds = [np.roll(mask, (k % 4, k % 3), (0, 1)) for k, mask in enumerate(truths, 1)]
    theirs = matching_dataset(truths, founds, thresh=IOUS, show_progress=False)
    for score, reference in zip(score_labels(truths, founds), theirs, strict=True):
        assert (score.tp, score.fp, score.fn) == (reference.tp, reference.fp, reference.fn)
        assert score.f1 == pytest.approx(reference.f1)
        assert score.panoptic_quality == pytest.approx(reference.panoptic_quality, abs=1e-6)


@pytest.mark.model
@given(image_pairs(), st.sampled_from([0.1, 0.25, 0.4]))
def test_as_many_match_at_a_low_overlap_as_in_stardist(
    images: tuple[LabelImage, LabelImage], iou: float
) -> None:
    from stardist.matching import matching

    reference = matching(*images, thresh=iou)
    score = find_overlap(*images).score(iou)
    assert (score.tp, score.fp, score.fn) == (reference.tp, reference.fp, reference.fn)


@given(image_pairs(), st.sampled_from([0.1, 0.5]))
def test_matches_are_one_to_one_and_overlap(
    images: tuple[LabelImage, LabelImage], iou: float
) -> None:
    truth, found = images
    overlap = find_overlap(truth, found)
    rows, columns = overlap.match(iou)
    assert len(set(rows)) == len(rows) == len(set(columns))
    for row, column in zip(rows, columns, strict=True):
        one, other = truth == overlap.true_labels[row], found == overlap.found_labels[column]
        assert (one & other).sum() / (one | other).sum() >= iou


def test_of_two_halves_of_an_object_one_is_right() -> None:
    truth, found = np.array([[1, 1]]), np.array([[3, 8]])
    score = find_overlap(truth, found).score(0.5)
    assert (score.tp, score.fp, score.fn) == (1, 1, 0)


def test_matched_missed_and_spurious_objects_are_counted() -> None:
    truth = squares((2, 2, 10, 10), (20, 20, 10, 10))
    found = squares((2, 2, 10, 6), (32, 2, 6, 6))  # 60 of 100 pixels, and something else
    at_half, at_seven_tenths = score_labels([truth], [found], ious=(0.5, 0.7))
    assert (at_half.tp, at_half.fp, at_half.fn) == (1, 1, 1)
    assert (at_half.precision, at_half.recall, at_half.f1) == (0.5, 0.5, 0.5)
    assert at_half.mean_matched_iou == pytest.approx(0.6)
    assert at_half.panoptic_quality == pytest.approx(0.3)
    assert (at_seven_tenths.tp, at_seven_tenths.f1) == (0, 0.0)


def test_images_are_pooled_by_their_objects() -> None:
    full, empty = squares((0, 0, 9, 9), (20, 20, 9, 9), (0, 20, 9, 9)), squares()
    score = score_labels([full, empty], [full, squares((5, 5, 4, 4))], ious=(0.5,))[0]
    assert (score.tp, score.fp, score.fn) == (3, 1, 0)
    assert score.precision == 0.75


def test_empty_images_score_nothing() -> None:
    score = find_overlap(squares(), squares()).score(0.5)
    assert score.is_empty
    assert (score.f1, score.mean_matched_iou, score.panoptic_quality) == (0, 0, 0)
    assert pool_scores([], ious=(0.5,)) == (Score(iou=0.5),)


def test_what_was_found_where_nobody_looked_does_not_count() -> None:
    truth = squares((2, 2, 10, 10))
    truth[:, 20:] = -1
    found = squares((2, 2, 10, 10), (2, 25, 10, 10), (20, 17, 10, 10), (32, 14, 6, 10))
    score = find_overlap(truth, found).score(0.5)
    # the second lies outside, the third by 7 of 10 columns, the fourth by 4 of 10
    assert (score.tp, score.fp, score.fn) == (1, 1, 0)


def test_overlap_is_measured_where_somebody_looked() -> None:
    truth = squares((2, 10, 10, 10))
    truth[:, 20:] = -1
    found = squares((2, 10, 10, 30))
    overlap = find_overlap(truth, found)
    assert overlap.ious.tolist() == [1.0]
    assert overlap.is_outside.tolist() == [True]
    score = overlap.score(0.9)
    assert (score.tp, score.fp, score.fn) == (1, 0, 0)


@given(image_pairs(), st.lists(st.floats(0, 1), min_size=9, max_size=9), st.floats(0, 1))
def test_dropping_improbable_objects_scores_as_without_them(
    images: tuple[LabelImage, LabelImage], known: list[float], least: float
) -> None:
    truth, found = images
    probabilities = dict(enumerate(known, 1))
    kept = [label for label, probability in probabilities.items() if probability >= least]
    anew = find_overlap(truth, np.where(np.isin(found, kept), found, 0))
    dropped = find_overlap(truth, found, probabilities).above(least)
    assert dropped.found_labels.tolist() == anew.found_labels.tolist()
    assert dropped.scores() == anew.scores()


def test_sizes_are_those_of_the_truth_and_of_what_is_wrong() -> None:
    truth = squares((0, 0, 4, 4), (0, 10, 9, 9), (12, 12, 20, 20))
    found = squares((0, 0, 4, 4), (34, 34, 4, 4), (12, 12, 20, 20))
    overlap = find_overlap(truth, found)
    small, medium, large = overlap.score_sizes(size_bounds([overlap]), 0.5)
    assert (small.tp, small.fp, small.fn) == (1, 1, 0)
    assert (medium.tp, medium.fp, medium.fn) == (0, 0, 1)
    assert (large.tp, large.fp, large.fn) == (1, 0, 0)


@given(image_pairs())
def test_size_classes_add_up_to_all(images: tuple[LabelImage, LabelImage]) -> None:
    overlap = find_overlap(*images)
    parts = overlap.score_sizes(size_bounds([overlap]), 0.5)
    total = sum(parts[1:], parts[0])
    whole = overlap.score(0.5)
    assert (total.tp, total.fp, total.fn) == (whole.tp, whole.fp, whole.fn)
    assert total.sum_iou == pytest.approx(whole.sum_iou)


def test_label_images_of_two_sizes_are_refused() -> None:
    with pytest.raises(BadInputError, match="4 x 5"):
        find_overlap(np.zeros((4, 4), int), np.zeros((4, 5), int))


@pytest.mark.parametrize("iou", [0.0, 1.1, float("nan")])
def test_an_overlap_that_cannot_be_is_refused(iou: float) -> None:
    with pytest.raises(BadInputError, match="above 0"):
        find_overlap(squares(), squares()).score(iou)
