"""Products of matrices on the processor's vectors are those of numpy."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.segment.engines.winograd.layers import multiply
from bridge.segment.engines.winograd.memory import allocate_aligned
from bridge.segment.engines.winograd.products import (
    add_bounded,
    dot,
    pack_panels,
    pack_vectors,
    sigmoid,
)
from bridge.segment.engines.winograd.vectors import ROWS, WIDTH


@numba.njit
def _dot(values: Any, factors: Any, count: Any, to: Any) -> None:
    dot(values.ctypes.data, factors.ctypes.data, count, to.ctypes.data)


@numba.njit
def _sigmoid(values: Any) -> None:
    for i in range(0, values.size, WIDTH):
        sigmoid(values.ctypes.data + 4 * i)


@numba.njit
def _add_bounded(values: Any, offsets: Any, bounds: Any, to: Any) -> None:
    add_bounded(values.ctypes.data, offsets.ctypes.data, bounds.ctypes.data, to.ctypes.data)


@given(st.integers(1, 3), st.integers(1, 40), st.integers(1, 5 * WIDTH), st.integers(0, 2**32 - 1))
def test_a_product_of_any_size_is_numpys(blocks: int, count: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    left = rng.standard_normal((blocks * ROWS, count + 3)).astype(np.float32)
    right = rng.standard_normal((count, columns)).astype(np.float32)
    panels = pack_panels(right)
    wide = -(-columns // WIDTH) * WIDTH
    to = np.full((len(left), wide), np.nan, np.float32)

    multiply(
        left.ctypes.data,
        left.shape[1],
        len(left),
        count,
        panels.ctypes.data,
        wide,
        to.ctypes.data,
    )

    np.testing.assert_allclose(to[:, :columns], left[:, :count] @ right, rtol=1e-4, atol=1e-4)
    assert (to[:, columns:] == 0).all()


@given(st.integers(WIDTH, 5 * WIDTH), st.integers(0, 2**32 - 1))
def test_products_of_any_count_are_added_up(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values, factors = rng.standard_normal((2, count)).astype(np.float32)
    to = np.empty(1, np.float32)

    _dot(values, pack_vectors(factors), count, to)

    assert to[0] == pytest.approx(values @ factors, rel=1e-4, abs=1e-4)


def test_the_sigmoid_is_right_to_the_last_digits_and_has_no_overflow() -> None:
    x = np.concatenate(
        [np.linspace(-30, 30, 64 * WIDTH), [-1e30, -200, -90, 90, 200, 1e30, 0.0, -0.0] * WIDTH]
    ).astype(np.float32)
    values = x.copy()

    _sigmoid(values)

    expected = 1 / (1 + np.exp(-np.clip(x.astype(np.float64), -87, 87)))
    np.testing.assert_allclose(values, expected, rtol=5e-7)
    assert values[np.flatnonzero(x == 0)[0]] == 0.5


def test_what_is_below_its_bound_becomes_the_bound() -> None:
    values, offsets, bounds, to = (allocate_aligned(WIDTH) for _ in range(4))
    values[:] = np.arange(WIDTH) - 2
    offsets[:], bounds[:] = 0.5, 0.0
    bounds[0] = -np.inf

    _add_bounded(values, offsets, bounds, to)

    expected = np.maximum(np.arange(WIDTH) - 1.5, 0)
    expected[0] = -1.5
    assert np.array_equal(to, expected)
