"""GeoJSON of every QuPath, and files that are none."""

from __future__ import annotations

import gzip
import json
import logging
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
import shapely
from hypothesis import given

from bridge import Detections
from bridge.errors import BadInputError
from tests.objects import reviewed

UUID = "0b3a3b0e-7a5e-4f53-9d6e-1f4d6a5f0a11"
SQUARE = {"type": "Polygon", "coordinates": [[[1, 1], [4, 1], [4, 4], [1, 4], [1, 1]]]}


COLLECTION = {"type": "FeatureCollection"}


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


# ---- hierarchies ------------------------------------------------------------------------------

TREES: st.SearchStrategy[list[Any]] = st.recursive(
    st.just([]), lambda children: st.lists(children, min_size=1, max_size=4), max_leaves=25
)
"""Objects as the lists of their children."""


def hierarchy(tree: list[Any], placed: list[str], level: int = 0) -> dict[str, Any]:
    """Write an object and those below it; their names go into `placed` in the file's order."""
    kind = ("annotation", "cell", "detection")[level % 3]
    written = {**feature(objectType=kind, name=f"{kind} {len(placed)}"), "id": None}
    placed.append(written["properties"]["name"])
    if kind == "cell":
        written["nucleusGeometry"] = SQUARE
    if tree:
        written["properties"]["childObjects"] = [hierarchy(t, placed, level + 1) for t in tree]
    return written


@given(trees=st.lists(TREES, max_size=4), below_root=st.booleans())
def test_objects_below_others_are_read_each_after_its_parent(
    tmp_path: Path, trees: list[Any], below_root: bool
) -> None:
    placed: list[str] = []
    features = [hierarchy(tree, placed) for tree in trees]
    root = {"type": "Feature", "geometry": {}, "properties": {"objectType": "root"}}
    root["properties"]["childObjects"] = features  # type: ignore[index]

    found = read(tmp_path, root if below_root else {"features": features, **COLLECTION}).objects

    assert found["name"].tolist() == placed
    assert [name.split()[0] for name in placed] == found["object_type"].tolist()
    cells = found[found["object_type"] == "cell"]
    assert all(nucleus.area == 9 for nucleus in cells.get("nucleus", []))


def test_a_cell_below_an_annotation_keeps_all_that_it_has(tmp_path: Path) -> None:
    cell = feature(
        objectType="cell",
        classification={"name": "Tumor", "color": [200, 0, 0]},
        isLocked=True,
        measurements={"Nucleus: Area": 9.0, "Detection probability": 0.5},
    )
    cell["nucleusGeometry"] = SQUARE
    region = {**feature(objectType="annotation", childObjects=[cell]), "id": None}

    nested = read(tmp_path, region).objects.iloc[1]
    alone = read(tmp_path, cell).objects.iloc[0]

    assert nested.name == alone.name == UUID
    columns = ["class", "class_color", "locked", "prob", "Nucleus: Area", "geometry", "nucleus"]
    assert nested[columns].tolist() == alone[columns].tolist()


@pytest.mark.parametrize("levels", [201, 5_000])
def test_objects_nested_without_end_are_refused(tmp_path: Path, levels: int) -> None:
    opened = '{"type": "Feature", "geometry": {}, "properties": {"childObjects": ['
    path = tmp_path / "deep.geojson"
    path.write_text(opened * levels + "]}}" * levels)

    with pytest.raises(BadInputError, match=r"deep\.geojson: .* nested over 200 levels"):
        Detections.read(path)


def test_a_child_that_is_no_feature_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="a child object that is no GeoJSON feature"):
        read(tmp_path, feature(childObjects=[7]))


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


# ---- numbers and texts of other programs --------------------------------------------------------


@pytest.mark.parametrize(("z", "expected"), [(2.0, 2), (2, 2), (-1.0, 0), (None, 0)])
def test_planes_may_be_whole_floats(tmp_path: Path, z: Any, expected: int) -> None:
    found = read(tmp_path, {**feature(), "geometry": {**SQUARE, "plane": {"c": -1.0, "z": z}}})

    assert found.objects[["c", "z", "t"]].iloc[0].tolist() == [-1, expected, 0]


@pytest.mark.parametrize("z", [0.5, "2", True, 2**70, 1e300, [1]])
def test_a_plane_that_is_no_number_of_one_is_refused(tmp_path: Path, z: Any) -> None:
    with pytest.raises(BadInputError, match="in the plane z = .* which is no whole number"):
        read(tmp_path, {**feature(), "geometry": {**SQUARE, "plane": {"z": z}}})


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e300", "9" * 400, "null", '"4"', "{}"])
@pytest.mark.parametrize("kind", ["Polygon", "MultiPolygon"])
def test_coordinates_that_no_image_has_are_refused(tmp_path: Path, number: str, kind: str) -> None:
    ring = f"[[1, 1], [4, 1], [{number}, 4], [1, 4], [1, 1]]"
    coordinates = f"[{ring}]" if kind == "Polygon" else f"[[{ring}]]"
    path = tmp_path / "a.geojson"
    geometry = f'{{"type": "{kind}", "coordinates": {coordinates}}}'
    odd = f'{{"type": "Feature", "geometry": {geometry}}}'
    path.write_text(f"[{json.dumps(feature())}, {odd}]")

    with pytest.raises(BadInputError, match="object 2 has (coordinates|a geometry that is none)"):
        Detections.read(path)


@pytest.mark.parametrize("measurements", [{"big": 10**400}, [{"name": ["a"], "value": 1}]])
def test_measurements_of_any_size_and_name_are_read(tmp_path: Path, measurements: Any) -> None:
    assert len(read(tmp_path, feature(measurements=measurements)).measurements) == 1


@pytest.mark.parametrize("color", [[1e400, 0, 0], [300, 0, 0], ["a"], [None] * 3, "red", 2**80])
def test_a_colour_that_is_none_is_unknown(tmp_path: Path, color: Any) -> None:
    found = read(tmp_path, feature(color=color, classification={"name": "A", "color": color}))

    assert found.objects.iloc[0][["color", "class_color"]].tolist() == [None, None]


def test_half_a_character_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.geojson").write_text(
        json.dumps(feature(name="NAME")).replace("NAME", r"a\ud800b\ud83d\ude00\\ud800")
    )

    found = Detections.read(tmp_path / "a.geojson")
    found.write(tmp_path / "b.geojson")

    assert found.objects["name"].tolist() == ["a\N{REPLACEMENT CHARACTER}b😀\\ud800"]


def test_gzip_that_unpacks_to_far_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson.gz"
    path.write_bytes(gzip.compress(b" " * 2**28, 1))

    with pytest.raises(BadInputError, match="unpacks to far more than an honest file"):
        Detections.read(path)


def test_measurements_that_differ_in_every_object_do_not_fill_memory(tmp_path: Path) -> None:
    features = [feature(measurements={f"m{n}": 1.0}) for n in range(4_000)]

    with pytest.raises(BadInputError, match="a.geojson|objects.geojson.*different measurements"):
        read(tmp_path, features)
