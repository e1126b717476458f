"""What is held out is not learnt from, and holds whole objects."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bridge.errors import BadInputError
from bridge.training.learning.validation import hold_out
from bridge.training.pairs import IGNORED, TrainingPair
from tests.training.scenes import disc_pair


def test_of_few_images_no_pixel_is_both_learnt_and_validated() -> None:
    pairs = [disc_pair("a", 1), disc_pair("b", 2, (120, 60))]

    held = hold_out(pairs, seed=1)

    for pair, learnt, checked in zip(pairs, held.trained, held.validated, strict=True):
        assert not ((learnt.labels != IGNORED) & (checked.labels != IGNORED)).any()
        for number in np.unique(pair.labels[pair.labels > 0]):
            own = pair.labels == number
            whole = [(part.labels[own] == number).all() for part in (learnt, checked)]
            assert sum(whole) == 1
        assert 0.1 < checked.count / pair.count < 0.4


def test_labels_may_have_any_gaps() -> None:
    pair = disc_pair("a", 1)
    wide = replace(pair, labels=np.where(pair.labels > 0, 2**31 - 1 - pair.labels, 0))

    first, second = hold_out([pair], seed=1), hold_out([wide], seed=1)

    assert first.validated[0].count == second.validated[0].count


def test_of_many_images_whole_ones_validate_with_all_their_regions() -> None:
    pairs = [disc_pair(f"{n}", n, (40, 40), group=f"g{n // 2}") for n in range(20)]

    held, again = hold_out(pairs, seed=1), hold_out(pairs[::-1], seed=1)

    assert {p.name for p in held.validated} == {p.name for p in again.validated}
    assert not {p.group for p in held.validated} & {p.group for p in held.trained}
    assert len(held.validated) + len(held.trained) == 20


def test_too_few_objects_are_refused() -> None:
    empty = TrainingPair(name="a", image=np.eye(9), labels=np.zeros((9, 9), int))
    single = TrainingPair(name="a", image=np.eye(9), labels=np.eye(9, dtype=int))

    with pytest.raises(BadInputError, match="have no object in all"):
        hold_out([empty], seed=1)
    with pytest.raises(BadInputError, match="have one object in all"):
        hold_out([single, empty], seed=1)
