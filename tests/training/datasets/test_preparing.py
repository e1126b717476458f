"""Pairs as programs take them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bridge.errors import BadInputError
from bridge.training.datasets.preparing import (
    Preparation,
    prepare_pairs,
    region_boxes,
    simulated_pairs,
)
from bridge.training.pairs import IGNORED, TrainingPair
from tests.training.folders import picture, squares


def reviewed_in_two_places() -> TrainingPair:
    """A pair of 200 x 300 px with two squares, and 10 px around each, reviewed."""
    labels = np.full((200, 300), IGNORED)
    for number, (y, x) in enumerate([(20, 20), (150, 240)], 1):
        labels[y - 10 : y + 20, x - 10 : x + 20] = 0
        labels[y : y + 10, x : x + 10] = number
    return TrainingPair(name="a", image=picture(0, (200, 300)), labels=labels)


def test_regions_become_images_of_their_own() -> None:
    prepared = prepare_pairs([reviewed_in_two_places()], Preparation(layout="cellpose"))

    assert [pair.name for pair in prepared.pairs] == ["a_region1", "a_region2"]
    assert [pair.labels.shape for pair in prepared.pairs] == [(30, 30), (30, 30)]
    assert [pair.frame for pair in prepared.pairs] == [(10, 10), (140, 230)]
    assert all(pair.group == "a" for pair in prepared.pairs)
    assert not prepared.notes


def test_a_layout_that_knows_what_was_not_reviewed_gets_it() -> None:
    prepared = prepare_pairs([reviewed_in_two_places()], Preparation(layout="stardist"))

    assert all((pair.labels == IGNORED).any() for pair in prepared.pairs)


def test_what_was_not_reviewed_is_dark_in_other_layouts_and_that_is_said() -> None:
    labels = squares().astype(int)
    labels[20:, 30:] = IGNORED  # an L was reviewed
    pair = TrainingPair(name="a", image=picture(0), labels=labels)

    prepared = prepare_pairs([pair], Preparation(layout="orgaseg", percentiles=(0, 100)))

    (made,) = prepared.pairs
    assert made.reviewed == 1
    assert (made.labels[20:, 30:] == 0).all()
    assert (made.image[20:, 30:] == picture(0).min()).all()
    assert np.array_equal(made.image[:20], picture(0)[:20, :, np.newaxis])
    assert "nobody has looked at" in prepared.notes[0]


def test_boxes_that_overlap_are_joined() -> None:
    reviewed = np.zeros((40, 40), bool)
    reviewed[2:5, 2:5] = reviewed[8:11, 8:11] = reviewed[30:33, 30:33] = True

    assert region_boxes(reviewed, 0) == [(2, 2, 5, 5), (8, 8, 11, 11), (30, 30, 33, 33)]
    assert region_boxes(reviewed, 2) == [(0, 0, 13, 13), (28, 28, 35, 35)]


def test_quadrants_are_cut_to_tiles() -> None:
    pair = TrainingPair(name="a", image=picture(0), labels=squares())

    names = [p.name for p in prepare_pairs([pair], Preparation(quadrants=True, tile=24)).pairs]

    assert names[:3] == ["a_0_001", "a_0_002", "a_1_001"]


def test_objects_that_vanish_are_counted() -> None:
    labels = squares().astype(int)
    labels[40, 1] = 9
    pair = TrainingPair(name="a", image=picture(0), labels=labels)

    notes = prepare_pairs([pair], Preparation(scale=0.25)).notes

    assert notes == ("1 objects became smaller than a pixel by --scale, and are gone",)


def test_simulated_images_are_the_same_each_time() -> None:
    first, second = (list(simulated_pairs(2, seed=5)) for _ in range(2))

    assert [pair.content_hash for pair in first] == [pair.content_hash for pair in second]
    assert first[0].content_hash != first[1].content_hash
    assert {pair.split for pair in first} == {"train"}
    with pytest.raises(BadInputError, match="one channel, and yours have 3"):
        next(simulated_pairs(2, seed=5, channels=3))


@pytest.mark.parametrize("wrong", [{"tile": 3}, {"scale": 0}, {"layout": "unet"}])
def test_settings_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInputError):
        Preparation(**wrong)
