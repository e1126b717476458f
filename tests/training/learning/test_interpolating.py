"""Weights between those before and after a training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bridge.model.folder import demo_model_folder, open_model
from bridge.model.keras_weights import load_weights
from bridge.training.learning.comparing import Judgement, Yardstick
from bridge.training.learning.interpolating import SHARES, choose_share
from bridge.training.learning.network import Plan, build_network, plan_network, write_settings
from bridge.training.learning.steps import save_weights
from tests.training.scenes import disc_pair

pytestmark = pytest.mark.model


@pytest.fixture
def plan() -> Plan:
    return plan_network([disc_pair("a", 1)], open_model(demo_model_folder()))


def spoilt(network: Any) -> list[Any]:
    """The weights of the demo model, changed so that it finds nothing any more."""
    return [weight + np.float32(0.5) for weight in network.get_weights()]


def test_the_part_of_the_way_that_is_best_is_kept(plan: Plan, tmp_path: Path) -> None:
    network, _ = build_network(plan, 1)
    assert plan.start is not None
    before, last = network.get_weights(), spoilt(network)
    candidate, after = tmp_path / "candidate", tmp_path / "weights_best.h5"
    write_settings(plan, candidate)
    save_weights(network, last, after)

    class Likes(Yardstick):
        """Finds the half of the way best."""

        def judge(self, model: Any) -> Judgement:
            load_weights(network, Path(model) / "weights_best.h5")
            share = float((network.get_weights()[0] - before[0]).mean()) / 0.5
            return Judgement(0, None, 1 - abs(share - 0.5))

    share = choose_share(network, plan.start.weights, after, Likes(()), 0.5, candidate)

    assert share == 0.5
    load_weights(network, after)
    for kept, first, end in zip(network.get_weights(), before, last, strict=True):
        np.testing.assert_allclose(kept, (first + end) / 2, rtol=1e-5, atol=1e-6)


def test_a_state_that_nothing_beats_stays(plan: Plan, tmp_path: Path) -> None:
    network, _ = build_network(plan, 1)
    assert plan.start is not None
    candidate, after = tmp_path / "candidate", tmp_path / "weights_best.h5"
    write_settings(plan, candidate)
    save_weights(network, spoilt(network), after)
    content = after.read_bytes()
    seen = []

    class Equal(Yardstick):
        def judge(self, model: Any) -> Judgement:
            seen.append(model)
            return Judgement(0, None, 0.5)

    share = choose_share(network, plan.start.weights, after, Equal(()), 0.5, candidate)

    assert share == 1
    assert after.read_bytes() == content
    assert len(seen) == len(SHARES)


def test_each_state_is_judged_by_its_own_weights(plan: Plan, tmp_path: Path) -> None:
    """The folder keeps its name while its weights change."""
    network, _ = build_network(plan, 1)
    write_settings(plan, tmp_path)
    good, yardstick = network.get_weights(), Yardstick([disc_pair("a", 1)])

    worths = []
    for weights in (good, [0 * weight for weight in good], good):
        save_weights(network, weights, tmp_path / "weights_best.h5")
        worths.append(yardstick.judge(tmp_path).worth)

    assert worths[0] == worths[2] > 0.8
    assert worths[1] == 0
