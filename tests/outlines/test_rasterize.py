"""Drawing: a pixel belongs to the polygon that holds its centre."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from bridge.outlines import rasterize


def drawn(polygon: object, shape: tuple[int, int] = (6, 8)) -> list[list[int]]:
    """(row, column) of the pixels of one polygon."""
    return np.argwhere(rasterize(np.array([polygon], object), np.array([1]), shape)).tolist()


@given(st.lists(st.tuples(st.integers(-40, 400), st.integers(-40, 400)), min_size=3, max_size=9))
def test_a_pixel_is_drawn_when_its_centre_is_inside(points: list[tuple[int, int]]) -> None:
    polygon = shapely.Polygon([(x / 32, y / 32) for x, y in points])
    if not polygon.is_valid:
        return
    yy, xx = np.mgrid[:12, :12] + 0.5
    centres = shapely.points(xx, yy)

    labels = rasterize(np.array([polygon], object), np.array([1]), (12, 12))

    inside = shapely.contains(polygon, centres)
    tie = shapely.distance(polygon.boundary, centres) < 1e-9  # which side gets it is tested below
    assert np.array_equal((labels > 0) | tie, inside | tie)


def test_holes_stay_open() -> None:
    ring = shapely.box(0, 0, 3, 3).difference(shapely.box(1, 1, 2, 2))

    assert [1, 1] not in drawn(ring)
    assert len(drawn(ring)) == 8


def test_neighbours_that_share_an_edge_on_pixel_centres_share_no_pixel() -> None:
    left, right = shapely.box(0.5, 0.5, 2.5, 2.5), shapely.box(2.5, 0.5, 4.5, 2.5)

    assert drawn(left) == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert drawn(right) == [[0, 2], [0, 3], [1, 2], [1, 3]]


def test_what_lies_outside_the_image_is_left_out() -> None:
    assert drawn(shapely.box(-5, -5, 1, 1)) == [[0, 0]]
    assert drawn(shapely.box(7, 5, 90, 90)) == [[5, 7]]
    assert drawn(shapely.box(100, 100, 120, 120)) == []


def test_later_polygons_lie_on_top() -> None:
    boxes = np.array([shapely.box(0, 0, 3, 1), shapely.box(1, 0, 2, 1)], object)

    assert rasterize(boxes, np.array([5, 6]), (1, 3)).tolist() == [[5, 6, 5]]


def test_an_empty_polygon_draws_nothing_and_moves_no_label() -> None:
    shapes = np.array([shapely.Polygon(), shapely.box(0, 0, 1, 1)], object)

    assert rasterize(shapes, np.array([5, 6]), (1, 2)).tolist() == [[6, 0]]


@pytest.mark.parametrize(("largest", "dtype"), [(65_535, np.uint16), (65_536, np.uint32)])
def test_the_type_follows_from_the_largest_label(largest: int, dtype: type) -> None:
    labels = rasterize(np.array([shapely.box(0, 0, 1, 1)], object), np.array([largest]), (1, 1))

    assert labels.dtype == dtype
    assert labels[0, 0] == largest
