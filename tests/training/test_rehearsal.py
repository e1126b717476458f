"""Images of the old domain."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.training.rehearsal import (
    fluorescence_domain,
    given_domain,
    remembered_pairs,
    simulate_pairs,
)
from tests.training.scenes import disc_pair


def test_simulated_pairs_are_the_same_each_time() -> None:
    first, second = simulate_pairs(2, seed=3, size=64), simulate_pairs(2, seed=3, size=64)

    assert [p.content_hash for p in first] == [p.content_hash for p in second]
    assert len({p.content_hash for p in (*first, *simulate_pairs(2, seed=4, size=64))}) == 4
    assert all(pair.count for pair in first)


def test_remembered_images_have_nuclei_and_are_all_known() -> None:
    for pair in remembered_pairs():
        assert pair.labels.shape == (256, 256)
        assert pair.image.dtype == np.uint8
        assert pair.labels.min() == 0
        assert pair.count >= 3


def test_what_was_forgotten_is_measured_on_images_that_are_not_rehearsed() -> None:
    domain = fluorescence_domain()

    trained = {pair.content_hash for pair in domain.trained}
    checked = {pair.content_hash for pair in domain.checked}
    assert not trained & checked
    assert len(trained) == len(domain.trained) > len(checked) == len(domain.checked) > 0


@pytest.mark.parametrize(("count", "checked"), [(1, [0]), (2, [1]), (4, [3]), (9, [3, 7])])
def test_every_fourth_of_the_own_pairs_is_checked(count: int, checked: list[int]) -> None:
    pairs = [disc_pair(f"{n}", n, (20, 20)) for n in range(count)]

    domain = given_domain(pairs, "ours")

    assert [pair.name for pair in domain.checked] == [f"{n}" for n in checked]
    assert len(domain.trained) == max(count - len(checked), 1)
