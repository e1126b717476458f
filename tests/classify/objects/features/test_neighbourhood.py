"""Nearest neighbours, beside all distances."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bridge.classify.objects.features.neighbourhood import find_neighbours


@given(
    n=st.integers(0, 60),
    count=st.integers(1, 6),
    seed=st.integers(0, 999),
    spread=st.sampled_from([1.0, 30.0, 5000.0]),
    is_crowded=st.booleans(),
)
def test_the_nearest_are_found(
    n: int, count: int, seed: int, spread: float, is_crowded: bool
) -> None:
    rng = np.random.default_rng(seed)
    points = rng.random((n, 2)) * spread
    if is_crowded:
        points[: n // 2] *= 0.01
    distances, numbers = find_neighbours(points, count)
    every = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    np.fill_diagonal(every, np.inf)
    expected = np.full((n, count), np.inf)
    nearest = np.sort(every, axis=1)[:, :count]
    expected[:, : nearest.shape[1]] = nearest
    np.testing.assert_allclose(distances, expected)
    assert ((numbers >= 0) == np.isfinite(expected)).all()
    for row in range(n):
        known = numbers[row][numbers[row] >= 0]
        np.testing.assert_allclose(every[row, known], distances[row, : len(known)])
