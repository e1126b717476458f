"""A bank's features are ilastik's, whatever tiles they are computed in."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bridge.classify.pixels.filters import FilterBank
from bridge.classify.pixels.filters.bank import Keep
from bridge.errors import BadInputError
from bridge.formats.ilastik.feature_selection import FEATURE_IDS, FeatureSelection
from tests.classify.pixels.filters.slow_features import choose, features

Block = NDArray[np.float32]

DERIVATIVES = FEATURE_IDS[1:]


def noise(*shape: int, seed: int = 0) -> Block:
    """Make a block (z, y, x, channel) of noise and blobs."""
    rng = np.random.default_rng(seed)
    z, y, x = (np.arange(side) for side in shape[:3])
    blobs = np.cos(z[:, None, None] / 3) * np.cos(y[:, None] / 5) * np.sin(x / 4)
    block = 300 + 200 * blobs[..., None] + rng.normal(0, 40, shape)
    return block.astype(np.float32)


def tiles(bank: FilterBank, block: Block, side: int) -> Iterator[tuple[Keep, Block]]:
    """Yield the place of each tile in a block, and its features, computed with a halo."""
    starts = [range(0, length, side) for length in block.shape[:3]]
    for corner in np.array(np.meshgrid(*starts, indexing="ij")).reshape(3, -1).T:
        stop = np.minimum(corner + side, block.shape[:3])
        low = np.maximum(corner - bank.halo, 0)
        high = np.minimum(stop + bank.halo, block.shape[:3])
        outer = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        z, y, x = (slice(a, b) for a, b in zip(corner - low, stop - low, strict=True))
        place = tuple(slice(a, b) for a, b in zip(corner, stop, strict=True))
        yield place, bank.compute(block[outer], (z, y, x))  # type: ignore[misc]


def error_to_range(found: Block, expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each column's largest difference, relative to its largest value."""
    largest = np.abs(expected).max(axis=(1, 2, 3))
    difference: NDArray[np.float64] = np.abs(found - expected).max(axis=(1, 2, 3))
    difference /= np.maximum(largest, 1e-6 * largest.max())
    return difference


@pytest.mark.parametrize(
    # a wide scale leaves little of the image, and much of float32's rounding
    ("scale", "precision"),
    [(0.5, 2e-5), (0.7, 2e-5), (1.0, 2e-5), (1.6, 2e-5), (2.2, 4e-5), (3.5, 6e-5), (10.0, 1e-3)],
)
def test_features_of_a_plane_are_those_of_the_definition(scale: float, precision: float) -> None:
    block = noise(1, 70, 83, 1)
    selection = choose(scale)

    found = FilterBank(selection, 1, is_3d=False).compute(block)

    assert error_to_range(found, features(block, selection, is_3d=False)).max() < precision


@pytest.mark.parametrize("scale", [0.5, 0.7, 1.0, 1.6, 3.5])
def test_features_of_a_volume_are_those_of_the_definition(scale: float) -> None:
    block = noise(20, 24, 27, 1)
    selection = choose(scale)
    bank = FilterBank(selection, 1, is_3d=True)

    found = bank.compute(block)

    expected = features(block, selection, is_3d=True)
    for columns in (slice(4), slice(4, 7), slice(7, 10)):
        # the closed form of an eigenvalue loses half of float32's digits where two are alike
        largest = np.abs(expected[columns]).max()
        precision = 1e-4 if columns == slice(4) else 2e-3
        assert np.abs(found[columns] - expected[columns]).max() < precision * largest


def test_scales_in_2d_are_filtered_plane_by_plane() -> None:
    block = noise(6, 24, 27, 1)
    plain = choose(0.7, 1.6)
    selection = FeatureSelection(plain.scales, plain.chosen, (False, True))

    found = FilterBank(selection, 1, is_3d=True).compute(block)

    names = FilterBank(selection, 1, is_3d=True).names
    flat = [k for k, name in enumerate(names) if "in 2D" in name]
    planes = FilterBank(choose(1.6), 1, is_3d=False)
    for z in range(6):
        assert np.array_equal(found[flat, z], planes.compute(block[z : z + 1])[:, 0])


def test_columns_go_by_feature_scale_channel_and_eigenvalue() -> None:
    block = noise(1, 20, 21, 2)
    bank = FilterBank(choose(0.7, 1.0), 2, is_3d=False)

    found = bank.compute(block)

    smoothing, tensor = bank.names[:4], bank.names[16:20]
    assert smoothing == (
        "Gaussian Smoothing (σ=0.7) in 2D [0]",
        "Gaussian Smoothing (σ=0.7) in 2D [1]",
        "Gaussian Smoothing (σ=1.0) in 2D [0]",
        "Gaussian Smoothing (σ=1.0) in 2D [1]",
    )
    assert tensor == tuple(f"Structure Tensor Eigenvalues (σ=0.7) in 2D [{k}]" for k in range(4))
    for channel in (0, 1):
        alone = FilterBank(choose(0.7, 1.0), 1, is_3d=False)
        single = alone.compute(block[..., channel : channel + 1])
        assert np.array_equal(found[[channel, 2 + channel]], single[:2])
        assert np.array_equal(found[16 + 2 * channel : 18 + 2 * channel], single[8:10])
    assert (found[16] >= found[17]).all()


