"""A toy engine, as somebody else would add one: it finds one object in every tile."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.model.folder import ModelFolder
from bridge.segment.engines.base import NO_MARGINS, Margins, Prediction, remove_margins


class ToyEngine:
    """One round object in the middle."""

    name, device = "toy", "CPU"
    divisor = alignment = halo = (16, 16)
    bytes_per_pixel = 1.0

    def __init__(self, model: ModelFolder) -> None:
        self._model = model
        self.versions = {"toy": "1"}

    def predict(
        self, tile: NDArray[Any], margins: Margins = NO_MARGINS, min_prob: float = 0.0
    ) -> Prediction:
        """Predict the same, whatever the pixels."""
        height, width = (n // g for n, g in zip(tile.shape, self._model.grid, strict=False))
        prob = np.zeros((height, width), np.float32)
        prob[height // 2, width // 2] = 0.9
        dist = np.full((height, width, self._model.n_rays), 6, np.float32)
        return remove_margins(margins, Prediction(prob, dist), self._model.grid)
