"""Eigenvalues in closed form are LAPACK's, to the digits that float32 leaves."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from bridge.classify.pixels.filters.eigenvalues import eigenvalues

ENTRIES = st.floats(-1e6, 1e6, width=32)
SQUARES_TO_NOTHING = 1e-18
"""A number whose square float32 hardly holds."""


@given(arrays(np.float32, (3, 9), elements=ENTRIES))
def test_of_two_dimensions(entries: NDArray[np.float32]) -> None:
    xx, xy, yy = entries

    found = eigenvalues([xx, xy, yy])

    matrices = np.array([[xx, xy], [xy, yy]], np.float64).transpose(2, 0, 1)
    expected = np.linalg.eigvalsh(matrices).T[::-1]
    assert np.abs(found - expected).max() <= 1e-6 * np.abs(entries).max() + SQUARES_TO_NOTHING


@given(arrays(np.float32, (6, 9), elements=ENTRIES))
def test_of_three_dimensions(entries: NDArray[np.float32]) -> None:
    xx, xy, xz, yy, yz, zz = entries

    found = eigenvalues([xx, xy, xz, yy, yz, zz])

    rows = [[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]
    expected = np.linalg.eigvalsh(np.array(rows, np.float64).transpose(2, 0, 1)).T[::-1]
    # the square root of float32's precision, where two eigenvalues are alike
    assert np.abs(found - expected).max() <= 2e-3 * np.abs(entries).max() + SQUARES_TO_NOTHING


def test_of_nothing_and_of_a_multiple_of_the_identity() -> None:
    zero, one = np.zeros(2, np.float32), np.array([0, 3], np.float32)

    found = eigenvalues([one, zero, zero, one, zero, one])

    assert np.allclose(found, [[0, 3]] * 3, rtol=1e-6)
