"""Weights between those before and after a fine-tuning."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from bridge.model.keras_weights import load_weights
from bridge.training.learning.comparing import Yardstick
from bridge.training.learning.steps import save_weights

SHARES = (0.75, 0.5, 0.3)
"""Parts of the way from the weights before to those after that are tried."""


def choose_share(
    network: Any, before: Path, after: Path, yardstick: Yardstick, worth: float, candidate: Path
) -> float:
    """Keep the best of the weights between those before and after a training.

    Weights in between often keep more of what a model could do, and lose little of what it learnt
    (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").

    Args:
        network: the Keras network; it ends with the weights that were tried last.
        before: weights file of the start.
        after: weights file of the trained state, which is replaced by what is better.
        yardstick: judges.
        worth: of the trained state.
        candidate: model folder to try weights in.

    Returns:
        The part of the way, 0 to 1.
    """
    load_weights(network, before)
    first = network.get_weights()
    load_weights(network, after)
    last = network.get_weights()
    best, chosen = worth, 1.0
    for share in SHARES:
        mixed = [a + share * (b - a) for a, b in zip(first, last, strict=True)]
        save_weights(network, mixed, candidate / after.name)
        value = yardstick.judge(candidate).worth
        if value > best + yardstick.resolution:
            best, chosen = value, share
            shutil.copyfile(candidate / after.name, after)
    return chosen
