"""StarDist's outlines: the same vertices, half a pixel on, and the same pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from bridge.outlines import rasterize, star_polygons


def some_stars(n: int = 200) -> tuple[NDArray[Any], NDArray[Any]]:
    rng = np.random.default_rng(3)
    dist = rng.uniform(0.5, 14, (n, 32)).astype(np.float32)
    return dist, rng.integers(0, 100, (n, 2))


def test_vertices_are_stardists_plus_half_a_pixel() -> None:
    geometry = pytest.importorskip("stardist.geometry")
    dist, points = some_stars()

    theirs = geometry.dist_to_coord(dist, points)
    ours = shapely.get_coordinates(star_polygons(dist, points)).reshape(len(dist), 33, 2)[:, :-1]

    assert np.abs(ours[..., 0] - 0.5 - theirs[:, 1]).max() < 1e-5
    assert np.abs(ours[..., 1] - 0.5 - theirs[:, 0]).max() < 1e-5


def test_rendering_gives_stardists_label_image() -> None:
    geometry = pytest.importorskip("stardist.geometry")
    dist, points = some_stars()
    prob = np.linspace(0.5, 1, len(dist))

    theirs = geometry.polygons_to_label(dist, points, (100, 100), prob=prob)
    ours = rasterize(star_polygons(dist, points), 1 + np.arange(len(dist)), (100, 100))

    assert np.array_equal(ours, theirs)


def test_a_predicted_pixel_may_be_larger_than_the_image_s() -> None:
    dist, points = np.full((1, 4), 2, np.float32), np.array([[3, 5]])

    (polygon,) = star_polygons(dist, points, scale=(2.0, 3.0))

    assert polygon.centroid.coords[0] == pytest.approx((5.5 * 3, 3.5 * 2))
    assert polygon.bounds == pytest.approx((3.5 * 3, 1.5 * 2, 7.5 * 3, 5.5 * 2))


def test_no_stars_no_polygons() -> None:
    assert len(star_polygons(np.empty((0, 32)), np.empty((0, 2)))) == 0
