"""GeoJSON of every QuPath, and files that are none."""

from __future__ import annotations

import gzip
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from bridge import Detections
from bridge.errors import BadInputError
from tests.objects import reviewed

UUID = "0b3a3b0e-7a5e-4f53-9d6e-1f4d6a5f0a11"
SQUARE = {"type": "Polygon", "coordinates": [[[1, 1], [4, 1], [4, 4], [1, 4], [1, 1]]]}


def feature(**properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "id": UUID, "geometry": SQUARE, "properties": properties}


def read(tmp_path: Path, document: Any) -> Detections:
    path = tmp_path / "objects.geojson"
    path.write_text(json.dumps(document))
    return Detections.read(path)


def test_what_qupath_reads_stands_where_qupath_looks_for_it(tmp_path: Path) -> None:
    reviewed().write(tmp_path / "objects.geojson")
    document = json.loads((tmp_path / "objects.geojson").read_text())
    ring, cell = document["features"][1], document["features"][3]

    assert document["type"] == "FeatureCollection"
    assert ring["type"] == "Feature"
    assert ring["geometry"]["type"] == "Polygon"
    assert ring["geometry"]["plane"] == {"c": 0, "z": 1, "t": 0}
    assert all(r[0] == r[-1] for r in ring["geometry"]["coordinates"])
    assert ring["properties"]["objectType"] == "detection"
    assert ring["properties"]["classification"] == {"name": "CD3+: T cell", "color": [1, 2, 3]}
    assert ring["properties"]["name"] == "my nucleus"
    assert ring["properties"]["color"] == [18, 52, 86]
    assert ring["properties"]["isLocked"] is True
    assert ring["properties"]["measurements"]["Nucleus: DAPI mean"] == 2.5
    assert "Detection probability" not in ring["properties"]["measurements"]
    assert document["features"][2]["properties"]["measurements"]["Nucleus: DAPI mean"] == "NaN"
    assert cell["properties"]["objectType"] == "cell"
    assert cell["nucleusGeometry"]["type"] == "Polygon"


def test_a_class_without_a_colour_gets_one_because_qupath_needs_it(tmp_path: Path) -> None:
    objects = Detections.from_polygons([shapely.box(0, 0, 2, 2)], columns={"class": ["Neuron"]})
    objects.write(tmp_path / "a.geojson")

    written = json.loads((tmp_path / "a.geojson").read_text())["features"][0]["properties"]

    assert len(written["classification"]["color"]) == 3


def test_qupath_0_6(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "id": UUID,
                    "geometry": {**SQUARE, "plane": {"c": -1, "z": 2, "t": 1}},
                    "properties": {
                        "objectType": "detection",
                        "classification": {"name": "Tumor: Ki67", "color": [200, 0, 0]},
                        "isLocked": True,
                        "measurements": {"Area": 9.0, "Bad": "NaN", "Detection probability": 0.75},
                        "metadata": {"reviewer": "AB"},
                    },
                }
            ],
        },
    )
    row = found.objects.iloc[0]

    assert found.ids == [UUID]
    assert row[["object_type", "class", "class_color"]].tolist() == [
        "detection", "Tumor: Ki67", "#c80000",
    ]  # fmt: skip
    assert row[["z", "t", "c", "locked"]].tolist() == [2, 1, -1, True]
    assert row["prob"] == 0.75
    assert row["Area"] == 9
    assert np.isnan(row["Bad"])
    assert row["reviewer"] == "AB"


def test_qupath_0_3_with_listed_measurements_and_packed_colours(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        [
            feature(
                object_type="detection",
                classification={"name": "Stroma", "colorRGB": -6895466},
                isLocked=False,
                measurements=[{"name": "Nucleus: Area", "value": 12.5}, {"name": "x"}],
            )
        ],
    )
    row = found.objects.iloc[0]

    assert row["object_type"] == "detection"
    assert row["class_color"] == "#96c896"
    assert row["Nucleus: Area"] == 12.5


def test_qupath_0_2_with_the_kind_in_place_of_the_id(tmp_path: Path) -> None:
    root = {"type": "Feature", "id": "PathRootObject", "geometry": SQUARE, "properties": {}}
    cell = {**feature(classification={"name": "A", "colorRGB": -1}), "id": "PathCellObject"}
    cell["nucleusGeometry"] = SQUARE

    found = read(tmp_path, [root, cell, cell])

    assert found.objects["object_type"].tolist() == ["cell", "cell"]
    assert len(set(found.ids)) == 2
    assert found.objects["nucleus"].notna().all()


def test_a_feature_without_a_type_is_an_annotation_as_in_qupath(tmp_path: Path) -> None:
    assert read(tmp_path, feature()).objects["object_type"].tolist() == ["annotation"]


def test_a_plain_string_is_a_class_too(tmp_path: Path) -> None:
    assert read(tmp_path, feature(classification="Tumor")).objects["class"].tolist() == ["Tumor"]


@pytest.mark.parametrize("document", [feature(), [feature()], SQUARE])
def test_a_feature_a_list_or_a_bare_geometry_is_read(tmp_path: Path, document: Any) -> None:
    assert read(tmp_path, document).objects.geometry.iloc[0].area == 9


def test_a_new_object_of_a_reviewer_gets_the_next_label(tmp_path: Path, square: Detections) -> None:
    square.write(tmp_path / "a.geojson")
    document = json.loads((tmp_path / "a.geojson").read_text())
    document["features"].insert(0, feature(objectType="detection"))

    found = read(tmp_path, document)

    assert found.objects.loc[square.ids[0], "label"] == 1
    assert found.objects.loc[UUID, "label"] == 2


def test_lines_and_points_are_left_out_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    line = {"type": "LineString", "coordinates": [[0, 0], [1, 1]]}
    with caplog.at_level(logging.WARNING, "bridge"):
        found = read(tmp_path, [feature(), {**feature(), "geometry": line}])

    assert len(found) == 1
    assert "1 objects enclose no area" in caplog.text


def test_a_bow_tie_is_mended(tmp_path: Path) -> None:
    bow = {"type": "Polygon", "coordinates": [[[0, 0], [4, 4], [4, 0], [0, 4], [0, 0]]]}

    assert read(tmp_path, {**feature(), "geometry": bow}).objects.geometry.iloc[0].area == 8


def test_gsons_bare_nan_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps(feature(measurements={"x": float("nan")})))

    assert np.isnan(Detections.read(path).objects["x"].iloc[0])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"{", "is not JSON"),
        (b'"text"', "not a list of GeoJSON features"),
        (b'{"type": "FeatureCollection"}', "not a list of GeoJSON features"),
        (b'{"type": "FeatureCollection", "features": [1]}', "not a list of GeoJSON features"),
        (gzip.compress(b"[]" * 999, mtime=0)[:30], "is damaged gzip"),
        (
            b'[{"type":"Feature","geometry":{"type":"Polygon","coordinates":[["a"]]}}]',
            "has a geometry that is none",
        ),
    ],
)
def test_what_is_no_geojson_is_said(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "objects.geojson"
    path.write_bytes(content)

    with pytest.raises(BadInputError, match=message) as failed:
        Detections.read(path)
    assert str(failed.value).startswith(str(path))
