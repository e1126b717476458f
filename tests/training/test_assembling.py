"""Pairs are divided by what their sources say, and the steps suit their number."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bridge.errors import BadInputError
from bridge.training.assembling import assemble, choose_steps, class_names, unlearnt_classes
from bridge.training.pairs import TrainingPair
from bridge.training.rehearsal import OldDomain
from tests.training.folders import picture, squares


def pair(name: str, seed: int, *, count: int = 6, split: str = "", group: str = "") -> TrainingPair:
    return TrainingPair(
        name=name, image=picture(seed), labels=squares(count), split=split, group=group
    )


def names(pairs: object) -> list[str]:
    return [one.name for one in pairs]  # type: ignore[attr-defined]


def test_parts_that_the_source_says_are_kept() -> None:
    pairs = [pair("a", 0, split="train"), pair("b", 1, split="val"), pair("c", 2, split="test")]

    data = assemble(pairs).data

    assert (names(data.pairs), names(data.validation), names(data.test)) == (["a"], ["b"], ["c"])
    assert data.divided == "as the images were divided before"


def test_pairs_of_which_nothing_is_said_are_learnt_from() -> None:
    data = assemble([pair("a", 0), pair("b", 1)]).data

    assert (names(data.pairs), names(data.validation), data.divided) == (["a", "b"], [], "")


def test_a_region_of_an_image_that_validates_is_not_learnt_from() -> None:
    pairs = [pair("a", 0), pair("b", 1, split="val"), pair("b again", 2, group="b")]

    data = assemble(pairs).data

    assert (names(data.pairs), names(data.validation)) == (["a"], ["b", "b again"])


def test_nothing_validates_on_images_without_objects() -> None:
    found = assemble([pair("a", 0), pair("b", 1, count=0, split="val")])

    assert (names(found.data.pairs), list(found.data.validation)) == (["a", "b"], [])
    assert "for validation have no objects" in found.notes[-1]


def test_old_images_that_are_new_ones_are_not_rehearsed() -> None:
    old = OldDomain((pair("x", 0), pair("y", 5)), (pair("z", 1),), "mine")

    found = assemble([pair("a", 0), pair("b", 1)], old)

    assert names(found.data.old.trained) == ["y"]
    assert not found.data.old.checked
    assert "2 of the old images are among the new ones" in found.notes[-1]


@pytest.mark.parametrize(
    ("pairs", "reason"),
    [
        ([], "there is no pair"),
        ([pair("a", 0, count=1)], "there is one object"),
        ([pair("a", 0, split="val"), pair("b", 1, split="test")], "no image to learn from"),
    ],
)
def test_what_teaches_nothing_is_refused(pairs: list[TrainingPair], reason: str) -> None:
    with pytest.raises(BadInputError, match=reason):
        assemble(pairs)


def test_classes_are_those_of_the_objects() -> None:
    pairs = [
        replace(pair("a", 0), classes={1: "neuron"}),
        replace(pair("b", 1), classes={2: "glia"}),
    ]

    assert class_names(pairs) == ("glia", "neuron")
    assert unlearnt_classes(pairs, ("glia", "neuron")) == ""
    assert unlearnt_classes(pairs, ("glia",)).startswith("the class neuron is not learnt")
    assert unlearnt_classes(pairs, ()).startswith("the classes glia, neuron are not learnt")


@pytest.mark.parametrize(
    ("images", "from_nothing", "steps"),
    [
        (1, False, 700),
        (16, False, 700),
        (100, False, 1700),
        (20_000, False, 4000),
        (16, True, 14_000),
    ],
)
def test_more_objects_are_learnt_from_for_longer(
    images: int, from_nothing: bool, steps: int
) -> None:
    one = pair("a", 0)

    assert choose_steps([one] * images, from_nothing=from_nothing) == steps


def test_the_number_of_steps_has_a_bound() -> None:
    labels = np.arange(300 * 300, dtype=np.int32).reshape(300, 300)
    many = TrainingPair(name="a", image=labels, labels=labels)

    assert choose_steps([many], from_nothing=True) == 40_000
