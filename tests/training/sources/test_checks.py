"""A set of pairs as a whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bridge.errors import BadInputError
from bridge.training.pairs import TrainingPair
from bridge.training.sources import check_pairs
from tests.training.folders import picture, squares


def pair(name: str, seed: int, **changes: Any) -> TrainingPair:
    settings: dict[str, Any] = {"image": picture(seed), "labels": squares(), **changes}
    return TrainingPair(name=name, source=f"{name}.tif", **settings)


@pytest.mark.parametrize(
    ("pairs", "problem"),
    [
        ([], "there is no pair"),
        ([pair("a", 0), pair("A", 1)], "A.tif: is called A, and so is a.tif"),
        ([pair("a", 0, labels=squares(1))], "one object in all 1 images"),
        ([pair("a", 0), pair("b", 0, labels=squares(5))], "b.tif: has the pixels of a.tif, and"),
        ([pair("a", 0), pair("b", 1, image=picture(1, (48, 64, 2)))], "b.tif: has 2 channels"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(pairs: list[TrainingPair], problem: str) -> None:
    with pytest.raises(BadInputError, match=problem):
        check_pairs(pairs)


def test_the_same_image_twice_is_noted() -> None:
    assert check_pairs([pair("a", 0), pair("b", 0)]) == ["b.tif: is the same image as a.tif"]


def test_a_class_in_one_image_only_is_noted() -> None:
    pairs = [pair("a", 0, classes={1: "x", 2: "y"}), pair("b", 1, classes={1: "x"})]

    (note,) = check_pairs(pairs)

    assert "class y is in one image only (a)" in note


def test_blank_background_may_be_there_twice() -> None:
    blank = {"image": np.zeros((48, 64)), "labels": np.zeros((48, 64), int)}

    assert check_pairs([pair("a", 0), pair("b", 0, **blank), pair("c", 0, **blank)]) == []
