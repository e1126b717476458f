"""Engines that stand in for a network: they take time, or end the process they run in."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.model.folder import ModelFolder
from bridge.segment.engines.base import NO_MARGINS, Margins, Prediction, remove_margins

RADIUS = 6.0


@dataclass
class StandIn:
    """Finds an object of six pixels' radius in the middle of every tile.

    Args:
        model: whose shape of output it has.
        seconds: that a tile takes, asleep.
    """

    model: ModelFolder
    seconds: float = 0.0
    name: str = "stand-in"
    device: str = "CPU"
    versions: dict[str, str] = field(default_factory=lambda: {"stand-in": "1"})
    divisor: tuple[int, int] = (16, 16)
    alignment: tuple[int, int] = (16, 16)
    halo: tuple[int, int] = (16, 16)
    bytes_per_pixel: float = 1.0

    def predict(
        self, tile: NDArray[Any], margins: Margins = NO_MARGINS, min_prob: float = 0.0
    ) -> Prediction:
        time.sleep(self.seconds)
        shape = tuple(n // g for n, g in zip(tile.shape[:2], self.model.grid, strict=True))
        prob = np.zeros(shape, np.float32)
        prob[shape[0] // 2, shape[1] // 2] = 0.9
        whole = Prediction(prob, np.full((*shape, self.model.n_rays), RADIUS, np.float32))
        return remove_margins(margins, whole, self.model.grid)


@dataclass(frozen=True)
class Sleeping:
    """Makes an engine that takes so many seconds a tile."""

    seconds: float = 0.0

    def __call__(self, model: ModelFolder) -> StandIn:
        return StandIn(model, self.seconds)


@dataclass
class _Deadly(StandIn):
    notes: Path = Path()
    deaths: int = 0

    def predict(
        self, tile: NDArray[Any], margins: Margins = NO_MARGINS, min_prob: float = 0.0
    ) -> Prediction:
        if tile.shape[0] == DEADLY_HEIGHT:
            died = len(list(self.notes.glob("died-*")))
            if died < self.deaths:
                (self.notes / f"died-{died}").touch()
                os.kill(os.getpid(), signal.SIGKILL)
        return super().predict(tile, margins, min_prob)


DEADLY_HEIGHT = 48
"""Height of a tile that ends the process."""


@dataclass(frozen=True)
class Deadly:
    """Makes an engine that is killed by images of one height.

    Args:
        notes: folder in which the deaths are counted.
        deaths: how often.
        seconds: that a tile takes.
    """

    notes: Path
    deaths: int
    seconds: float = 0.0

    def __call__(self, model: ModelFolder) -> _Deadly:
        return _Deadly(model, self.seconds, notes=self.notes, deaths=self.deaths)


def no_network(model: ModelFolder) -> StandIn:
    """An engine that cannot be made."""
    from bridge.errors import MissingPartError

    raise MissingPartError("segment", f"run {model.name}", "TensorFlow")
