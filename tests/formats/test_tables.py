"""Tables for people and programs."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
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
        ("a.csv", b"\xff\xfe\x00\x01\x02", "is damaged"),
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


# ---- what went through a spreadsheet ------------------------------------------------------------


def edited(tmp_path: Path, column: str, value: str) -> Path:
    """A table of two objects in which somebody overwrote a column's cell of the second one."""
    boxes = [shapely.box(0, 0, 2, 2), shapely.box(4, 4, 6, 6)]
    Detections.from_polygons(boxes, columns={"Area": [1.5, 2.5]}).write(tmp_path / "t.csv")
    frame = pd.read_csv(tmp_path / "t.csv", dtype=str, keep_default_na=False)
    frame.loc[1, column] = value
    frame.to_csv(tmp_path / "edited.csv", index=False)
    return tmp_path / "edited.csv"


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("z", "", "has nothing in row 2 of the column 'z'"),
        ("t", "first", "has 'first' in row 2 of the column 't'"),
        ("c", "0.5", "has '0.5' in row 2 of the column 'c'"),
        ("z", "9" * 40, "has '9{40}' in row 2 of the column 'z'"),
        ("label", "abc", "has 'abc' in row 2 of the column 'label'"),
        ("prob", "high", "has 'high' in row 2 of the column 'prob'"),
        ("locked", "perhaps", "has 'perhaps' in row 2 of the column 'locked'"),
        ("color", "red", "has the colour 'red', which is none"),
        ("object_type", "nucleus", "has objects of the unknown type 'nucleus'"),
        ("outline", "POLYGON ((0 0, 1 1, nan 3, 0 0))", "object 2 has coordinates"),
        ("outline", "POLYGON ((0 0, 1 1, 1e300 3, 0 0))", "object 2 has coordinates"),
    ],
)
def test_a_cell_that_does_not_fit_is_named(
    tmp_path: Path, column: str, value: str, problem: str
) -> None:
    with pytest.raises(BadInputError, match=f"edited.csv: .*{problem}"):
        Detections.read(edited(tmp_path, column, value))


