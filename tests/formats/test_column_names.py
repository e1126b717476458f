"""Measurements and metadata that are called like columns of every table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import Detections
from bridge.formats.column_names import (
    TAKEN,
    measurement_column,
    measurement_name,
    metadata_column,
    metadata_name,
)
from bridge.formats.geojson import measurement_of_qupath, qupath_measurement

SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [9, 0], [9, 9], [0, 9], [0, 0]]]}
OF_TABLES = ("image", "outline", "nucleus_outline", "geometry_type", "area_px", "centroid_x_um")
NAMES = [
    *sorted(TAKEN),
    *OF_TABLES,
    "z (measurement)",
    "area_px (measurement)",
    "Label (measurement)",
]
PARTS = st.lists(
    st.sampled_from(["z", "Label", "class", "Area", " (measurement)", " (metadata)"]), max_size=4
).map("".join)


def read(path: Path, **properties: Any) -> Detections:
    feature = {"type": "Feature", "geometry": SQUARE, "properties": properties}
    path.write_text(json.dumps(feature))
    return Detections.read(path)


def properties_of(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())["features"][0]["properties"]
    return found


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".parquet", ".zip", ".geojson"])
@pytest.mark.parametrize("name", NAMES)
def test_a_measurement_of_any_name_is_kept_through_every_format(
    tmp_path: Path, name: str, ending: str
) -> None:
    objects = read(tmp_path / "in.geojson", measurements={"Label": 3, name: 7.5})

    objects.write(tmp_path / f"via{ending}")
    found = Detections.read(tmp_path / f"via{ending}")
    found.write(tmp_path / "out.geojson")

    assert found.measurements == objects.measurements == [measurement_of_qupath(name)]
    assert properties_of(tmp_path / "out.geojson")["measurements"][name] == 7.5
    assert found.objects["z"].tolist() == [0]
    assert found.objects["class"].tolist() == [None]


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".zip", ".geojson"])
@pytest.mark.parametrize("name", NAMES)
def test_metadata_of_any_name_is_kept_through_every_format(
    tmp_path: Path, name: str, ending: str
) -> None:
    objects = read(tmp_path / "in.geojson", metadata={name: "a note"})

    objects.write(tmp_path / f"via{ending}")
    found = Detections.read(tmp_path / f"via{ending}")
    found.write(tmp_path / "out.geojson")

    assert properties_of(tmp_path / "out.geojson")["metadata"] == {name: "a note"}


def test_metadata_called_like_a_measurement_is_kept_beside_it(tmp_path: Path) -> None:
    objects = read(tmp_path / "in.geojson", measurements={"Area": 5.0}, metadata={"Area": "large"})

    objects.write(tmp_path / "out.geojson")

    assert objects.objects[["Area", "Area (metadata)"]].iloc[0].tolist() == [5.0, "large"]
    written = properties_of(tmp_path / "out.geojson")
    assert written["metadata"] == {"Area": "large"}
    assert written["measurements"]["Area"] == 5.0


@given(PARTS)
def test_each_name_has_a_column_of_its_own(name: str) -> None:
    assert measurement_name(measurement_column(name)) == name
    assert metadata_name(metadata_column(name)) == name
    assert measurement_column(name) not in TAKEN
    assert qupath_measurement(measurement_of_qupath(name)) == name or name in (
        "Label",  # fields of ours in QuPath
        "Detection probability",
    )
