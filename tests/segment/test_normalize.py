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
from bridge.model.recipe import Normalization
from bridge.segment.normalize import IntensityRanges, find_ranges, percentile_range


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
    expected = np.percentile(plane, percentiles)

    assert percentile_range(plane, percentiles) == pytest.approx(tuple(expected), rel=1e-12)


@pytest.mark.parametrize("normalize", ["channels", "joint"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_channels_are_normalised_as_csbdeep_does_along_these_axes(
    normalize: Normalization, dtype: type
) -> None:
    csbdeep = pytest.importorskip("csbdeep.utils")
    rng = np.random.default_rng(0)
    plane: Any = (rng.random((40, 50, 3)) * (200, 90, 30) + (0, 20, 50)).astype(dtype)
    axis = (0, 1) if normalize == "channels" else (0, 1, 2)

    values = plane.astype(np.float32)
    find_ranges(plane, (1, 99.8), normalize, "image").apply(values)

    assert values == pytest.approx(csbdeep.normalize(plane, 1, 99.8, axis=axis), abs=1e-6)


@pytest.mark.parametrize("normalize", ["channels", "joint"])
def test_a_plane_of_one_value_a_channel_is_blank(normalize: Normalization) -> None:
    plane = np.broadcast_to(np.array([3, 9], np.uint8), (5, 6, 2))

    ranges = find_ranges(plane, (1, 99.8), normalize, "a.tif")

    assert ranges.is_blank
    assert not ranges.have_contrast


def test_a_constant_channel_beside_another_one_becomes_0_as_in_csbdeep() -> None:
    csbdeep = pytest.importorskip("csbdeep.utils")
    plane = np.stack([np.arange(100).reshape(10, 10), np.full((10, 10), 7)], axis=-1)

    ranges = find_ranges(plane, (1, 99.8), "channels", "a.tif")
    values = plane.astype(np.float32)
    ranges.apply(values)

    assert ranges.have_contrast
    assert ranges.constant == {1: 7}
    assert not values[..., 1].any()
    assert values == pytest.approx(csbdeep.normalize(plane, 1, 99.8, axis=(0, 1)), abs=1e-6)


@pytest.mark.parametrize("normalize", ["channels", "joint"])
def test_a_plane_that_is_nearly_all_background_has_no_contrast(normalize: Normalization) -> None:
    plane = np.zeros((100, 100, 1), np.uint16)
    plane[0, 0] = 9

    ranges = find_ranges(plane, (1, 99.8), normalize, "a.tif")

    assert (ranges.is_blank, ranges.have_contrast, ranges.coincide) == (False, False, 0)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinite_pixels_are_counted(value: float) -> None:
    plane = np.arange(100, dtype=np.float32).reshape(10, 10, 1)
    plane[2, 3:5] = value

    with pytest.raises(BadInputError, match="has 2 pixels that are NaN or infinite"):
        find_ranges(plane, (1, 99.8), "channels", "a.tif")


@pytest.mark.parametrize(
    ("ranges", "problem"),
    [([(0, 1)], "has 2 channels, and ranges of 1"), ([(0, 1), (5, 5)], "5 to 5 does not rise")],
)
def test_known_ranges_fit_the_channels(ranges: list[tuple[float, float]], problem: str) -> None:
    with pytest.raises(BadInputError, match=problem):
        IntensityRanges.of(np.zeros((4, 4, 2)), ranges, "a.tif")


def test_known_ranges_take_the_place_of_percentiles() -> None:
    plane = np.arange(32, dtype=np.uint16).reshape(4, 8, 1)
    ranges = IntensityRanges.of(plane, [(2, 12)], "a.tif")
    values = plane.astype(np.float32)
    ranges.apply(values)
    assert values.ravel()[:3].tolist() == pytest.approx([-0.2, -0.1, 0.0])
    assert ranges.have_contrast
    assert IntensityRanges.of(np.full((4, 4, 1), 7), [(2, 12)], "a.tif").is_blank
