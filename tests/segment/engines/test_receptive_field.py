"""Layers are cropped to what the core of a tile needs, and its numbers stay the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bridge.model.folder import ModelFolder, open_model
from bridge.model.network import INPUT, Concatenation, MaxPooling, Upsampling
from bridge.segment.engines.base import Engine
from bridge.segment.engines.keras import KerasEngine
from bridge.segment.engines.onnx import OnnxEngine
from bridge.segment.engines.openvino import OpenVinoEngine
from bridge.segment.engines.receptive_field import Narrowing
from bridge.segment.engines.unet import read_unet
from tests.models_export.architectures import ARCHITECTURES

BLOCKS = st.integers(0, 9)


@pytest.mark.model
@pytest.mark.parametrize("engine", [KerasEngine, OpenVinoEngine, OnnxEngine])
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


def test_most_of_a_wide_margin_is_not_computed_on_the_way_up() -> None:
    model = open_model("demo")
    narrowing = Narrowing(read_unet(model), model.grid)

    crops, left = narrowing.crops((112, 112, 112, 112))

    # the last join lies on the grid: of 56 predictions around the core, three are needed
    assert crops[-1].tolist() == [53, 53, 53, 53]
    assert left == (3, 3, 3, 3)


@given(st.tuples(BLOCKS, BLOCKS, BLOCKS, BLOCKS), st.integers(1, 4))
def test_what_enters_a_join_is_always_of_one_size(
    blocks: tuple[int, int, int, int], core: int
) -> None:
    model = open_model("demo")
    network = read_unet(model)
    margins = (16 * blocks[0], 16 * blocks[1], 16 * blocks[2], 16 * blocks[3])

    crops, _ = Narrowing(network, model.grid).crops(margins)

    assert (crops >= 0).all()
    rows = iter(crops.tolist())
    sizes = {INPUT: [margins[0] + 16 * core + margins[2], margins[1] + 16 * core + margins[3]]}
    for step in network.steps:
        height, width = sizes[step.inputs[0]]
        match step:
            case MaxPooling():
                height, width = height // step.size[0], width // step.size[1]
            case Upsampling():
                height, width = height * step.size[0], width * step.size[1]
            case Concatenation():
                entering = []
                for name in step.inputs:
                    top, left, bottom, right = next(rows)
                    entering.append([sizes[name][0] - top - bottom, sizes[name][1] - left - right])
                assert entering[0] == entering[1]
                height, width = entering[0]
        sizes[step.name] = [height, width]
    assert next(rows, None) is None
