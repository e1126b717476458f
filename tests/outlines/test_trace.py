"""Tracing: along pixel edges, nothing smoothed, no pixel lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
import tifffile
from hypothesis import given
from numpy.typing import NDArray

from bridge.outlines import rasterize, trace
from tests.label_images import label_images


def rows(*lines: str) -> NDArray[Any]:
    """A label image from text: '.' is background, digits are labels."""
    return np.array([[0 if c == "." else int(c) for c in line] for line in lines])


@given(label_images())
def test_label_to_polygon_to_label_gives_back_every_pixel(labels: NDArray[Any]) -> None:
    ids, polygons = trace(labels)

    assert ids.tolist() == np.unique(labels[labels > 0]).tolist()
    assert np.array_equal(rasterize(polygons, ids, labels.shape), labels)


@given(label_images())
def test_polygons_are_valid_and_as_large_as_their_pixels(labels: NDArray[Any]) -> None:
    ids, polygons = trace(labels)

    assert shapely.is_valid(polygons).all()
    assert shapely.area(polygons).tolist() == [int((labels == i).sum()) for i in ids]


@given(label_images())
def test_only_corners_are_kept(labels: NDArray[Any]) -> None:
    for polygon in trace(labels)[1]:
        for piece in shapely.get_parts(polygon):
            for ring in (piece.exterior, *piece.interiors):
                xy = shapely.get_coordinates(ring)
                steps = np.diff(np.vstack([xy, xy[1]]), axis=0)
                horizontal = steps[:, 0] != 0
                assert (horizontal[1:] != horizontal[:-1]).all()


def test_a_pixel_is_a_unit_square_from_its_corner() -> None:
    ids, polygons = trace(rows("...", "..4"))

    assert ids.tolist() == [4]
    assert polygons[0].bounds == (2.0, 1.0, 3.0, 2.0)


def test_an_object_in_two_pieces_is_one_multipolygon() -> None:
    _, polygons = trace(rows("1.1", "1.1"))

    assert polygons[0].geom_type == "MultiPolygon"
    assert len(polygons[0].geoms) == 2


def test_pixels_that_touch_by_a_corner_are_two_pieces() -> None:
    _, polygons = trace(rows("1.", ".1"))

    assert len(polygons[0].geoms) == 2


def test_a_hole_is_a_hole_and_what_lies_in_it_is_its_own_object() -> None:
    ids, polygons = trace(rows("111", "121", "111"))

    assert ids.tolist() == [1, 2]
    assert len(polygons[0].interiors) == 1
    assert polygons[1].area == 1


def test_holes_that_meet_at_a_corner_stay_two_holes() -> None:
    _, polygons = trace(rows("1111", "1.11", "11.1", "1111"))

    assert len(polygons[0].interiors) == 2


def test_an_island_in_a_hole_of_the_same_object_is_a_piece_of_its_own() -> None:
    _, polygons = trace(rows("11111", "1...1", "1.1.1", "1...1", "11111"))

    areas = sorted((piece.area, len(piece.interiors)) for piece in polygons[0].geoms)
    assert areas == [(1.0, 0), (16.0, 1)]


def test_a_hole_goes_to_the_piece_around_it() -> None:
    _, polygons = trace(rows("111.111", "1.1.111", "111.111"))

    by_x = {piece.bounds[0]: len(piece.interiors) for piece in polygons[0].geoms}
    assert by_x == {0.0: 1, 4.0: 0}


def test_nothing_in_nothing_out() -> None:
    ids, polygons = trace(np.zeros((3, 4), np.uint16))

    assert len(ids) == len(polygons) == 0


def test_a_stack_is_no_plane() -> None:
    with pytest.raises(ValueError, match="2 axes"):
        trace(np.zeros((2, 3, 4), int))


def test_a_real_section_comes_back_pixel_by_pixel(haug2_mask_path: Path) -> None:
    labels = tifffile.imread(haug2_mask_path)
    ids, polygons = trace(labels)

    assert len(ids) == 12_551
    assert ids[-1] == 26_403
    assert np.array_equal(rasterize(polygons, ids, labels.shape), labels)
