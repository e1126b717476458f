"""Three rounds of correcting a poor model and training it: it gets better each time."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from tools.review_rounds import ROUNDS, Played, iou, play, polygon, read_rois

pytestmark = [pytest.mark.model, pytest.mark.slow]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """Three rounds, by the commands that a user types."""
    return play(tmp_path_factory.mktemp("loop"))


def test_every_round_makes_the_model_better_on_images_that_nobody_reviewed(played: Played) -> None:
    assert len(played.f1) == ROUNDS + 1
    assert all(after > before for before, after in pairwise(played.f1)), played.f1


def test_every_edit_of_the_review_is_there_after_the_last_push(played: Played) -> None:
    rois = read_rois(played.review)
    outlines = [polygon(roi) for roi in rois]

    assert len(played.added) > 50
    assert len(played.deleted) > 50
    assert all(max(iou(nucleus, roi) for roi in outlines) > 0.99 for nucleus in played.added)
    assert all(max(iou(nucleus, roi) for roi in outlines) < 0.99 for nucleus in played.deleted)
    assert {"Done", *(f"Done-{k}" for k in range(1, ROUNDS))} <= {roi.name for roi in rois}


def test_what_reviewers_saved_before_is_kept_too(played: Played) -> None:
    kept = sorted((played.folder / "review" / "earlier reviews").iterdir())

    assert [Path(file).suffix for file in kept] == [".zip"] * ROUNDS
