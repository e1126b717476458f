"""When two outlines are the same one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from bridge.review.same_outline import same_outline
from tests.review.nuclei import disc

BOX = shapely.box(2, 3, 9, 8)
RING = shapely.box(0, 0, 10, 10).difference(shapely.box(3, 3, 6, 6))


def same(first: Any, second: Any) -> bool:
    pair = np.array([first, None], object), np.array([second, None], object)
    found = same_outline(*pair)
    assert found[1]
    return bool(found[0])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (BOX, shapely.Polygon([(9, 8), (9, 3), (2, 3), (2, 8)])),
        (BOX, shapely.Polygon([(2, 3), (5, 3), (9, 3), (9, 8), (2, 8)])),
        (BOX, shapely.MultiPolygon([BOX])),
        (BOX, shapely.transform(BOX, lambda xy: xy + 0.006)),
        (RING, shapely.reverse(RING)),
        (
            shapely.MultiPolygon([BOX, shapely.box(20, 20, 22, 22)]),
            shapely.MultiPolygon([shapely.box(20, 20, 22, 22), BOX]),
        ),
        (
            shapely.Polygon([(0, 0), (4, 4), (4, 0), (0, 4)]),
            shapely.make_valid(shapely.Polygon([(0, 0), (4, 4), (4, 0), (0, 4)])),
        ),
    ],
)
def test_what_formats_and_applications_do_is_no_edit(first: Any, second: Any) -> None:
    assert same(first, second)
    assert same(second, first)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (BOX, shapely.transform(BOX, lambda xy: xy + 0.1)),
        (BOX, shapely.Polygon([(2, 3), (9, 3), (9, 8), (2.3, 8)])),
        (RING, shapely.box(0, 0, 10, 10)),
        (BOX, None),
        (
            shapely.Polygon([(0, 0), (10, 0), (10, 10), (0, 10), (5, 3)]),
            shapely.Polygon([(0, 0), (5, 3), (10, 0), (10, 10), (0, 10)]),
        ),
    ],
)
def test_what_a_reviewer_does_is_one(first: Any, second: Any) -> None:
    """The last pair joins the same five points in another order."""
    assert not same(first, second)
    assert not same(second, first)


@given(
    st.integers(0, 100_000), st.integers(0, 31), st.booleans(), st.sampled_from(["float32", "0.01"])
)
def test_rounding_anywhere_in_a_large_image_is_no_edit(
    x: int, start: int, reverse: bool, rounding: str
) -> None:
    nucleus = disc(x + 0.123, 20_000.456)
    xy = np.roll(shapely.get_coordinates(nucleus)[:-1], start, axis=0)[:: -1 if reverse else 1]
    xy = xy.astype(np.float32).astype(float)
    back = shapely.Polygon(np.round(xy, 2) if rounding == "0.01" else xy)

    assert same(nucleus, back)
    assert not same(nucleus, shapely.transform(back, lambda points: points + 0.05))
