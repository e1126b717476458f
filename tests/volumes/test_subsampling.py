"""Subsampling keeps the mean, the place and the labels, for any sizes."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.volumes.subsampling import (
    check_shape,
    isotropic_shape,
    subsample,
    subsample_labels,
    subsampled_shape,
)

Shape = tuple[int, int, int]


@st.composite
def shapes(draw: st.DrawFn) -> tuple[Shape, Shape]:
    """A shape, and one that is along no axis larger."""
    z, y, x = (draw(st.integers(1, 9)) for _ in range(3))
    a, b, c = (draw(st.integers(1, n)) for n in (z, y, x))
    return (z, y, x), (a, b, c)


def overlap_weights(size: int, written: int) -> NDArray[np.float64]:
    """The share of each pixel in each of fewer ones, from the definition, in fractions."""
    weights = np.zeros((written, size))
    for k in range(written):
        low, high = Fraction(k * size, written), Fraction((k + 1) * size, written)
        for i in range(size):
            overlap: Fraction = min(high, Fraction(i + 1)) - max(low, Fraction(i))
            weights[k, i] = max(overlap, Fraction(0)) / (high - low)
    return weights


@given(shapes(), st.integers(0, 2**16))
def test_every_voxel_is_the_mean_over_what_it_covers(both: tuple[Shape, Shape], seed: int) -> None:
    shape, written = both
    values = np.random.default_rng(seed).integers(0, 65536, shape).astype(np.uint16)
    found = np.array(list(subsample(values, shape, written)))
    weights = [overlap_weights(n, m) for n, m in zip(shape, written, strict=True)]
    expected = np.einsum("az,by,cx,zyx->abc", *weights, values)
    assert found.shape == written
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=0.1)


@given(shapes())
def test_labels_are_those_at_the_centres(both: tuple[Shape, Shape]) -> None:
    shape, written = both
    values = np.arange(np.prod(shape), dtype=np.uint32).reshape(shape)
    found = np.array(list(subsample_labels(values, shape, written)))
    chosen = [
        [int((k + Fraction(1, 2)) * n / m) for k in range(m)]
        for n, m in zip(shape, written, strict=True)
    ]
    np.testing.assert_array_equal(found, values[np.ix_(*chosen)])


def test_stripes_finer_than_the_new_voxels_become_grey_and_not_a_false_pattern() -> None:
    stripes = np.zeros((4, 4, 454), np.uint8)
    stripes[..., ::2] = 200
    (plane,) = subsample(stripes, (4, 4, 454), (1, 4, 151))
    assert plane.min() > 60
    assert plane.max() < 140


def test_positions_stay_where_they_are() -> None:
    shape, written = (30, 200, 200), (30, 67, 67)
    ramp = np.broadcast_to(np.arange(200, dtype=np.float32) + 0.5, shape)
    last = list(subsample(ramp, shape, written))[-1][0]
    # A voxel's value is its centre's position along x, in voxels of the image from the corner.
    np.testing.assert_allclose(last, (np.arange(67) + 0.5) * 200 / 67, atol=0.01)


def test_the_shape_is_the_nearest_to_what_was_asked_for() -> None:
    assert subsampled_shape((40, 454, 455), (1, 1 / 3, 1 / 3)) == (40, 151, 152)
    assert isotropic_shape((40, 454, 454), (1.0, 0.36, 0.36)) == (40, 163, 163)
    assert isotropic_shape((40, 100, 100), (0.2, 0.4, 0.4)) == (20, 100, 100)


def test_a_factor_that_enlarges_is_refused() -> None:
    with pytest.raises(BadInputError, match=r"3 along y would enlarge"):
        subsampled_shape((40, 454, 454), (1, 3, 1))


def test_nothing_flat_and_no_stretched_voxels_come_out() -> None:
    with pytest.raises(BadInputError, match=r"1 × 9 × 9 voxels, which is no volume"):
        check_shape("a.tif", (40, 90, 90), (1, 9, 9), (1, 1, 1))
    with pytest.raises(BadInputError, match="15 times longer"):
        check_shape("a.tif", (40, 90, 90), (40, 6, 6), (1, 1, 1))
