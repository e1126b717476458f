"""Missed objects are merged, split, faint, or none of these."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.training.evaluation.mistakes import Mistakes, find_faint, find_mistakes
from bridge.training.evaluation.overlap import find_overlap

TRUTH = np.array([[1, 1, 1, 0, 2, 2, 2, 0, 3, 3, 3, 3, 0, 4, 4, 0, 5, 5]])


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([1, 1, 1, 0, 2, 2, 2, 0, 3, 3, 3, 3, 0, 4, 4, 0, 5, 5], (0, 0, 0)),
        ([9, 9, 9, 9, 9, 9, 9, 0, 3, 3, 3, 3, 0, 4, 4, 0, 5, 5], (2, 0, 0)),
        ([1, 1, 1, 0, 2, 2, 2, 0, 7, 7, 8, 8, 0, 4, 4, 0, 5, 5], (0, 1, 0)),
        ([1, 1, 1, 0, 2, 2, 2, 0, 3, 3, 3, 3, 0, 0, 0, 0, 0, 0], (0, 0, 1)),
    ],
    ids=["right", "two in one", "one in two", "two unseen, one of them faint"],
)
def test_missed_objects_are_counted_once_by_what_became_of_them(
    found: list[int], expected: tuple[int, int, int]
) -> None:
    is_faint = np.array([False, False, False, False, True])

    mistakes = find_mistakes(find_overlap(TRUTH, np.array([found])), 0.6, is_faint)

    assert (mistakes.merged, mistakes.split, mistakes.faint) == expected


def test_a_true_object_that_is_merged_but_matched_is_no_mistake() -> None:
    truth = np.array([[1] * 9 + [2]])

    assert find_mistakes(find_overlap(truth, np.ones((1, 10), int)), 0.5).merged == 1


def test_the_dimmest_quarter_is_faint() -> None:
    image = np.arange(18)[np.newaxis, :, np.newaxis][:, ::-1]

    assert find_faint(image, TRUTH).tolist() == [False] * 4 + [True]
    assert find_faint(image, np.zeros_like(TRUTH)).tolist() == []


def test_mistakes_at_different_overlaps_do_not_add_up() -> None:
    with pytest.raises(ValueError, match="0.5 and 0.6"):
        Mistakes(iou=0.5) + Mistakes(iou=0.6)
