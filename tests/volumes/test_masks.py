"""Openings, holes and pieces in µm, whatever the shape of the voxels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes

from bridge.errors import BadInputError
from bridge.volumes.masks import Size, fill_holes, open_mask, parse_length, pieces
from tests.volumes.scenes import ball

MASKS = arrays(bool, st.tuples(*[st.integers(1, 6)] * 3))


def test_an_opening_takes_threads_and_leaves_the_ball() -> None:
    voxel = (2.0, 0.5, 0.5)
    whole = ball((20, 80, 80), (20, 20, 20), 10, voxel)
    thread = np.zeros_like(whole)
    thread[9:11, 38:42, :] = True
    opened = open_mask(whole | thread, 3.0, voxel)
    assert not opened[:, :, 62:].any()
    # By at most a voxel of the ball, at its surface.
    assert (opened & whole).sum() >= 0.93 * whole.sum()
    assert (opened & ~whole).sum() <= 0.02 * whole.sum()


@given(MASKS, st.floats(0.1, 3))
def test_an_opening_only_takes_away_and_does_nothing_the_second_time(
    mask: NDArray[np.bool_], radius: float
) -> None:
    opened = open_mask(mask, radius, (1.0, 1.0, 1.0))
    assert not (opened & ~mask).any()
    np.testing.assert_array_equal(open_mask(opened, radius, (1.0, 1.0, 1.0)), opened)


def test_an_object_is_not_worn_off_where_the_volume_ends() -> None:
    half = np.zeros((10, 10, 10), bool)
    half[:5] = True
    np.testing.assert_array_equal(open_mask(half, 3.0, (1, 1, 1)), half)


@given(MASKS)
def test_holes_are_those_of_scipy(mask: NDArray[np.bool_]) -> None:
    np.testing.assert_array_equal(fill_holes(mask), binary_fill_holes(mask))


def test_pieces_are_numbered_from_the_largest_and_specks_are_dropped() -> None:
    mask = np.zeros((5, 9, 9), bool)
    mask[0, 0, 0:2] = True
    mask[2:4, 2:5, 2:5] = True
    mask[4, 8, 8] = True
    labels, sizes = pieces(mask, smallest=2)
    assert sizes.tolist() == [18, 2]
    assert (labels[3, 3, 3], labels[0, 0, 1], labels[4, 8, 8]) == (1, 2, 0)
    assert pieces(mask, keep=1)[0].max() == 1


def test_over_65535_pieces_have_numbers_of_32_bits() -> None:
    mask = np.zeros((42, 84, 42 * 4), bool)
    mask[::2, ::2, ::2] = True
    labels, sizes = pieces(mask)
    assert len(sizes) == 21 * 42 * 84
    assert labels.max() == 74_088
    assert labels.dtype == np.uint32


def test_sizes_are_given_with_their_unit() -> None:
    assert Size.parse("500 µm3").voxels((1.0, 0.5, 0.5)) == 2000
    assert Size.parse("20vox").voxels((1.0, 0.5, 0.5)) == 20
    assert Size.parse("1.1um3").voxels((1.0, 1.0, 1.0)) == 2
    for text in ("500", "500um", "-3um3", "nanum3", ""):
        with pytest.raises(BadInputError, match="is no volume"):
            Size.parse(text)


def test_lengths_are_given_in_micrometres() -> None:
    assert parse_length("2.5 µm", "--opening") == 2.5
    for text in ("2", "2px", "0um", "infum"):
        with pytest.raises(BadInputError, match="--opening: .* is no length"):
            parse_length(text, "--opening")
