"""Where crops lie."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import BadInputError
from bridge.select import Window, place_window
from bridge.select.windows import Place, nucleus_points
from tests.select.sections import nuclei


@pytest.mark.parametrize(
    ("place", "top", "left"),
    [
        ("centre", 15, 20),
        ("top-left", 0, 0),
        ("top-right", 0, 40),
        ("bottom-left", 30, 0),
        ("bottom-right", 30, 40),
    ],
)
def test_corners_and_centre(place: Place, top: int, left: int) -> None:
    assert place_window((40, 60), (10, 20), place) == Window(top, left, 10, 20)


def test_the_densest_place_holds_the_most_nuclei() -> None:
    points = nucleus_points(nuclei())

    window = place_window((40, 60), (20, 32), "densest", points)

    assert sorted(np.unique(window.of(nuclei())).tolist()) == [0, 9, 12, 700]


def test_a_nucleus_is_where_its_middle_pixel_is() -> None:
    assert nucleus_points(nuclei()).tolist() == [[5, 3], [24, 30], [34, 40], [25, 50]]
    assert nucleus_points(np.stack([nuclei(), nuclei()])).shape == (8, 2)
    assert nucleus_points(np.zeros((3, 3), int)).shape == (0, 2)


def test_without_nuclei_the_densest_place_is_the_centre() -> None:
    points = np.zeros((0, 2), int)

    assert place_window((9, 9), (3, 3), "densest", points) == Window(3, 3, 3, 3)


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 30)), min_size=1, max_size=12),
    st.integers(1, 15),
    st.integers(1, 15),
)
def test_no_place_of_a_small_crop_holds_more(
    points: list[tuple[int, int]], height: int, width: int
) -> None:
    # Crops of up to 31 pixels are looked for pixel by pixel.
    def held(top: int, left: int) -> int:
        return sum(top <= y < top + height and left <= x < left + width for y, x in points)

    window = place_window((21, 31), (height, width), "densest", np.array(points))

    best = max(held(*at) for at in product(range(22 - height), range(32 - width)))
    assert held(window.top, window.left) == best
    assert 0 <= window.top <= 21 - height
    assert 0 <= window.left <= 31 - width


def test_what_is_larger_than_the_image_becomes_the_image() -> None:
    places: tuple[Place, ...] = ("centre", "bottom-right", "densest")
    for place in places:
        assert place_window((40, 60), (100, 50), place).height == 40
        assert place_window((40, 60), (100, 99), place) == Window(0, 0, 40, 60)


def test_sizes_and_places_that_are_none_are_refused() -> None:
    with pytest.raises(BadInputError, match="0 x 5 is no size"):
        place_window((9, 9), (5, 0))
    with pytest.raises(BadInputError, match="'middle' is no place in an image"):
        place_window((9, 9), (5, 5), "middle")  # type: ignore[arg-type]
