"""Lobes: the area of an object around its centre."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bridge.classify.objects.features.outline import LOBES, lobes
from bridge.measure.pixels import list_pixels


def flower(petals: int, *, size: float = 20.0, height: float = 0.4) -> NDArray[np.int32]:
    """A plane with one object whose radius waves ``petals`` times around it."""
    y, x = np.mgrid[-40:41, -40:41]
    radius = size * (1 + height * np.cos(petals * np.arctan2(y, x)))
    return np.asarray(np.hypot(x, y) < radius, np.int32)


def of(plane: NDArray[np.int32], n: int = 1) -> NDArray[np.float64]:
    return lobes(list_pixels(plane, n))


def test_a_disc_has_no_lobes() -> None:
    assert of(flower(3, height=0.0)).max() < 0.01


@pytest.mark.parametrize("petals", LOBES)
def test_petals_are_counted(petals: int) -> None:
    found = of(flower(petals))[0]
    assert LOBES[int(found.argmax())] == petals
    assert found.max() > 0.2


@given(turns=st.integers(0, 3), flip=st.booleans(), y=st.integers(0, 9), x=st.integers(0, 9))
@settings(max_examples=20)
def test_place_and_direction_do_not_matter(turns: int, flip: bool, y: int, x: int) -> None:
    plane = flower(5)
    plane[20:30, 60:70] = 1  # not symmetric
    moved = np.pad(np.rot90(plane[::-1] if flip else plane, turns), ((y, 3), (x, 4)))
    assert np.allclose(of(moved), of(plane))


def test_size_hardly_matters() -> None:
    assert np.allclose(of(flower(4, size=10)), of(flower(4, size=25)), atol=0.05)


def test_an_object_without_pixels_has_none_and_its_neighbours_do() -> None:
    plane = flower(3)
    found = of(np.where(plane == 1, 2, 0).astype(np.int32), 2)
    assert np.isnan(found[0]).all()
    assert np.allclose(found[1], of(plane)[0])


def test_one_pixel_has_no_lobes() -> None:
    plane = np.zeros((3, 3), np.int32)
    plane[1, 1] = 1
    assert of(plane).tolist() == [[0.0] * len(LOBES)]
