"""Shapes beside brute force, one object at a time, and beside scikit-image."""

# scikit-image's functions have annotations in part only
# mypy: disallow-untyped-calls=False

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bridge.measure.pixels import list_pixels, number_objects
from bridge.measure.shape import Shapes, measure_shapes
from tests.label_images import label_images

SKIMAGE = {
    "area": "area",
    "centroid-0": "y",
    "centroid-1": "x",
    "perimeter": "perimeter",
    "solidity": "solidity",
    "eccentricity": "eccentricity",
    "axis_major_length": "major",
    "axis_minor_length": "minor",
    "feret_diameter_max": "feret_max",
}


def shapes_of(labels: NDArray[Any], scale: tuple[float, float] = (1, 1)) -> Shapes:
    ids, plane = number_objects(labels)
    return measure_shapes(plane, list_pixels(plane, len(ids))).scaled(scale)


def assert_as_skimage(labels: NDArray[Any]) -> None:
    from skimage.measure import regionprops_table

    found = shapes_of(labels)
    if not labels.any():
        assert not len(found.area)
        return
    names = ("area", "centroid", *[n for n in SKIMAGE if "-" not in n and n != "area"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = regionprops_table(
            labels.astype(np.int64), properties=("orientation", "inertia_tensor", *names)
        )
    for theirs, ours in SKIMAGE.items():
        values = getattr(found, ours) - (0.5 if "centroid" in theirs else 0)
        # Roots of differences that are 0 but for rounding: 1e-12 becomes 1e-6.
        loose = 1e-5 if ours in ("eccentricity", "minor") else 1e-12
        np.testing.assert_allclose(values, table[theirs], rtol=1e-6, atol=loose, err_msg=theirs)
    leaning = np.hypot(
        table["inertia_tensor-0-0"] - table["inertia_tensor-1-1"], table["inertia_tensor-0-1"]
    )
    directed = leaning > 1e-6
    turned = found.orientation[directed] - table["orientation"][directed]
    np.testing.assert_allclose(np.sin(turned), 0, atol=1e-6)  # a line has no front and no back


@given(label_images(max_side=14))
def test_shapes_are_scikit_images(labels: NDArray[Any]) -> None:
    assert_as_skimage(labels)


def test_shapes_of_a_real_section_are_scikit_images(haug2_mask_path: Path) -> None:
    labels = tifffile.imread(haug2_mask_path)[300:700, 400:900]

    assert len(np.unique(labels)) > 500
    assert_as_skimage(labels)


@given(label_images(), st.sampled_from([(1, 1), (0.5, 0.2)]))
def test_shapes_are_what_brute_force_says(labels: NDArray[Any], scale: tuple[float, float]) -> None:
    assert_as_brute_force(labels, scale)


@pytest.mark.parametrize("seed", range(8))
def test_hulls_of_scattered_pixels(seed: int) -> None:
    """Hulls of many corners, and ones so thin that they hold no pixel of some rows."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((70, 50), np.uint16)
    for label in range(1, 30):
        count = rng.integers(1, 6) if label % 2 else rng.integers(6, 60)
        y, x = rng.integers(0, 70, count), rng.integers(0, 50, count)
        labels[y, x] = label * 3

    assert_as_brute_force(labels, (0.7, 1.3))
    assert_as_skimage(labels)


def assert_as_brute_force(labels: NDArray[Any], scale: tuple[float, float]) -> None:
    scale_y, scale_x = scale
    found = shapes_of(labels, scale)
    for i, label in enumerate(np.unique(labels[labels > 0])):
        y, x = np.nonzero(labels == label)
        covariance = np.cov(np.stack([y * scale_y, x * scale_x]), bias=True)
        values = np.sort(np.maximum(np.linalg.eigvalsh(covariance), 0))
        hull = edge_middles(y, x)
        grid = np.argwhere(np.ones(labels.shape))
        inside = shapely.intersects_xy(shapely.convex_hull(hull), grid[:, 1], grid[:, 0])
        whole = shapely.convex_hull(edge_middles(grid[inside, 0], grid[inside, 1]))
        corners = shapely.get_coordinates(whole) * [scale_x, scale_y]

        assert found.area[i] == pytest.approx(len(y) * scale_y * scale_x)
        assert found.y[i] == pytest.approx((y.mean() + 0.5) * scale_y)
        assert found.x[i] == pytest.approx((x.mean() + 0.5) * scale_x)
        assert found.major[i] == pytest.approx(4 * np.sqrt(values[1]), abs=1e-5)
        assert found.minor[i] == pytest.approx(4 * np.sqrt(values[0]), abs=1e-5)
        assert found.solidity[i] == pytest.approx(len(y) / inside.sum())
        assert found.feret_max[i] == pytest.approx(largest_distance(corners))
        assert found.feret_min[i] == pytest.approx(smallest_width(corners))


def edge_middles(y: NDArray[Any], x: NDArray[Any]) -> Any:
    steps = ((0, 0.5), (0, -0.5), (0.5, 0), (-0.5, 0))
    return shapely.multipoints(np.concatenate([np.stack([x + dx, y + dy], 1) for dx, dy in steps]))


def largest_distance(corners: NDArray[Any]) -> float:
    between = corners[:, None] - corners[None]
    return float(np.hypot(between[..., 0], between[..., 1]).max())


def smallest_width(corners: NDArray[Any]) -> float:
    edges = np.diff(corners, axis=0)
    normals = np.stack([-edges[:, 1], edges[:, 0]], 1) / np.hypot(*edges.T)[:, None]
    return float(np.ptp(corners @ normals.T, axis=0).min())


def test_a_single_pixel() -> None:
    labels = np.zeros((3, 4), np.uint8)
    labels[0, 3] = 9

    one = shapes_of(labels)

    assert (one.area[0], one.x[0], one.y[0]) == (1, 3.5, 0.5)
    assert (one.perimeter[0], one.major[0], one.minor[0], one.eccentricity[0]) == (0, 0, 0, 0)
    assert np.isnan(one.circularity[0])
    assert one.solidity[0] == 1
    assert one.feret_max[0] == 1
    assert one.feret_min[0] == pytest.approx(np.sqrt(0.5))


def test_a_disc_is_round() -> None:
    y, x = np.mgrid[:201, :201]
    disc = ((y - 100) ** 2 + (x - 100) ** 2 <= 90**2).astype(np.uint8)

    one = shapes_of(disc, (0.5, 0.5))

    assert one.area[0] == pytest.approx(np.pi * 45**2, rel=1e-3)
    assert one.feret_max[0] == pytest.approx(90, rel=0.01)
    assert one.feret_min[0] == pytest.approx(90, rel=0.01)
    assert one.major[0] == pytest.approx(90, rel=0.01)
    assert one.circularity[0] == pytest.approx(1, rel=0.1)
    assert one.solidity[0] > 0.99


def test_a_lying_and_a_leaning_line() -> None:
    lying = np.zeros((5, 9), np.uint8)
    lying[2, 1:8] = 1

    assert shapes_of(lying).orientation[0] == np.pi / 2
    assert shapes_of(lying.T).orientation[0] == 0
    assert shapes_of(np.eye(6, dtype=np.uint8)).orientation[0] == pytest.approx(np.pi / 4)
    assert shapes_of(np.eye(6, dtype=np.uint8)[::-1]).orientation[0] == pytest.approx(-np.pi / 4)
    assert shapes_of(lying).eccentricity[0] == pytest.approx(1)


def test_labels_far_apart_are_numbered_without_a_table_of_their_size() -> None:
    labels = np.array([[0, 4_000_000_000, 7], [7, 0, 0]], np.uint32)

    ids, plane = number_objects(labels)

    assert ids.tolist() == [7, 4_000_000_000]
    assert plane.tolist() == [[0, 2, 1], [1, 0, 0]]
    ids, plane = number_objects(np.array([[70_000_000_000]], np.int64))
    assert (ids.tolist(), plane.tolist()) == ([70_000_000_000], [[1]])
