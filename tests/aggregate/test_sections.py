"""How many objects of each class a section has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
import tifffile

from bridge.aggregate.sections import Reading, count_objects, count_table
from bridge.errors import BadInputError
from tests.aggregate.ilastik import NAME, ilastik_table, joined_table, write_table
from tests.objects import reviewed

COUNTS = {"Neuron": 30, "Dead": 2, "": 5}


def test_an_ilastik_table(tmp_path: Path) -> None:
    (section,) = count_table(write_table(tmp_path, COUNTS))

    assert section.section == NAME
    assert section.counts == COUNTS
    assert (section.kind, section.objects, section.problem) == ("ilastik", 37, "")


def test_detections_and_frames_are_counted_like_their_tables(tmp_path: Path) -> None:
    detections = reviewed()
    written = tmp_path / f"{NAME}.csv"
    detections.write(written)
    geojson = tmp_path / f"{NAME}.geojson"
    detections.write(geojson)

    of_detections = count_objects(detections, NAME)
    (of_csv,) = count_table(written)
    (of_geojson,) = count_table(geojson)

    expected = {"Tumor": 1, "CD3+: T cell": 1, "Zelle µ/Größe": 1, "": 1, "核": 1}
    assert of_detections.counts == of_csv.counts == of_geojson.counts == expected
    assert of_detections.left_out == of_csv.left_out == of_geojson.left_out == 1
    frame = ilastik_table(COUNTS)
    assert count_objects(frame, NAME).counts == COUNTS


def test_tables_appended_to_one_another_are_not_one_section(tmp_path: Path) -> None:
    path = write_table(tmp_path, COUNTS)
    path.write_bytes(path.read_bytes() * 2)

    with pytest.raises(BadInputError, match=r"_table\.csv: repeats its header further down"):
        count_table(path)


def test_numbered_classes_with_gaps_in_a_frame() -> None:
    frame = pd.DataFrame({"class": [1, 2, np.nan, 1]})

    assert count_objects(frame, NAME).counts == {"1": 2, "2": 1, "": 1}


def test_annotations_count_only_if_asked(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text(
        "Image\tObject ID\tObject type\tClassification\n"
        "a.tif\t1\tAnnotation\tRegion\na.tif\t2\tDetection\tNeuron\na.tif\t3\tPathCellObject\tDead\n"
        "a.tif\t4\tPathAnnotationObject\tRegion\n"
    )

    (section,) = count_table(path)
    (everything,) = count_table(path, Reading(annotations=True))

    assert section.counts == {"Neuron": 1, "Dead": 1}
    assert section.left_out == 2
    assert everything.counts == {"Neuron": 1, "Dead": 1, "Region": 2}


def test_a_table_of_annotations_alone_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("Object ID\tObject type\tClassification\n1\tAnnotation\tRegion\n")

    with pytest.raises(BadInputError, match="holds annotations only"):
        count_table(path)


def test_a_table_of_a_whole_project_is_a_section_an_image(tmp_path: Path) -> None:
    path = tmp_path / "measurements.tsv"
    lines = ["Image\tObject ID\tObject type\tClassification"]
    lines += [f"s{n}.ome.tif\t{n}\tDetection\t{c}" for n in (1, 10) for c in ("A", "B", "A")]
    path.write_text("\n".join(lines))

    sections = count_table(path)

    assert [s.section for s in sections] == ["s1", "s10"]
    assert [s.counts for s in sections] == [{"A": 2, "B": 1}] * 2
    assert [s.table for s in sections] == [str(path)] * 2


def test_rows_that_name_no_image_belong_to_the_only_one(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("image,class,object_type\nb.tif,A,cell\n,A,cell\n,B,cell\n,B,annotation\n")

    (section,) = count_table(path)

    assert (section.section, section.image) == ("a", "b.tif")
    assert (section.counts, section.left_out) == ({"A": 2, "B": 1}, 1)


def test_points_and_lines_are_no_cells(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "geometry_type,class,object_type\nPolygon,A,detection\nPoint,A,detection\n"
        "MultiLineString,A,annotation\nMultiPolygon,B,cell\n"
    )

    (section,) = count_table(path)

    assert (section.counts, section.left_out) == ({"A": 1, "B": 1}, 2)


class TestAJoinedTable:
    """A table of the objects of several sections, as a notebook saves it."""

    SECTIONS: ClassVar = {f"Pa_OG1_s{n}": {"Dead": 1, "N": n} for n in (1, 2, 3)}

    @pytest.fixture
    def rows(self) -> pd.DataFrame:
        return joined_table(self.SECTIONS)

    def counted(self, rows: pd.DataFrame, path: Path) -> dict[str, dict[str, int]]:
        rows.to_csv(path, index=False)
        return {section.section: dict(section.counts) for section in count_table(path)}

    def test_every_image_is_a_section(self, rows: pd.DataFrame, tmp_path: Path) -> None:
        path = tmp_path / "Raw_classification_dQ_J70.csv"

        assert self.counted(rows, path) == self.SECTIONS

        sections = count_table(path)
        assert {section.table for section in sections} == {str(path)}
        assert [section.image for section in sections] == [f"{n}_table.csv" for n in self.SECTIONS]
        assert [section.kind for section in sections] == ["ilastik"] * 3
        assert sections[1].fields == {"clone": ("Pa",), "organoid": ("OG1",), "slice": ("s2",)}

    def test_rows_and_columns_in_any_order(self, rows: pd.DataFrame, tmp_path: Path) -> None:
        titles = sorted(map(str, rows), reverse=True)
        mixed = rows.sample(frac=1, random_state=1)[titles]

        assert self.counted(mixed, tmp_path / "a.csv") == self.SECTIONS

    def test_with_the_index_of_pandas(self, rows: pd.DataFrame, tmp_path: Path) -> None:
        path = tmp_path / "a.csv"
        rows.to_csv(path)
        again = pd.read_csv(path)
        assert again.columns[0] == "Unnamed: 0"

        assert self.counted(again, tmp_path / "b.csv") == self.SECTIONS

    @pytest.mark.parametrize(
        "ending", ["", ".tif", ".ome.tif", "_table", "_table.csv", "_labels.h5"]
    )
    @pytest.mark.parametrize("folder", ["", "/data/images/", "D:\\data\\images\\"])
    @pytest.mark.parametrize("title", ["Image_name", "image_name", "image", "Image name"])
    def test_the_image_in_any_spelling(
        self, rows: pd.DataFrame, tmp_path: Path, ending: str, folder: str, title: str
    ) -> None:
        names = folder + rows["Image_name"].str.removesuffix("_table.csv") + ending
        rows = rows.assign(Image_name=names).rename(columns={"Image_name": title})

        assert self.counted(rows, tmp_path / "a.csv") == self.SECTIONS

    def test_a_table_of_a_single_image(self, tmp_path: Path) -> None:
        rows = joined_table({"Pa_OG1_s1": {"N": 4}})

        assert self.counted(rows, tmp_path / "Raw_OG_x.csv") == {"Pa_OG1_s1": {"N": 4}}

    def test_parquet(self, rows: pd.DataFrame, tmp_path: Path) -> None:
        path = tmp_path / "a.parquet"
        rows.astype({"Image_name": "category"}).to_parquet(path)

        assert {s.section: s.counts for s in count_table(path)} == self.SECTIONS

    def test_an_image_that_was_joined_twice_does_not_count(
        self, rows: pd.DataFrame, tmp_path: Path
    ) -> None:
        path = tmp_path / "a.csv"
        pd.concat([rows, rows[rows["Slice"] == "s2"]]).to_csv(path, index=False)

        first, second, third = count_table(path)

        assert (first.problem, third.problem) == ("", "")
        assert (second.section, second.counts) == ("Pa_OG1_s2", {})
        assert second.problem == (
            "lists 3 objects of Pa_OG1_s2_table.csv twice (labelimage_oid 1, 2, 3); "
            "join the tables again, each once"
        )

    def test_labels_that_pandas_made_fractions_of(self, rows: pd.DataFrame, tmp_path: Path) -> None:
        path = tmp_path / "a.csv"
        twice = pd.concat([rows, rows[rows["Slice"] == "s3"]])
        twice.astype({"labelimage_oid": float}).to_csv(path, index=False)

        problems = [section.problem.partition(" of ")[0] for section in count_table(path)]

        assert problems == ["", "", "lists 4 objects"]

    def test_rows_of_no_image_are_no_section(self, rows: pd.DataFrame, tmp_path: Path) -> None:
        path = tmp_path / "a.csv"
        rows.loc[rows["Slice"] == "s1", "Image_name"] = None
        rows.to_csv(path, index=False)

        problems = {section.section: section.problem for section in count_table(path)}

        assert problems == {
            "a": "has 2 objects of no image; fill in the empty cells of its column 'Image_name'",
            "Pa_OG1_s2": "",
            "Pa_OG1_s3": "",
        }

    def test_rows_of_no_image_beside_a_single_one(self, tmp_path: Path) -> None:
        rows = joined_table({"Pa_OG1_s1": {"N": 4}})
        rows.loc[1, "Image_name"] = None
        rows.to_csv(tmp_path / "a.csv", index=False)

        (section,) = count_table(tmp_path / "a.csv")

        assert section.counts == {"N": 4}
        assert section.notes == (
            "has 1 objects of no image, which are counted for Pa_OG1_s1_table.csv",
        )

    def test_time_points_of_an_image(self, rows: pd.DataFrame, tmp_path: Path) -> None:
        path = tmp_path / "a.csv"
        later = rows[rows["Slice"] == "s2"].assign(timestep=1)
        pd.concat([rows, later]).to_csv(path, index=False)

        first, second, third = count_table(path)

        assert first.notes == third.notes == ()
        assert second.counts == {"Dead": 2, "N": 4}
        assert second.notes == (
            "has 2 time points of Pa_OG1_s2_table.csv, which are counted together",
        )

    def test_a_header_in_the_middle(self, rows: pd.DataFrame, tmp_path: Path) -> None:
        path = tmp_path / "a.csv"
        path.write_text(rows.to_csv(index=False) * 2)

        with pytest.raises(BadInputError, match="repeats its header further down"):
            count_table(path)

    def test_a_data_frame_is_not_taken_for_one_section(self, rows: pd.DataFrame) -> None:
        with pytest.raises(BadInputError, match=r"objects of 3 images \(column 'Image_name'\)"):
            count_objects(rows, "Pa_OG1_s1")

        one = rows[rows["Slice"] == "s1"]
        assert count_objects(one, "Pa_OG1_s1").counts == {"Dead": 1, "N": 1}


def test_classes_that_were_reviewed_in_fiji(tmp_path: Path) -> None:
    path = tmp_path / f"{NAME}_rois.zip"
    detections = reviewed()
    detections.write(path)

    (section,) = count_table(path)

    assert section.section == NAME
    assert section.counts == count_objects(detections, NAME).counts


def test_user_labels_count_over_predictions_only_if_asked(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "labelimage_oid,User Label,Predicted Class\n1,,A\n2,B,A\n3,none,A\n4,None,B\n5,0,B\n6,A,A\n"
    )

    assert count_table(path)[0].counts == {"A": 4, "B": 2}
    assert count_table(path, Reading(user_labels=True))[0].counts == {"A": 3, "B": 3}


def test_an_empty_table_is_a_problem(tmp_path: Path) -> None:
    path = write_table(tmp_path, {})

    with pytest.raises(BadInputError, match=r"_table\.csv: has no rows"):
        count_table(path)


def test_objects_that_stand_there_twice_are_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    table = ilastik_table({"A": 10, "B": 5})
    pd.concat([table, table[3:5]]).to_csv(path, index=False)

    with pytest.raises(BadInputError, match=r"lists 2 objects twice \(labelimage_oid 4, 5\)"):
        count_table(path)


def test_time_points_are_counted_together_and_said(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    table = ilastik_table({"A": 10})
    pd.concat([table, table.assign(timestep=1)]).to_csv(path, index=False)

    (section,) = count_table(path)

    assert section.counts == {"A": 20}
    assert section.notes == ("has 2 time points, which are counted together",)


class TestComparingWithTheLabelImage:
    @pytest.fixture
    def labels(self, tmp_path: Path) -> Path:
        """A label image with the labels 1 to 40."""
        path = tmp_path / f"{NAME}_labels.tif"
        tifffile.imwrite(path, np.arange(41, dtype=np.uint16).repeat(41).reshape(41, 41))
        return path

    def test_all_is_well(self, tmp_path: Path, labels: Path) -> None:
        (section,) = count_table(write_table(tmp_path, {"A": 40}), labels=labels)

        assert section.notes == ()

    def test_objects_that_are_missing_are_said(self, tmp_path: Path, labels: Path) -> None:
        (section,) = count_table(write_table(tmp_path, {"A": 37}), labels=labels)

        assert section.counts == {"A": 37}
        assert section.notes == (f"lacks 3 of the 40 objects of {labels.name}",)

    def test_a_table_of_another_image_is_a_problem(self, tmp_path: Path, labels: Path) -> None:
        table = write_table(tmp_path, {"A": 40}, first=3)

        problem = rf"lists 2 objects that are not in {NAME}_labels\.tif \(41, 42\)"
        with pytest.raises(BadInputError, match=problem):
            count_table(table, labels=labels)

    def test_a_table_without_labels_cannot_be_compared(self, tmp_path: Path, labels: Path) -> None:
        path = tmp_path / "a.csv"
        path.write_text("Predicted Class\nA\nB\n")

        (section,) = count_table(path, labels=labels)

        assert "cannot be compared" in section.notes[0]


def test_counts_can_be_written_as_json(tmp_path: Path) -> None:
    (section,) = count_table(write_table(tmp_path, COUNTS))

    assert json.loads(json.dumps(dict(section.counts))) == COUNTS
