"""Points and lines in GeoJSON, tables and ROI zips, behind the objects with an area."""

from __future__ import annotations

import csv
import json
import math
import zipfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import roifile
import shapely
from hypothesis import given
from hypothesis import strategies as st

from bridge import Detections, ImageInfo, PixelSize
from bridge.formats import write_all
from bridge.formats.markers import make_markers, marker_rois, select_markers

SHAPES = [
    shapely.Point(10.5, 20.25),
    shapely.MultiPoint([(1, 2), (3.5, 4)]),
    shapely.LineString([(0, 0), (9, 9.5)]),
    shapely.LineString([(0, 0), (9, 9.5), (40_000.5, 3)]),
    shapely.MultiLineString([[(0, 0), (1, 1)], [(5, 5), (6, 7), (8, 8)]]),
]


def ids_of(count: int) -> list[str]:
    return [f"0b4f3f0e-6f3c-4c58-9d3d-{number:012d}" for number in range(count)]


@pytest.fixture
def markers() -> gpd.GeoDataFrame:
    return make_markers(
        SHAPES,
        ids_of(5),
        {
            "name": ["a point", None, None, None, "two lines"],
            "class": ["Mark", None, "Mark", None, None],
            "color": [None, "#0000ff", None, None, None],
            "z": [0, 2, 0, 0, 0],
            "weight": [1.5, math.nan, 3.0, 4.0, math.inf],
            "note": ["µ", None, None, None, None],
        },
    )


@pytest.fixture
def objects() -> Detections:
    return Detections.from_polygons(
        [shapely.box(2, 3, 5, 7)],
        columns={"class": ["Tumor"], "Area": [12.0]},
        image=ImageInfo(name="a", width=60, height=40, size_z=3, pixel_size=PixelSize(0.5, 0.25)),
    )


@pytest.fixture
def folder(objects: Detections, markers: gpd.GeoDataFrame, tmp_path: Path) -> Path:
    names = ("a_labels.tif", "a.geojson", "a.csv", "a.zip", "a.parquet")
    write_all(objects, [tmp_path / name for name in names], markers=markers)
    return tmp_path


def test_geojson_keeps_their_type_identity_class_and_measurements(folder: Path) -> None:
    features = json.loads((folder / "a.geojson").read_text("utf-8"))["features"]

    kinds = [feature["geometry"]["type"] for feature in features]
    assert kinds == ["Polygon", *(shape.geom_type for shape in SHAPES)]
    point, several = features[1], features[2]
    assert point["id"] == ids_of(1)[0]
    assert point["geometry"]["coordinates"] == [10.5, 20.25]
    assert point["properties"]["name"] == "a point"
    assert point["properties"]["classification"]["name"] == "Mark"
    assert point["properties"]["metadata"] == {"note": "µ"}
    assert several["geometry"]["plane"] == {"c": -1, "z": 2, "t": 0}
    assert several["properties"]["color"] == [0, 0, 255]
    weights = [feature["properties"]["measurements"]["weight"] for feature in features[1:]]
    assert weights == [1.5, "NaN", 3.0, 4.0, "Infinity"]


def test_a_table_has_a_row_for_each_and_says_what_it_is(folder: Path) -> None:
    with (folder / "a.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))

    assert [row["geometry_type"] for row in rows] == ["Polygon", *(s.geom_type for s in SHAPES)]
    assert [row["id"] for row in rows[1:]] == ids_of(5)
    assert (rows[0]["weight"], rows[0]["Area"], rows[1]["weight"]) == ("", "12", "1.5")
    assert (rows[1]["label"], rows[1]["prob"], rows[1]["area_px"]) == ("", "", "")
    assert (rows[1]["centroid_x_px"], rows[1]["centroid_x_um"]) == ("10.5", "2.625")
    assert rows[3]["outline"] == "LINESTRING (0 0, 9 9.5)"


def test_a_zip_has_them_as_imagej_knows_them(folder: Path) -> None:
    with zipfile.ZipFile(folder / "a.zip") as archive:
        rois = {n: roifile.ImagejRoi.frombytes(archive.read(n)) for n in archive.namelist()}

    kind = roifile.ROI_TYPE
    assert {name.removesuffix(".roi"): roi.roitype for name, roi in rois.items()} == {
        "0001-Tumor": kind.POLYGON,
        "a point": kind.POINT,
        "points": kind.POINT,
        "line-Mark": kind.LINE,
        "line": kind.POLYLINE,
        "two lines": kind.LINE,
        "two lines-2": kind.POLYLINE,
    }
    assert np.asarray(rois["points.roi"].coordinates()).tolist() == [[1, 2], [3.5, 4]]
    assert rois["points.roi"].z_position == 3
    assert np.asarray(rois["line.roi"].coordinates()).tolist()[2] == [40_000.5, 3]
    line = rois["line-Mark.roi"]
    assert (line.x1, line.y1, line.x2, line.y2) == (0, 0, 9, 9.5)
    assert f"starbridge.id: {ids_of(1)[0]}" in rois["a point.roi"].props


@pytest.mark.parametrize("name", ["a.geojson", "a.csv", "a.zip", "a.parquet"])
def test_reading_the_files_gives_the_areas(
    folder: Path, objects: Detections, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    found = Detections.read(folder / name)

    assert found.ids == objects.ids
    assert ("were left out" in caplog.text) == (name != "a.parquet")
    assert "geometry_type" not in found.objects


def test_none_of_them_are_in_label_images(folder: Path, objects: Detections) -> None:
    assert Detections.read(folder / "a_labels.tif").to_labels().sum() == objects.to_labels().sum()


def test_type_and_class_choose(markers: gpd.GeoDataFrame) -> None:
    assert len(select_markers(markers, ("annotation",), None)) == 5
    assert len(select_markers(markers, ("detection", "tile"), None)) == 0
    assert select_markers(markers, None, ["Mark"]).index.tolist() == [ids_of(5)[0], ids_of(5)[2]]


coordinates = st.floats(-50, 60_000, width=32)


@given(st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=9), st.booleans())
def test_imagej_keeps_every_coordinate(xy: list[tuple[float, float]], is_point: bool) -> None:
    shape: Any = shapely.MultiPoint(xy) if is_point or len(xy) < 2 else shapely.LineString(xy)

    ((_, data),) = marker_rois(make_markers([shape], ids_of(1)), ImageInfo(), set())

    roi = roifile.ImagejRoi.frombytes(data)
    if roi.roitype == roifile.ROI_TYPE.LINE:
        found = np.array([(roi.x1, roi.y1), (roi.x2, roi.y2)])
    else:
        found = np.asarray(roi.coordinates())
    assert found.tolist() == [list(pair) for pair in xy]
