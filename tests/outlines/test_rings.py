"""Closed lines to areas, by the even-odd rule."""

from __future__ import annotations

import shapely

from bridge.outlines.rings import areas_only, region

OUTER = [(0, 0), (10, 0), (10, 10), (0, 10)]
INNER = [(2, 2), (8, 2), (8, 8), (2, 8)]
ISLAND = [(4, 4), (5, 4), (5, 5), (4, 5)]


def test_a_ring_in_a_ring_is_a_hole_and_one_in_the_hole_an_island() -> None:
    area = region([OUTER, INNER, ISLAND])

    assert area.area == 100 - 36 + 1
    assert area.is_valid


def test_the_order_of_rings_does_not_matter() -> None:
    assert region([ISLAND, OUTER, INNER]).equals(region([OUTER, INNER, ISLAND]))


def test_a_bow_tie_becomes_two_triangles() -> None:
    area = region([[(0, 0), (4, 4), (4, 0), (0, 4)]])

    assert area.is_valid
    assert area.area == 8


def test_what_encloses_nothing_is_empty() -> None:
    assert region([]).is_empty
    assert region([[(0, 0), (1, 1)]]).is_empty
    assert region([[(0, 0), (1, 1), (2, 2)]]).is_empty
    assert region([[(0, 0), (1, float("nan")), (2, 0)]]).is_empty


def test_a_valid_area_comes_back_as_it_is() -> None:
    box = shapely.box(0, 0, 1, 1)

    assert areas_only(box) is box