@given(
    st.tuples(st.integers(1, 90), st.integers(1, 90)),
    st.integers(5, 60),
    st.sampled_from([(0.3,), (0.7, 2.2), (1.0, 3.5), (10.0,)]),
)
def test_tiles_give_the_bits_of_the_whole_plane(
    shape: tuple[int, int], side: int, scales: tuple[float, ...]
) -> None:
    bank = FilterBank(choose(*scales), 1, is_3d=False)
    block = noise(1, *shape, 1)

    whole = bank.compute(block)

    for (_, y, x), found in tiles(bank, block, side):
        assert np.array_equal(found, whole[:, :, y, x])


def test_tiles_give_the_bits_of_the_whole_volume() -> None:
    plain = choose(0.7, 1.6, 3.5)
    bank = FilterBank(
        FeatureSelection(plain.scales, plain.chosen, (False, False, True)), 2, is_3d=True
    )
    block = noise(18, 40, 37, 2)

    whole = bank.compute(block)

    for (z, y, x), found in tiles(bank, block, 11):
        assert np.array_equal(found, whole[:, z, y, x])


@given(st.floats(-1e4, 1e4, width=32), st.booleans())
def test_a_constant_image_has_no_derivatives(value: float, is_3d: bool) -> None:
    block = np.full((5, 12, 14, 1), value, np.float32)
    smooth = FilterBank(choose(1.0, features=FEATURE_IDS[:1]), 1, is_3d).compute(block)
    steep = FilterBank(choose(1.0, features=DERIVATIVES), 1, is_3d).compute(block)

    assert np.allclose(smooth, value, rtol=1e-6)
    assert np.abs(steep).max() <= 1e-6 * max(abs(value), abs(value) ** 2)


@given(st.integers(0, 9), st.integers(0, 9))
def test_features_move_with_the_image(down: int, right: int) -> None:
    bank = FilterBank(choose(0.7, 1.6), 1, is_3d=False)
    _, margin, _ = bank.halo
    block = noise(1, 50, 50, 1)

    moved = bank.compute(block[:, down:, right:])

    inner = moved[:, :, margin : 40 - margin, margin : 40 - margin]
    rows, columns = (
        slice(margin + down, 40 - margin + down),
        slice(margin + right, 40 - margin + right),
    )
    assert np.array_equal(inner, bank.compute(block)[:, :, rows, columns])


def test_features_depend_on_nothing_beyond_the_halo() -> None:
    bank = FilterBank(choose(0.7, 1.6), 1, is_3d=False)
    _, margin, _ = bank.halo
    block = noise(1, 40, 40, 1)
    changed = block.copy()
    changed[:, :, 20 + margin + 1 :] += 1000
    nearer = block.copy()
    nearer[:, :, 20 + margin :] += 1000

    found = [bank.compute(image)[:, 0, :, 20] for image in (block, changed, nearer)]

    assert np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


def test_planes_of_a_stack_without_depth_have_two_eigenvalues() -> None:
    selection = choose(1.0, features=("HessianOfGaussianEigenvalues",))

    assert len(FilterBank(selection, 1, is_3d=False).names) == 2
    assert len(FilterBank(selection, 1, is_3d=True).names) == 3


def test_integers_are_taken_as_they_are() -> None:
    bank = FilterBank(choose(0.7, 3.5), 1, is_3d=False)
    block = noise(1, 30, 30, 1).astype(np.uint16)

    assert np.array_equal(bank.compute(block), bank.compute(block.astype(np.float32)))


def test_an_image_narrower_than_a_filter_is_mirrored_as_often_as_needed() -> None:
    block = noise(1, 3, 5, 1)
    selection = choose(3.5)
    period = np.concatenate([np.arange(3), [1]])
    tall = block[:, np.tile(period, 20)]

    found = FilterBank(selection, 1, is_3d=False).compute(block)

    expected = FilterBank(selection, 1, is_3d=False).compute(tall)[:, :, 40:43]
    smoothing = slice(0, 4)  # a product of two derivatives is mirrored without a change of sign
    assert np.array_equal(found[smoothing], expected[smoothing])


def test_another_number_of_channels_is_refused() -> None:
    bank = FilterBank(choose(1.0), 2, is_3d=False)

    with pytest.raises(BadInputError, match="has 3 channels, and the features are for 2"):
        bank.compute(noise(1, 20, 20, 3))


@pytest.mark.parametrize(
    ("tile", "n_channels", "is_3d"),
    [((1, 256, 256), 1, False), ((1, 96, 200), 3, False), ((30, 60, 60), 2, True)],
)
def test_a_tile_needs_no_more_memory_than_it_says(
    tile: tuple[int, int, int], n_channels: int, is_3d: bool
) -> None:
    bank = FilterBank(choose(0.3, 0.7, 1.6, 5.0), n_channels, is_3d)
    outer = [side + 2 * margin for side, margin in zip(tile, bank.halo, strict=True)]
    z, y, x = (slice(a, a + side) for a, side in zip(bank.halo, tile, strict=True))
    bank.compute(noise(8, 16, 16, n_channels))  # compiles

    tracemalloc.start()
    block = np.ones((*outer, n_channels), np.float32)
    bank.compute(block, (z, y, x))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak <= bank.memory(tile) <= 2 * peak
