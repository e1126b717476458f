"""Outlines of ROIs, as ImageJ stores them."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import roifile
import shapely
from hypothesis import given
from numpy.typing import NDArray

from bridge import Detections
from bridge.formats.roi_outlines import set_outlines
from bridge.outlines import rasterize, star_polygons
from bridge.outlines.rings import region
from tests.label_images import label_images


def stored(*geometries: Any) -> list[roifile.ImagejRoi]:
    """The areas as they are read from their ROIs' bytes."""
    areas = np.empty(len(geometries), object)
    areas[:] = geometries
    rois = [roifile.ImagejRoi() for _ in geometries]
    set_outlines(rois, areas)
    return [roifile.ImagejRoi.frombytes(roi.tobytes()) for roi in rois]


def corners(geometry: Any) -> NDArray[np.float64]:
    """Without the closing one."""
    return np.asarray(shapely.get_coordinates(geometry)[:-1])


@given(label_images())
def test_every_traced_object_gets_back_all_its_pixels(labels: NDArray[Any]) -> None:
    objects = Detections.from_labels(labels).objects

    areas = [region(roi.coordinates(multi=True)) for roi in stored(*objects.geometry)]

    drawn = rasterize(np.array(areas, object), objects["label"].to_numpy(), labels.shape)
    assert np.array_equal(drawn, labels)


def test_star_outlines_become_subpixel_polygons_of_single_precision() -> None:
    polygons = star_polygons(
        np.random.default_rng(0).uniform(3, 9, (5, 32)), np.arange(10).reshape(5, 2) * 20
    )

    for roi, polygon in zip(stored(*polygons), polygons, strict=True):
        assert roi.roitype == roifile.ROI_TYPE.POLYGON
        assert roi.subpixelresolution
        assert np.array_equal(roi.coordinates(), corners(polygon).astype(np.float32))
        assert (roi.left, roi.top) == tuple(np.floor(polygon.bounds[:2]))
        assert (roi.right, roi.bottom) == tuple(np.ceil(polygon.bounds[2:]))


@pytest.mark.parametrize("area", [box := shapely.box(3, 5, 9, 7), shapely.MultiPolygon([box])])
def test_traced_outlines_become_polygons_of_whole_numbers(area: Any) -> None:
    roi = stored(area)[0]

    assert roi.roitype == roifile.ROI_TYPE.POLYGON
    assert roi.subpixel_coordinates is None
    assert np.array_equal(roi.coordinates(), corners(area))


def test_holes_and_pieces_become_paths() -> None:
    ring = shapely.box(0, 0, 9, 9).difference(shapely.box(2, 2, 4, 4))
    pieces = shapely.union(shapely.box(20, 0, 22, 2), shapely.box(30, 0, 33, 3))

    found = stored(shapely.box(0, 0, 1, 1), ring, pieces, shapely.box(5, 5, 6, 6))

    assert [roi.composite for roi in found] == [False, True, True, False]
    for roi, area in ((found[1], ring), (found[2], pieces)):
        paths = [shapely.Polygon(path) for path in roi.coordinates(multi=True)]
        drawn = paths[0].symmetric_difference(paths[1])
        assert len(paths) == 2
        assert drawn.equals(area)


@pytest.mark.parametrize("area", [shapely.Polygon(), shapely.MultiPolygon()])
def test_an_empty_area_among_others_is_a_roi_without_vertices(area: Any) -> None:
    empty, last, again = stored(area, shapely.box(5, 5, 6, 6), area)

    assert (empty.n_coordinates, last.n_coordinates, again.n_coordinates) == (0, 4, 0)


def test_no_object_is_no_roi() -> None:
    assert stored() == []


def test_the_entries_of_a_roiset_are_such_that_java_reads_them_one_after_another(
    tmp_path: Path, square: Detections
) -> None:
    square.write(tmp_path / "rois.zip")

    with zipfile.ZipFile(tmp_path / "rois.zip") as archive:
        (entry,) = archive.infolist()
    has_sizes_after_the_data = bool(entry.flag_bits & 8)
    assert not has_sizes_after_the_data
    assert entry.external_attr >> 16 == 0o600
