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


def test_many_objects_drawn_in_stripes_at_once_are_those_drawn_one_by_one() -> None:
    rng = np.random.default_rng(0)
    centres = shapely.points(rng.uniform(-5, 105, (600, 2)))
    discs = shapely.buffer(centres, rng.uniform(0.5, 20, 600))
    discs[7] = shapely.MultiPolygon([shapely.box(1, 1, 9, 40), shapely.box(20, 20, 30, 99)])
    discs[8] = shapely.Polygon()
    ids = np.arange(1, 601)

    for shapes in (discs, np.delete(discs, 7)):
        together = rasterize(shapes, ids[: len(shapes)], (101, 97))
        alone = np.zeros_like(together)
        for k in range(len(shapes)):
            rasterize(shapes[k : k + 1], ids[k : k + 1], (101, 97), out=alone)
        assert np.array_equal(together, alone)


def test_an_outline_may_cross_a_row_many_times() -> None:
    teeth = np.arange(200)
    top = np.stack([teeth * 0.5, np.where(teeth % 2, 9.0, 0.0)], axis=1)
    comb = shapely.Polygon([*top, (99.5, 10), (0, 10)])
    xx, yy = np.meshgrid(np.arange(100) + 0.5, np.arange(10) + 0.5)

    labels = rasterize(np.array([comb], object), np.array([1]), (10, 100))

    inside = shapely.contains_xy(comb, xx, yy)
    tie = shapely.distance(comb.boundary, shapely.points(xx, yy)) < 1e-9
    assert np.array_equal((labels > 0) | tie, inside | tie)