@pytest.mark.parametrize("value", ["", "POLYGON EMPTY", "POINT (1 1)"])
def test_an_object_without_an_area_is_left_out(
    tmp_path: Path, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    found = Detections.read(edited(tmp_path, "outline", value))

    assert len(found) == 1
    assert "1 objects enclose no area and were left out" in caplog.text


@pytest.mark.parametrize("title", ["nucleus", "geometry"])
def test_a_column_that_somebody_added_may_be_called_like_an_outline(
    tmp_path: Path, square: Detections, title: str
) -> None:
    square.write(tmp_path / "a.csv")
    for value, kind in ((7.5, "measurement"), ("seen", "metadata")):
        pd.read_csv(tmp_path / "a.csv").assign(**{title: value}).to_csv(
            tmp_path / "b.csv", index=False
        )
        found = Detections.read(tmp_path / "b.csv")
        assert found.objects[f"{title} ({kind})"].tolist() == [value]


def test_a_word_among_measurements_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = edited(tmp_path, "Area", "much")
    frame = pd.read_csv(path)
    pd.concat([frame, frame.iloc[:1], frame.iloc[:1]]).to_csv(path, index=False)

    assert Detections.read(path).metadata == ["Area"]
    assert "the column 'Area' is read as text, since it holds 'much' in row 2" in caplog.text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_every_encoding_and_delimiter_of_excel_is_read(
    tmp_path: Path, encoding: str, delimiter: str
) -> None:
    objects = Detections.from_polygons(
        [shapely.box(0, 0, 2, 2)], columns={"class": ["Zelle µ"], "prob": [0.5], "locked": [True]}
    )
    objects.write(tmp_path / "a.csv")
    frame = pd.read_csv(tmp_path / "a.csv")
    frame["locked"] = "WAHR" if delimiter == ";" else "TRUE"
    frame.to_csv(
        tmp_path / "b.csv",
        sep=delimiter,
        encoding=encoding,
        index=False,
        decimal="," if delimiter == ";" else ".",
    )

    found = Detections.read(tmp_path / "b.csv").objects.iloc[0]

    assert found[["class", "prob", "locked"]].tolist() == ["Zelle µ", 0.5, True]
    assert found.geometry.bounds == (0, 0, 2, 2)


def test_blank_rows_of_excel_are_no_objects(tmp_path: Path, square: Detections) -> None:
    square.write(tmp_path / "a.csv")
    columns = len(pd.read_csv(tmp_path / "a.csv").columns)
    with (tmp_path / "a.csv").open("a") as stream:
        stream.write("," * (columns - 1) + "\n")

    assert Detections.read(tmp_path / "a.csv").ids == square.ids


def test_a_row_that_is_cut_short_is_refused(tmp_path: Path, square: Detections) -> None:
    square.write(tmp_path / "a.csv")
    (tmp_path / "a.csv").write_text((tmp_path / "a.csv").read_text() + "a,b\n")

    with pytest.raises(BadInputError, match=r"a row of 2 cells .* \(row 2\)"):
        Detections.read(tmp_path / "a.csv")


# ---- formulas ----------------------------------------------------------------------------------

FORMULAS = ("=", "+", "-", "@", "\t", "\r")
DANGEROUS = ("=1+1", "+1", "-Neuron", "@SUM(A1)", "\t=1", "\r=1", "'=1", "''-", "'tis", "'")


@pytest.mark.parametrize("ending", [".csv", ".tsv"])
def test_no_text_of_a_table_is_a_formula_and_each_is_read_back(tmp_path: Path, ending: str) -> None:
    boxes = [shapely.box(x, 0, x + 1, 1) for x in range(len(DANGEROUS))]
    columns = {"class": DANGEROUS, "name": DANGEROUS, "=note": DANGEROUS, "-p": -1.5}
    objects = Detections.from_polygons(boxes, columns=columns)
    objects.image = ImageInfo(name="=section")
    path = tmp_path / f"a{ending}"

    objects.write(path)

    rows = list(csv.reader(path.open(newline=""), delimiter="," if ending == ".csv" else "\t"))
    number = rows[0].index("'-p")
    cells = [c for row in rows for c in (*row[:number], *row[number + 1 :])]
    # the channel of objects that belong to all channels is -1
    assert not [cell for cell in cells if cell.startswith(FORMULAS) and cell != "-1"]
    assert {row[number] for row in rows[1:]} == {"-1.5"}
    found = Detections.read(path)
    for column in ("class", "name", "=note"):
        assert found.objects[column].tolist() == list(DANGEROUS)
    assert found.objects["-p"].tolist() == [-1.5] * len(DANGEROUS)
    assert found.image.name == "=section"


# ---- Parquet of other programs ------------------------------------------------------------------


def test_classes_that_are_numbers_in_parquet_are_texts(tmp_path: Path, square: Detections) -> None:
    square.write(tmp_path / "a.parquet")
    frame = gpd.read_parquet(tmp_path / "a.parquet")
    frame["class"] = [3.0]
    frame["nucleus"] = [1.5]
    frame.to_parquet(tmp_path / "b.parquet")

    found = Detections.read(tmp_path / "b.parquet")

    assert found.objects["class"].tolist() == ["3"]
    assert found.objects["nucleus (measurement)"].tolist() == [1.5]


def test_parquet_that_unpacks_to_far_too_much_is_refused(tmp_path: Path) -> None:
    table = pa.table({"x": pa.array(np.zeros(20_000_000))})
    pq.write_table(table, tmp_path / "a.parquet", compression="zstd", use_dictionary=False)

    with pytest.raises(BadInputError, match="unpacks to far more than an honest file"):
        Detections.read(tmp_path / "a.parquet")


def test_a_title_of_any_length_is_not_multiplied_by_the_columns(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"outline,{'x' * 5_000}\n\n")

    with pytest.raises(BadInputError, match="has a title of 5,000 letters; export it again"):
        Detections.read(tmp_path / "a.csv")


def test_geoparquet_with_metadata_of_any_length_is_refused(
    tmp_path: Path, square: Detections
) -> None:
    square.write(tmp_path / "a.parquet")
    table = pq.read_table(tmp_path / "a.parquet")
    about = json.loads(table.schema.metadata[b"geo"])
    about["columns"]["geometry"]["crs"] = "x" * 70_000
    metadata = {**table.schema.metadata, b"geo": json.dumps(about).encode()}
    pq.write_table(table.replace_schema_metadata(metadata), tmp_path / "b.parquet")

    with pytest.raises(BadInputError, match=r"b.parquet: has far too much metadata; export it"):
        Detections.read(tmp_path / "b.parquet")
