"""Percentiles: numpy's and csbdeep's, without their copies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.segment.normalize import percentile_range


@given(
    st.sampled_from([np.uint8, np.uint16, np.int16, np.uint32, np.float32]).flatmap(
        lambda d: arrays(
            d, array_shapes(min_dims=2, max_dims=2, max_side=30), elements=st.integers(0, 127)
        )
    ),
    st.tuples(st.integers(0, 499), st.integers(501, 1000)),
)
def test_percentiles_are_numpys(plane: NDArray[Any], tenths: tuple[int, int]) -> None:
    percentiles = (tenths[0] / 10, tenths[1] / 10)
    low, high = np.percentile(plane, percentiles)
    if high <= low:
        with pytest.raises(BadInputError):
            percentile_range(plane, percentiles, "image")
        return

    assert percentile_range(plane, percentiles, "image") == pytest.approx((low, high), rel=1e-12)


def test_a_constant_plane_is_said() -> None:
    with pytest.raises(BadInputError, match=r"a\.tif: every pixel has the value 7; check that"):
        percentile_range(np.full((5, 5), 7, np.uint16), (1, 99.8), "a.tif")


def test_a_plane_that_is_nearly_all_background_is_said() -> None:
    plane = np.zeros((100, 100), np.uint16)
    plane[0, 0] = 9

    with pytest.raises(BadInputError, match="are both 0; almost all of it is background"):
        percentile_range(plane, (1, 99.8), "a.tif")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinite_pixels_are_counted(value: float) -> None:
    plane = np.arange(100, dtype=np.float32).reshape(10, 10)
    plane[2, 3:5] = value

    with pytest.raises(BadInputError, match="has 2 pixels that are NaN or infinite"):
        percentile_range(plane, (1, 99.8), "a.tif")
