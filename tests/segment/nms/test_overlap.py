"""Overlaps: areas are exact, bounds hold, and corners are rounded as StarDist rounds them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bridge.segment.nms.corners import correct_for_rounding
from bridge.segment.nms.outline import (
    compute_area,
    compute_frame,
    compute_vertices,
    fill_table,
    ray_directions,
)
from bridge.segment.nms.overlap import (
    bound_overlap_by_boxes,
    bound_overlap_by_rows,
    bound_union,
    compute_overlap,
)

Outline = tuple[NDArray[np.int32], NDArray[np.int32]]

RAYS = 12
CENTRE = np.array([40, 40], np.int32)
rings = st.lists(st.tuples(st.integers(30, 50), st.integers(30, 50)), min_size=RAYS, max_size=RAYS)
stars = st.lists(st.floats(0.5, 14, width=32), min_size=RAYS, max_size=RAYS)
steps = st.tuples(st.integers(-9, 9), st.integers(-9, 9))


def of_ring(ring: list[tuple[int, int]]) -> Outline:
    x, y = np.array(ring, np.int32).T
    return np.ascontiguousarray(x), np.ascontiguousarray(y)


def of_star(dist: list[float], point: NDArray[Any] = CENTRE) -> Outline:
    x, y = np.empty(RAYS, np.int32), np.empty(RAYS, np.int32)
    compute_vertices(np.array(dist, np.float32), point, *ray_directions(RAYS), x, y)
    return x, y


def wound(outline: Outline) -> Any:
    """Return what an outline winds around, by shapely: faces whose winding number is not 0."""
    ring = np.stack([*outline], axis=1).astype(float)
    ring = np.concatenate([ring, ring[:1]])
    faces = shapely.get_parts(shapely.polygonize([shapely.node(shapely.LineString(ring))]))
    kept = []
    for face in faces:
        at = shapely.point_on_surface(face)
        angles = np.arctan2(ring[:, 1] - at.y, ring[:, 0] - at.x)
        turns = (np.diff(angles) + np.pi) % (2 * np.pi) - np.pi
        if round(turns.sum() / (2 * np.pi)):
            kept.append(face)
    return shapely.unary_union(kept) if kept else shapely.Polygon()


def rows_of(a: Outline, b: Outline) -> tuple[int, int]:
    return max(int(a[1].min()), int(b[1].min())), min(int(a[1].max()), int(b[1].max()))


def shared_by(a: Outline, b: Outline) -> float:
    top, bottom = rows_of(a, b)
    return float(compute_overlap(*a, *b, top, bottom)) if bottom > top else 0.0


@given(rings, rings)
def test_the_area_is_exact_even_for_outlines_that_cross_themselves(
    ring: list[tuple[int, int]], other: list[tuple[int, int]]
) -> None:
    a, b = of_ring(ring), of_ring(other)

    assert shared_by(a, b) == pytest.approx(wound(a).intersection(wound(b)).area, abs=1e-6)


@given(stars, stars, steps)
def test_bounds_enclose_the_area(
    dist: list[float], other: list[float], step: tuple[int, int]
) -> None:
    a, b = of_star(dist), of_star(other, CENTRE + np.array(step, np.int32))
    exact = shared_by(a, b)
    frames = np.empty((2, 8), np.int32)
    tables, kinds = np.empty((2, 4, 64)), np.empty((2, 64), np.uint8)
    for k, (x, y) in enumerate((a, b)):
        compute_frame(x, y, frames[k])
        fill_table(x, y, y.min(), y.max() - y.min(), tables[k], kinds[k])
    areas = [compute_area(*a, CENTRE)[0], compute_area(*b, CENTRE + np.array(step, np.int32))[0]]
    simple = [compute_area(*a, CENTRE)[1], compute_area(*b, CENTRE + np.array(step, np.int32))[1]]

    assert bound_overlap_by_boxes(*frames) >= exact - 1e-9
    if all(simple):
        assert sum(areas) - bound_union(*frames) <= exact + 1e-9
    top, bottom = rows_of(a, b)
    if bottom > top:
        least, most = bound_overlap_by_rows(
            tables[0],
            kinds[0],
            top - a[1].min(),
            tables[1],
            kinds[1],
            top - b[1].min(),
            bottom - top,
        )
        assert least - 1e-9 <= exact <= most + 1e-9


@given(stars)
def test_the_area_of_a_simple_outline_is_that_of_what_is_inside(dist: list[float]) -> None:
    outline = of_star(dist)
    area, simple = compute_area(*outline, CENTRE)

    assert area == pytest.approx(abs(shapely.Polygon(np.stack(outline, axis=1)).area))
    if simple:
        assert area == pytest.approx(wound(outline).area)


@given(stars, stars, steps)
def test_corners_of_an_overlap_are_rounded_to_whole_pixels(
    dist: list[float], other: list[float], step: tuple[int, int]
) -> None:
    a, b = of_star(dist), of_star(other, CENTRE + np.array(step, np.int32))
    polygons = [shapely.Polygon(np.stack(o, axis=1)) for o in (a, b)]
    assume(all(p.is_valid and p.area > 0 for p in polygons))
    overlap = polygons[0].intersection(polygons[1])
    assume(isinstance(overlap, shapely.Polygon) and not overlap.interiors)
    corners = shapely.get_coordinates(overlap)
    assume((np.abs(corners % 1 - 0.5) > 1e-6).all())  # a half goes by what was computed first

    rounded = shapely.Polygon(np.round(corners)) if len(corners) else overlap

    # Rounding may turn a sliver inside out; the formula counts it against the rest.
    assume(rounded.is_valid)
    change = correct_for_rounding(*a, *b)
    assert shared_by(a, b) + change == pytest.approx(rounded.area, abs=1e-6)


def test_an_outline_is_cut_to_whole_pixels_towards_zero() -> None:
    x, y = np.empty(4, np.int32), np.empty(4, np.int32)
    dist = np.array([1.9, 2.5, 4.9, 0.2], np.float32)

    compute_vertices(dist, np.array([2, 3], np.int32), *ray_directions(4), x, y)

    assert x.tolist()[::2] == [4, -1]
    assert y.tolist()[1::2] == [4, 1]
