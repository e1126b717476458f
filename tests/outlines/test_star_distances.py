"""Distances along rays are StarDist's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bridge.outlines.star_distances import star_distances
from tests.label_images import label_images

pytest.importorskip("stardist")


def of_stardist(labels: NDArray[Any], n_rays: int, grid: int) -> NDArray[np.float32]:
    """StarDist's C++ looks at 16 bits of a label only, so objects are numbered anew."""
    from stardist.geometry import star_dist

    numbers = np.unique(np.append(labels, 0))
    compact = np.searchsorted(numbers, labels).astype(np.uint16)
    distances: NDArray[np.float32] = star_dist(compact, n_rays, grid=(grid, grid), mode="cpp")
    return distances


@settings(max_examples=120)
@given(
    labels=label_images(max_side=24),
    zoom=st.sampled_from([1, 3]),
    gap=st.sampled_from([1, 70_000, 20_000_000]),
    n_rays=st.integers(4, 96),
    grid=st.sampled_from([1, 2, 4]),
)
def test_distances_are_those_of_stardist(
    labels: NDArray[Any], zoom: int, gap: int, n_rays: int, grid: int
) -> None:
    wide = labels.astype(np.int64).repeat(zoom, axis=0).repeat(zoom, axis=1) * gap % (2**31 - 1)

    ours = star_distances(wide.astype(np.int32), n_rays, (grid, grid))

    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, of_stardist(wide, n_rays, grid), rtol=0, atol=1e-4)


@pytest.mark.parametrize("n_rays", [3, 6, 12, 24, 31, 32, 41, 48, 64, 87, 96, 128])
def test_rays_that_pass_between_two_pixels_choose_the_same_one(n_rays: int) -> None:
    """At 60° each second step ends in the middle between two pixels."""
    blocks = np.random.default_rng(n_rays).integers(0, 4, (6, 7))
    labels = np.kron(blocks, np.ones((11, 13), np.int32)).astype(np.int32)

    ours, theirs = star_distances(labels, n_rays), of_stardist(labels, n_rays, 1)

    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4)


def test_a_ray_through_a_whole_large_image_ends_at_its_edge() -> None:
    labels = np.ones((2, 6000), np.int32)

    distances = star_distances(labels, 4, (1, 1000))

    assert distances[0, :, 0].tolist() == [5999.5 - 1000 * k for k in range(6)]
    assert distances[0, :, 2].tolist() == [0.5 + 1000 * k for k in range(6)]


def test_the_label_zero_has_no_distances() -> None:
    assert not star_distances(np.zeros((5, 7), np.int32), 8, (2, 2)).any()
    assert star_distances(np.zeros((5, 7), np.int32), 8, (2, 2)).shape == (3, 4, 8)
