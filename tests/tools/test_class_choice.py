"""Choosing which objects to class, against classing any."""

from __future__ import annotations

import numpy as np
import pytest

from tools.class_choice import FIRST, STEP, clicks_to_reach, play, simulate_study

SEEDS = (1, 2, 3)
CLICKS = 200
"""At random."""


@pytest.mark.slow
def test_chosen_clicks_are_worth_more_than_those_at_random() -> None:
    chosen, at_random = [], []
    for seed in SEEDS:
        study = simulate_study(seed)
        chosen.append(play(study, int(0.6 * CLICKS - FIRST) // STEP, active=True, seed=seed))
        at_random.append(play(study, (CLICKS - FIRST) // STEP, active=False, seed=seed))

    wanted = float(np.mean(at_random, axis=0)[-1])
    needed = clicks_to_reach(np.mean(chosen, axis=0).tolist(), wanted)

    assert wanted > 0.9
    assert needed is not None, f"{0.6 * CLICKS:g} chosen clicks do not reach {wanted:.3f}"
    assert needed <= 0.6 * CLICKS
