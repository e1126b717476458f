"""Pairs in training, validation and test."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import BadInputError
from bridge.training.datasets.splitting import group_by_field, parse_shares, split_pairs
from bridge.training.pairs import TrainingPair
from tests.training.folders import picture


def pair(name: str, group: str = "", *, seed: int | None = None, split: str = "") -> TrainingPair:
    seed = sum(map(ord, name)) * 1000 + len(name) if seed is None else seed
    labels = np.eye(8, dtype=np.int32)
    return TrainingPair(
        name=name, image=picture(seed, (8, 8)), labels=labels, group=group, split=split
    )


@given(
    groups=st.lists(st.integers(0, 12), min_size=1, max_size=30),
    seed=st.integers(0, 5),
    order=st.randoms(use_true_random=False),
)
def test_groups_stay_together_whatever_the_order(
    groups: list[int], seed: int, order: Random
) -> None:
    pairs = [pair(f"{n}", f"g{group}", seed=n) for n, group in enumerate(groups)]

    split = split_pairs(pairs, seed=seed)
    shuffled = list(pairs)
    order.shuffle(shuffled)
    again = split_pairs(shuffled, seed=seed)

    parts = {p.name: p.split for p in split.pairs}
    assert {p.name: p.split for p in again.pairs} == parts
    by_group = {p.group: {q.split for q in split.pairs if q.group == p.group} for p in pairs}
    assert all(len(there) == 1 for there in by_group.values())
    wanted = min(3, len(set(groups)))
    assert len(set(parts.values())) == wanted
    assert bool(split.notes) == (wanted < 3)


def test_another_seed_divides_otherwise() -> None:
    pairs = [pair(f"{n}", seed=n) for n in range(20)]

    chosen = {tuple(p.name for p in split_pairs(pairs, seed=seed).test) for seed in range(5)}

    assert len(chosen) > 1


def test_shares_hold_for_pixels_as_far_as_groups_allow() -> None:
    pairs = [pair(f"{n}", seed=n) for n in range(50)]

    split = split_pairs(pairs, (0.6, 0.2, 0.2))

    assert (len(split.train), len(split.val), len(split.test)) == (30, 10, 10)


def test_the_same_image_under_two_names_is_on_one_side() -> None:
    pairs = [pair(f"{n}", seed=n // 2) for n in range(20)]

    split = split_pairs(pairs, (0.5, 0.25, 0.25))

    for first, second in zip(split.pairs[::2], split.pairs[1::2], strict=True):
        assert first.split == second.split


def test_parts_that_a_source_says_are_kept_unless_divided_anew() -> None:
    pairs = [pair(f"{n}", seed=n, split="test" if n < 5 else "train") for n in range(10)]

    kept = split_pairs(pairs)
    anew = split_pairs(pairs, anew=True)

    assert len(kept.test) == 5
    assert kept.notes == (
        "the images are divided already, and there is no val; --split divides them anew",
    )
    assert len(anew.test) == 1


def test_what_a_source_leaves_open_is_divided() -> None:
    pairs = [pair(f"{n}", seed=n, split="" if n < 10 else "train") for n in range(20)]

    split = split_pairs(pairs)

    assert {p.split for p in split.pairs[10:]} == {"train"}
    assert (len(split.val), len(split.test)) == (1, 1)


@pytest.mark.parametrize("same", ["group", "pixels"])
def test_a_source_that_tests_on_what_it_trains_on_is_refused(same: str) -> None:
    if same == "group":
        pairs = [pair("a_0", "a", split="train"), pair("a_1", "a", split="test")]
    else:
        pairs = [pair("a", seed=1, split="train"), pair("b", seed=1, split="test")]

    with pytest.raises(BadInputError, match="a.* is in train, and .* is in test.*--split"):
        split_pairs(pairs)


def test_blank_images_are_not_the_same_image() -> None:
    blank = [replace(pair(n), image=np.zeros((8, 8, 1))) for n in "ab"]
    pairs = [replace(p, split=s) for p, s in zip(blank, ("train", "test"), strict=True)]

    assert len(split_pairs(pairs).test) == 1


def test_fields_of_names_make_groups() -> None:
    name = "Pa_dQ_J70_SNd2T_20Xa_g1dt08_{}_{}"
    pairs = [
        pair(name.format(organoid, section))
        for organoid in ("OG1", "OG2")
        for section in ("s1", "s2")
    ]

    assert [p.group for p in group_by_field(pairs, ["organoid"])] == ["OG1", "OG1", "OG2", "OG2"]
    assert group_by_field(pairs, ["Clone", "organoid"])[2].group == "Pa OG2"
    assert group_by_field([pair("x", name.format("OG1", "s1 (2)"))], ["slice"])[0].group == "s1"
    with pytest.raises(BadInputError, match="no field 'mouse'.*clone, diff"):
        group_by_field(pairs, ["mouse"])
    with pytest.raises(BadInputError, match="x: has a name that does not fit"):
        group_by_field([pair("x")], ["organoid"])


@pytest.mark.parametrize("text", ["", "a", "0,1", "-1,2", "1,1,1,1", "nan"])
def test_what_is_no_split_is_refused(text: str) -> None:
    with pytest.raises(BadInputError, match="--split"):
        parse_shares(text)
