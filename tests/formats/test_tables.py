"""Tables for people and programs."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from bridge import Detections, ImageInfo
from bridge.errors import BadInputError
from tests.objects import reviewed


def test_areas_and_centroids_are_in_pixels_and_micrometres(
    tmp_path: Path, square: Detections
) -> None:
    square.write(tmp_path / "square.csv")
    row = pd.read_csv(tmp_path / "square.csv").iloc[0]

    assert row[["area_px", "centroid_x_px", "centroid_y_px"]].tolist() == [6, 6.5, 4]
    assert row[["area_um2", "centroid_x_um", "centroid_y_um"]].tolist() == [1.5, 3.25, 2]
    assert row["image"] == "square"


def test_a_new_image_does_not_inherit_old_areas(tmp_path: Path, square: Detections) -> None:
    square.write(tmp_path / "square.csv")

    found = Detections.read(tmp_path / "square.csv", image=ImageInfo(name="other"))

    assert found.measurements == []


def test_outlines_may_be_left_out_for_a_spreadsheet(tmp_path: Path, square: Detections) -> None:
    square.write(tmp_path / "plain.csv", outlines=False)

    assert "outline" not in pd.read_csv(tmp_path / "plain.csv").columns
    with pytest.raises(BadInputError, match="has no column 'outline'"):
        Detections.read(tmp_path / "plain.csv")


def test_a_class_may_be_called_na(tmp_path: Path) -> None:
    boxes = [shapely.box(0, 0, 1, 1), shapely.box(2, 2, 3, 3)]
    Detections.from_polygons(boxes, columns={"class": ["NA", None]}).write(tmp_path / "a.csv")

    assert Detections.read(tmp_path / "a.csv").objects["class"].tolist() == ["NA", None]


def test_parquet_is_geoparquet(tmp_path: Path) -> None:
    reviewed().write(tmp_path / "a.parquet")

    assert gpd.read_parquet(tmp_path / "a.parquet").geometry.area.sum() > 0


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"id,outline\nx,POLYGON((0 0))\n", "has an outline that is none"),
        ("a.csv", b"\xff\xfe\x00\x01\x02", "is not a table"),
        ("a.parquet", b"PAR1 no", "is not GeoParquet"),
        ("a.tsv", b"", "is empty"),
    ],
)
def test_what_is_no_table_is_said(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(BadInputError, match=message):
        Detections.read(tmp_path / name)


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet"])
def test_channels_without_a_name_count_from_1_whoever_wrote_the_table(
    tmp_path: Path, ending: str
) -> None:
    old = {"Nucleus: C0: Mean": [10.0], "Nucleus: C1: Mean": [20.0], "Nucleus: 488: Mean": [5.0]}
    objects = Detections.from_polygons([shapely.box(0, 0, 2, 2)], columns=old)
    path = tmp_path / f"old.{ending}"
    objects.write(path)

    new = ["Nucleus: C1: Mean", "Nucleus: C2: Mean", "Nucleus: 488: Mean"]
    found = Detections.read(path)
    assert found.objects[new].to_numpy().tolist() == [[10, 20, 5]]
    assert found.measurements == new

    again = tmp_path / f"new.{ending}"
    found.write(again)
    assert Detections.read(again).measurements == new
    named = ImageInfo(channels=("C0", "C1", "488"))  # so the file itself calls them
    assert Detections.read(path, image=named).measurements == [*old]
