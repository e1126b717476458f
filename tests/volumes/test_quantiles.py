"""Quantiles of slabs are those of the whole volume."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from bridge.volumes.quantiles import quantiles, sampling_step

FINITE = {"allow_nan": False, "allow_infinity": False}


def volumes(dtype: str) -> st.SearchStrategy[NDArray[Any]]:
    """Arrays of a type, without NaN."""
    return arrays(dtype, (4, 3, 5), elements=FINITE if dtype == "f4" else None)


@given(
    st.sampled_from(["u1", "i1", "u2", "i2", "f4", "i4"]).flatmap(volumes),
    st.floats(0, 0.5),
    st.floats(0.5, 1),
)
def test_they_are_numpys(values: NDArray[Any], low: float, high: float) -> None:
    found = quantiles(lambda: [values[:1], values[1:]], (4, 3, 5), (low, high))
    expected = np.quantile(values.astype(np.float64), (low, high))
    assert found == pytest.approx(expected.tolist(), rel=1e-6, abs=1e-6)


def test_samples_of_a_large_volume_are_close_in_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.volumes.quantiles._MOST_SAMPLES", 20_000)
    shape = (30, 64, 64)
    values = np.random.default_rng(0).permutation(np.arange(np.prod(shape))).reshape(shape)
    values = values.astype(np.float32)
    low, high = quantiles(lambda: list(np.array_split(values, 7)), shape, (0.01, 0.998))
    assert low / values.size == pytest.approx(0.01, abs=0.003)
    assert high / values.size == pytest.approx(0.998, abs=0.003)


def test_samples_do_not_fall_into_the_same_columns() -> None:
    step = sampling_step((100, 2048, 2048))
    assert step >= 100
    assert np.gcd(step, 2048 * 2048) == 1
