"""What of each layer is computed for the core of a tile."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.model.folder import open_model
from bridge.model.network import INPUT, Convolution
from bridge.segment.engines.unet import read_unet
from bridge.segment.engines.winograd.plan import minimal
from bridge.segment.engines.winograd.regions import alignment, needed, reach, scales
from bridge.segment.engines.winograd.transforms import STEP

NETWORK = read_unet(open_model("demo"))
SCALES = scales(NETWORK, 0)
DIVISOR = 16
ALIGNMENT = alignment(NETWORK, 0, DIVISOR)


def test_layers_are_smaller_than_the_image_by_what_pooling_divides() -> None:
    assert SCALES[INPUT] == 1
    assert SCALES["grid_max_0"] == SCALES[NETWORK.heads[0]] == 2
    assert SCALES["middle_0"] == DIVISOR


def test_squares_of_the_deepest_layer_lie_alike_after_four_of_its_pixels() -> None:
    assert ALIGNMENT == STEP * DIVISOR


@given(st.integers(0, 8), st.integers(1, 40), st.integers(0, 400))
def test_every_square_lies_on_the_same_pixels_and_sees_only_what_is_computed(
    start: int, blocks: int, more: int
) -> None:
    core = (start * ALIGNMENT, start * ALIGNMENT + blocks * DIVISOR)
    size = -(-(core[1] + more) // DIVISOR) * DIVISOR

    found = needed(NETWORK, 0, core, size)

    for step in NETWORK.steps:
        if not isinstance(step, Convolution):
            continue
        first, last = found[step.name]
        whole = size // SCALES[step.name]
        assert 0 <= first < last <= whole
        if minimal(step):
            assert first % STEP == 0
            assert last % STEP == 0 or last == whole
            there = found[step.inputs[0]]
            assert there[0] <= max(0, first - 1)
            assert there[1] >= min(whole, last + 1)


@given(st.integers(3, 6), st.integers(1, 20))
def test_a_margin_of_the_halo_holds_all_that_an_aligned_core_needs(start: int, blocks: int) -> None:
    core = (start * ALIGNMENT, (start + blocks) * ALIGNMENT)
    halo = reach(NETWORK, 0, ALIGNMENT)

    first, last = needed(NETWORK, 0, core)[INPUT]

    assert core[0] - halo <= first
    assert last <= core[1] + halo


@pytest.mark.parametrize("position", [0, 2, 30, 62])
def test_no_prediction_looks_further_than_the_halo(position: int) -> None:
    first, last = needed(NETWORK, 0, (position, position + 2))[INPUT]

    assert position - first <= reach(NETWORK, 0, ALIGNMENT)
    assert last - 1 - position <= reach(NETWORK, 0, ALIGNMENT)
