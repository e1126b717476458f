"""Kernels differentiate polynomials exactly, as vigra's and fastfilters' do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.classify.pixels.filters.convolving import convolve
from bridge.classify.pixels.filters.kernels import gaussian_kernel

SIGMAS = st.floats(0.3, 10)


@given(SIGMAS)
def test_smoothing_keeps_a_ramp(sigma: float) -> None:
    kernel = gaussian_kernel(sigma, 0, 2.0)
    ramp = np.arange(60, dtype=np.float32)[None]

    found = convolve(ramp, kernel, 1, (25, 35))

    assert np.allclose(found, ramp[:, 25:35], rtol=1e-6)


@given(SIGMAS)
def test_the_first_derivative_of_a_ramp_is_its_slope(sigma: float) -> None:
    kernel = gaussian_kernel(sigma, 1, 2.0)
    ramp = 3 * np.arange(60, dtype=np.float32)[:, None] * np.ones(4, np.float32)

    assert np.allclose(convolve(ramp, kernel, 0, (25, 35)), 3, rtol=1e-5)


@given(SIGMAS)
def test_the_second_derivative_of_a_parabola_is_twice_its_coefficient(sigma: float) -> None:
    kernel = gaussian_kernel(sigma, 2, 2.0)
    parabola = (np.arange(60, dtype=np.float32)[None] - 30) ** 2

    assert np.allclose(convolve(parabola, kernel, 1, (28, 32)), 2, atol=2e-3)


@pytest.mark.parametrize("order", [1, 2])
def test_a_derivative_without_neighbours_is_the_image_as_in_ilastik(order: int) -> None:
    kernel = gaussian_kernel(0.2, order, 2.0)
    line = np.arange(5, dtype=np.float32)[None]

    assert np.array_equal(convolve(line, kernel, 1), line)


def test_edges_are_mirrored_without_the_edge_pixel_again() -> None:
    kernel = gaussian_kernel(1.0, 0, 2.0)
    line = np.array([1, 2, 4, 8, 16], np.float32)
    mirrored = np.concatenate([line[:0:-1], line, line[-2::-1]])

    assert np.array_equal(
        convolve(line[None], kernel, 1)[0], convolve(mirrored[None], kernel, 1)[0, 4:9]
    )
    assert np.array_equal(
        convolve(line[:, None], kernel, 0)[:, 0], convolve(line[None], kernel, 1)[0]
    )
