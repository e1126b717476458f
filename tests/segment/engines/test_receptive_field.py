"""The core of a tile is predicted as in the whole tile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge.model.folder import ModelFolder
from bridge.segment.engines.base import Engine
from bridge.segment.engines.keras import KerasEngine
from bridge.segment.engines.onnx import OnnxEngine
from tests.models_export.architectures import ARCHITECTURES


@pytest.mark.model
@pytest.mark.parametrize("engine", [KerasEngine, OnnxEngine])
@pytest.mark.parametrize("name", ["demo", *ARCHITECTURES])
@pytest.mark.parametrize("blocks", [(0, 0, 0, 0), (7, 0, 1, 3), (0, 5, 4, 0), (1, 1, 1, 1)])
def test_the_core_is_predicted_as_in_the_whole_tile(
    model_of: Callable[[str], ModelFolder],
    engine: Callable[[ModelFolder], Engine],
    name: str,
    blocks: tuple[int, int, int, int],
) -> None:
    model = model_of(name)
    loaded = engine(model)
    down, across = loaded.divisor
    top, left, bottom, right = margins = (
        blocks[0] * down,
        blocks[1] * across,
        blocks[2] * down,
        blocks[3] * across,
    )
    shape = (top + 3 * down + bottom, left + 2 * across + right, model.n_channels)
    tile = np.random.default_rng(1).random(shape, np.float32)
    whole = loaded.predict(tile)
    expected = [
        None if values is None else values[_core(values, margins, model.grid)].copy()
        for values in (whole.prob, whole.dist, whole.classes)
    ]

    found = loaded.predict(tile, margins)

    for values, known in zip((found.prob, found.dist, found.classes), expected, strict=True):
        if known is None:
            assert values is None
        else:
            assert values is not None
            assert values.shape == known.shape
            assert np.abs(values - known).max() <= 1e-5


def _core(
    values: NDArray[Any], margins: tuple[int, int, int, int], grid: tuple[int, ...]
) -> tuple[slice, slice]:
    top, left, bottom, right = (n // grid[k % 2] for k, n in enumerate(margins))
    return slice(top, values.shape[0] - bottom), slice(left, values.shape[1] - right)
