"""ROIs byte by byte, beside roifile, which writes and reads them one at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import roifile
import shapely
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bridge import Detections
from bridge.formats.roi_bytes import RoiFields, encode_areas
from bridge.outlines import star_polygons
from tests.label_images import label_images

PLAIN = (np.array([[0, 0, 0]]), np.zeros((1, 4), np.uint8), np.zeros(1, np.uint8))


def encoded(*geometries: Any) -> list[roifile.ImagejRoi]:
    """The areas as roifile reads them."""
    n = len(geometries)
    fields = RoiFields([""] * n, [""] * n, *(np.repeat(values, n, axis=0) for values in PLAIN))
    areas = np.empty(n, object)
    areas[:] = geometries
    return [roifile.ImagejRoi.frombytes(data) for data in encode_areas(areas, fields)]


def corners(geometry: Any) -> NDArray[np.float64]:
    """Without the closing one."""
    return np.asarray(shapely.get_coordinates(geometry)[:-1])


@given(
    label_images(),
    st.lists(st.text(st.characters(codec="utf-16-be", max_codepoint=0xFFFF)), min_size=4),
    st.integers(0, 255),
)
def test_roifile_would_write_the_same_bytes(
    labels: NDArray[Any], texts: list[str], number: int
) -> None:
    areas = Detections.from_labels(labels).objects.geometry.to_numpy()
    n = len(areas)
    names = [texts[k % len(texts)] for k in range(n)]
    properties = [f"key: {'x' * k}\n" if k else "" for k in range(n)]
    positions = np.arange(3 * n).reshape(n, 3)
    strokes = np.full((n, 4), number, np.uint8)
    groups = np.full(n, number, np.uint8)

    written = encode_areas(areas, RoiFields(names, properties, positions, strokes, groups))

    for k, data in enumerate(written):
        roi = roifile.ImagejRoi.frombytes(data)
        assert roi.tobytes() == data
        assert (roi.name, roi.props, roi.group) == (names[k], properties[k], number)
        assert [roi.c_position, roi.z_position, roi.t_position] == positions[k].tolist()
        assert roi.stroke_color == bytes([number] * 4)


def test_star_outlines_become_subpixel_polygons_of_single_precision() -> None:
    polygons = star_polygons(
        np.random.default_rng(0).uniform(3, 9, (5, 32)), np.arange(10).reshape(5, 2) * 20
    )

    for roi, polygon in zip(encoded(*polygons), polygons, strict=True):
        assert roi.roitype == roifile.ROI_TYPE.POLYGON
        assert roi.subpixelresolution
        assert np.array_equal(roi.coordinates(), corners(polygon).astype(np.float32))
        assert (roi.left, roi.top) == tuple(np.floor(polygon.bounds[:2]))
        assert (roi.right, roi.bottom) == tuple(np.ceil(polygon.bounds[2:]))


def test_traced_outlines_become_polygons_of_whole_numbers() -> None:
    roi = encoded(shapely.box(3, 5, 9, 7))[0]

    assert roi.roitype == roifile.ROI_TYPE.POLYGON
    assert roi.subpixel_coordinates is None
    assert np.array_equal(roi.coordinates(), corners(shapely.box(3, 5, 9, 7)))


def test_holes_and_pieces_become_paths() -> None:
    ring = shapely.box(0, 0, 9, 9).difference(shapely.box(2, 2, 4, 4))
    pieces = shapely.union(shapely.box(20, 0, 22, 2), shapely.box(30, 0, 33, 3))

    found = encoded(shapely.box(0, 0, 1, 1), ring, pieces, shapely.box(5, 5, 6, 6))

    assert [roi.composite for roi in found] == [False, True, True, False]
    for roi, area in ((found[1], ring), (found[2], pieces)):
        paths = [shapely.Polygon(path) for path in roi.coordinates(multi=True)]
        drawn = paths[0].symmetric_difference(paths[1])
        assert len(paths) == 2
        assert drawn.equals(area)


@pytest.mark.parametrize("area", [shapely.Polygon(), shapely.MultiPolygon()])
def test_an_empty_area_among_others_is_a_roi_without_vertices(area: Any) -> None:
    first, empty, last = encoded(shapely.box(0, 0, 1, 1), area, shapely.box(5, 5, 6, 6))

    assert empty.n_coordinates == 0
    assert (first.n_coordinates, last.n_coordinates) == (4, 4)


def test_no_object_is_no_roi() -> None:
    assert encoded() == []
