"""The real images that are rehearsed are cut from larger ones."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.training.pairs import TrainingPair
from tests.training.scenes import disc_pair
from tools.rehearsal_set import SIDE, choose, cut


def test_images_are_chosen_alike_each_time_and_in_any_order() -> None:
    pairs = [disc_pair(f"{n}", n, (SIDE, SIDE)) for n in range(6)]
    pairs.append(disc_pair("small", 7, (SIDE - 1, SIDE)))
    pairs.append(disc_pair("another kind", 8, (360, 360)))

    chosen = choose(pairs, 4)

    assert [p.name for p in chosen] == [p.name for p in choose(pairs[::-1], 4)]
    assert {p.name for p in choose(pairs, 6)} == {f"{n}" for n in range(6)}


@pytest.mark.parametrize("background", [0, 5])
def test_a_square_numbers_its_objects_without_gaps_and_keeps_the_background(
    background: int,
) -> None:
    labels = np.full((SIDE, SIDE), background, np.int32)
    labels[:40, :40], labels[100:130, 100:130] = 70_000, 9
    image = (labels % 251).astype(np.uint8)
    pair = TrainingPair(name="a", image=image, labels=labels)

    pixels, numbers = cut(pair, np.random.default_rng(1))

    np.testing.assert_array_equal(pixels, image)
    assert np.unique(numbers).tolist() == ([0, 1, 2] if background == 0 else [1, 2, 3])
    assert len(np.unique(np.stack([numbers, labels]).reshape(2, -1), axis=1).T) == 3
