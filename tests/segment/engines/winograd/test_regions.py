"""The region of each layer that is computed for the core of a tile."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.model.folder import open_model
from bridge.model.network import INPUT, Convolution
from bridge.segment.engines.receptive_field import ReceptiveField
from bridge.segment.engines.unet import read_unet
from bridge.segment.engines.winograd.regions import alignment, find_regions, reach
from bridge.segment.engines.winograd.stages import is_winograd
from bridge.segment.engines.winograd.transforms import OUTPUTS

NETWORK = read_unet(open_model("demo"))
FIELD = ReceptiveField(NETWORK, 0)
SCALES = FIELD.scales
DIVISOR = 16
ALIGNMENT = alignment(FIELD, DIVISOR)


def test_layers_are_smaller_than_the_image_by_what_pooling_divides() -> None:
    assert SCALES[INPUT] == 1
    assert SCALES["grid_max_0"] == SCALES[NETWORK.heads[0]] == 2
    assert SCALES["middle_0"] == DIVISOR


def test_squares_of_the_deepest_layer_lie_alike_after_four_of_its_pixels() -> None:
    assert ALIGNMENT == OUTPUTS * DIVISOR


@given(st.integers(0, 8), st.integers(1, 40), st.integers(0, 400))
def test_every_square_lies_on_the_same_pixels_and_sees_only_what_is_computed(
    start: int, blocks: int, more: int
) -> None:
    core = (start * ALIGNMENT, start * ALIGNMENT + blocks * DIVISOR)
    size = -(-(core[1] + more) // DIVISOR) * DIVISOR

    found = find_regions(FIELD, core, size)

    for step in NETWORK.steps:
        if not isinstance(step, Convolution):
            continue
        first, last = found[step.name]
        whole = size // SCALES[step.name]
        assert 0 <= first < last <= whole
        if is_winograd(step):
            assert first % OUTPUTS == 0
            assert last % OUTPUTS == 0 or last == whole
            there = found[step.inputs[0]]
            assert there[0] <= max(0, first - 1)
            assert there[1] >= min(whole, last + 1)


@given(st.integers(3, 6), st.integers(1, 20))
def test_a_margin_of_the_halo_holds_all_that_an_aligned_core_needs(start: int, blocks: int) -> None:
    core = (start * ALIGNMENT, (start + blocks) * ALIGNMENT)
    halo = reach(FIELD, ALIGNMENT)

    first, last = find_regions(FIELD, core)[INPUT]

    assert core[0] - halo <= first
    assert last <= core[1] + halo


@pytest.mark.parametrize("position", [0, 2, 30, 62])
def test_no_prediction_looks_further_than_the_halo(position: int) -> None:
    first, last = find_regions(FIELD, (position, position + 2))[INPUT]

    assert position - first <= reach(FIELD, ALIGNMENT)
    assert last - 1 - position <= reach(FIELD, ALIGNMENT)
