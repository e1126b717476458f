"""Texture of objects, beside plain definitions of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bridge.classify.objects.features.texture import (
    DISTANCES,
    binary_patterns,
    depths,
    grey_levels,
    haralick,
    pairs_inside,
    radial_profile,
)
from bridge.measure.pixels import PixelLists, list_pixels, number_objects
from tests.label_images import label_images


def scene(labels: NDArray[Any], seed: int) -> tuple[NDArray[Any], NDArray[Any], PixelLists]:
    """Return the numbered plane, values in it and the pixels of its objects."""
    ids, plane = number_objects(labels)
    values = np.random.default_rng(seed).integers(0, 9, labels.shape).astype(np.float32)
    return plane, values, list_pixels(plane, len(ids))


def pairs(
    plane: NDArray[Any], levels: NDArray[Any], number: int, distance: int
) -> NDArray[np.float64]:
    """Return how often each two levels lie at a distance in an object."""
    counts = np.zeros((8, 8))
    for y, x in np.argwhere(plane == number):
        for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
            to = y + dy * distance, x + dx * distance
            is_inside = 0 <= to[0] < plane.shape[0] and 0 <= to[1] < plane.shape[1]
            if is_inside and plane[to] == number:
                counts[levels[y, x], levels[to]] += 1
                counts[levels[to], levels[y, x]] += 1
    return counts


@given(label_images(), st.integers(0, 99))
def test_haralick_is_that_of_the_pairs_of_an_object(labels: NDArray[Any], seed: int) -> None:
    plane, values, pixels = scene(labels, seed)
    levels = grey_levels(values, pixels)
    inside = pairs_inside(plane, pixels)
    found = haralick(levels, pixels, inside).reshape(len(pixels.counts), len(DISTANCES), 5)
    a, b = np.indices((8, 8))
    for number in range(len(found)):
        for place, distance in enumerate(DISTANCES):
            counts = pairs(plane, levels, number + 1, distance)
            if not counts.sum():
                assert np.isnan(found[number, place]).all()
                continue
            share = counts / counts.sum()
            known = share[share > 0]
            mean = (a * share).sum()
            variance = ((a - mean) ** 2 * share).sum()
            covariance = ((a - mean) * (b - mean) * share).sum()
            expected = [
                ((a - b) ** 2 * share).sum(),
                covariance / variance if variance > 1e-12 else 0,
                (share**2).sum(),
                (share / (1 + (a - b) ** 2)).sum(),
                -(known * np.log2(known)).sum(),
            ]
            np.testing.assert_allclose(found[number, place], expected, atol=1e-9)


@given(label_images(), st.integers(0, 99))
def test_patterns_are_those_of_pixels_inside_an_object(labels: NDArray[Any], seed: int) -> None:
    plane, values, pixels = scene(labels, seed)
    found = binary_patterns(values, pixels, pairs_inside(plane, pixels))
    circle = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))
    for number in range(len(found)):
        counts = np.zeros(10)
        for y, x in np.argwhere(plane == number + 1):
            around = plane[y - 1 : y + 2, x - 1 : x + 2] if y and x else np.zeros(0)
            if around.size != 9 or (around != number + 1).any():
                continue
            bright = [bool(values[y + dy, x + dx] >= values[y, x]) for dy, dx in circle]
            changes = sum(bright[k] != bright[k - 1] for k in range(8))
            counts[sum(bright) if changes <= 2 else 9] += 1
        if counts.sum():
            np.testing.assert_allclose(found[number], counts / counts.sum())
        else:
            assert np.isnan(found[number]).all()


@given(label_images())
def test_depth_is_the_city_block_distance_to_the_outside(labels: NDArray[Any]) -> None:
    plane, _, pixels = scene(labels, 0)
    found = depths(plane, pixels)
    padded = np.pad(plane, 1)
    for y, x in np.argwhere(plane > 0):
        outside = np.argwhere(padded != plane[y, x]) - 1
        assert found[y, x] == np.abs(outside - (y, x)).sum(axis=1).min()
    assert (found[plane == 0] == 0).all()


def test_a_ring_is_bright_outside_and_a_dome_inside() -> None:
    y, x = np.mgrid[-10:11, -10:11]
    radius = np.hypot(y, x)
    plane = (radius < 9.5).astype(np.int32)
    pixels = list_pixels(plane, 1)
    depth = depths(plane, pixels)
    ring = radial_profile(depth, radius.astype(np.float32), pixels)[0]
    dome = radial_profile(depth, -radius.astype(np.float32), pixels)[0]
    assert (np.diff(ring) < 0).all()
    np.testing.assert_allclose(dome, -ring, atol=1e-6)


def test_gain_and_offset_do_not_change_a_texture() -> None:
    values = np.random.default_rng(0).normal(size=(20, 20)).astype(np.float32)
    plane = np.ones((20, 20), np.int32)
    pixels = list_pixels(plane, 1)
    np.testing.assert_array_equal(
        grey_levels(values, pixels), grey_levels(values * 64 + 128, pixels)
    )


def test_an_object_that_touches_a_nan_has_no_texture_and_its_neighbour_has() -> None:
    values = np.random.default_rng(0).normal(size=(10, 20)).astype(np.float32)
    plane = np.ones((10, 20), np.int32)
    plane[:, 10:] = 2
    values[3, 3] = np.nan
    pixels = list_pixels(plane, 2)
    inside = pairs_inside(plane, pixels)
    for found in (
        haralick(grey_levels(values, pixels), pixels, inside),
        binary_patterns(values, pixels, inside),
        radial_profile(depths(plane, pixels), values, pixels),
    ):
        assert np.isnan(found[0]).all()
        assert np.isfinite(found[1]).all()
