"""Reading tables of other programs."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pandas as pd
import pytest
import shapely

from bridge import Detections
from bridge.aggregate import count_table
from bridge.aggregate.tables import find_tables, read_columns
from bridge.errors import BadInputError
from tests.aggregate.ilastik import ilastik_table

COUNTS = {"Neuron": 30, "Größe/µ": 7, "Dead": 2}


def classes_of(path: Path, **options: str) -> dict[str, int]:
    columns = read_columns(path, **options)
    place = columns.texts.index(columns.layout.classes)
    found: dict[str, int] = {}
    for values, count in columns.tally.counts.items():
        name = values[place].decode("utf-8", errors="surrogateescape")
        found[name] = found.get(name, 0) + count
    return found


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_a_table_in_any_encoding(
    tmp_path: Path, encoding: str, delimiter: str, line_end: str
) -> None:
    path = tmp_path / "a_table.csv"
    text = ilastik_table(COUNTS).to_csv(
        sep=delimiter, decimal="," if delimiter == ";" else ".", index=False, lineterminator="\n"
    )
    path.write_bytes(text.replace("\n", line_end).encode(encoding))

    assert classes_of(path) == COUNTS


def test_quotes_around_everything(tmp_path: Path) -> None:
    path = tmp_path / "a_table.csv"
    counts = {"Neuron, young": 30, 'the "odd"': 7, "two\nlines": 2, "": 4}
    ilastik_table(counts).to_csv(path, index=False, quoting=1)

    assert classes_of(path) == counts


def test_compressed_and_parquet(tmp_path: Path) -> None:
    table = ilastik_table({**COUNTS, "": 3})
    gzipped, parquet = tmp_path / "a.csv.gz", tmp_path / "a.parquet"
    table.to_csv(gzipped, index=False)
    table.astype({"Predicted Class": "category"}).to_parquet(parquet)

    assert classes_of(gzipped) == classes_of(parquet) == {**COUNTS, "": 3}


def test_a_file_that_excel_wrote(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("sep=;\r\nobject_id;Predicted Class;x\r\n0;Größe;1,5\r\n".encode("cp1252"))

    columns = read_columns(path)

    assert list(columns.tally.counts) == [("Größe".encode("cp1252"),)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_first_column_without_a_title(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "a.csv"
    ilastik_table(COUNTS).to_csv(path, sep=delimiter)

    assert classes_of(path) == COUNTS


def test_a_header_with_commas_between_semicolons(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a, b, c, d;Predicted Class;e, f, g\n1;A;2\n")

    assert classes_of(path) == {"A": 1}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"\n\n", "has no header"),
        (b"a,b\n1,2\n", "has no column of classes"),
        (b"Predicted Class,a,Predicted Class\nA,1,B\n", "two columns 'Predicted Class'"),
        (b"label,class,label\n1,A,1\n", "two columns 'label'"),
        (b"labelimage_oid,Predicted Class,labelimage_oid\n1,A,1\n", "two columns 'labelimage_oid'"),
        (b"\xef\xbb\xbf", "has no header"),
        (b"Predicted Class,a,b\nA,1,5,2,5\n", "has a row of 5 cells"),
        (b"Predicted Class,a,b\nA,1,5\nA,1\n", "(row 2)"),
        (b'Predicted Class,a,b\n"A",1\n', "has a row of 2 cells"),
        (b"PK\x03\x04\0\0\0 Predicted Class", "binary file"),
        (b"\x1f\x8b\x08\0 broken", "is damaged"),
        (b"\xff\xfea\0\xd8", "is damaged"),
        (b"value,class\n1,A\n", "lists no objects"),
        (b'Predicted Class,a\nA,"1\nA,2\nA,3\n', "is damaged (a quote is never closed)"),
        (b'Predicted Class,a\nA,"1\nA,2\nA,"3\n', "is damaged (a quote stands in the middle"),
        (b'Predicted Class,a\nA,1"\nA,"2"\nA,3"\n', "is damaged (a quote stands in the middle"),
        (b'Predicted Class,a\n"A"B,1\n', "is damaged (a quote stands in the middle"),
        (b"Predicted Class,a\n" + b"A,1\n" * 2000 + b"A\0,1\n", "is damaged (it holds NUL bytes)"),
        (b"Predicted Class,a\n" + b"A,1\n" * 2000 + b"\0" * 99, "is damaged (it holds NUL bytes)"),
    ],
)
def test_a_file_that_is_no_table_is_explained(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)

    with pytest.raises(BadInputError, match=re.escape(problem)) as refused:
        read_columns(path)

    assert str(refused.value).startswith(str(path))
    assert "\n" not in str(refused.value)


def test_a_quote_that_is_never_closed_hides_no_rows_of_a_large_table(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('Predicted Class,a\nA,"1\n' + "A,2\n" * 1_000_000)

    with pytest.raises(BadInputError, match=r"a\.csv: is (damaged|not a table)"):
        read_columns(path)


@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("zipped", [False, True])
def test_quoted_cells_may_hold_delimiters_quotes_and_line_ends(
    tmp_path: Path, delimiter: str, mark: str, zipped: bool
) -> None:
    path = tmp_path / "a_table.csv"
    counts = {"Neuron;,\t": 3, '"': 2, '"quoted"': 1, "two\nlines\r\n": 4, "": 2}
    table = ilastik_table(counts).rename(columns={"object_id": 'the "first"\ntitle,;'})
    data = (mark + table.to_csv(index=False, sep=delimiter)).encode()
    path.write_bytes(gzip.compress(data) if zipped else data)

    assert classes_of(path) == counts


def test_columns_that_do_not_matter_may_have_one_title(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x,Predicted Class,x\n1,A,2\n")

    assert classes_of(path) == {"A": 1}


def test_a_damaged_parquet_and_a_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "bad.parquet"
    path.write_bytes(b"PAR1 no")

    with pytest.raises(BadInputError, match=r"bad\.parquet: is not a table"):
        read_columns(path)
    with pytest.raises(BadInputError, match="does not exist"):
        read_columns(tmp_path / "none.csv")


def test_a_truncated_archive_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    whole = gzip.compress(ilastik_table({"A": 5000}).to_csv(index=False).encode())
    path.write_bytes(whole[: len(whole) // 2])

    with pytest.raises(BadInputError, match="is damaged"):
        read_columns(path)


def test_another_column_of_classes(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("Predicted Class;my type\nA;B\nA;C\n")

    assert classes_of(path, class_column="my type") == {"B": 1, "C": 1}
    with pytest.raises(BadInputError, match="has no column 'other'; .* Predicted Class, my type"):
        read_columns(path, class_column="other")


def test_a_column_of_numbers_is_no_column_of_classes(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    pd.DataFrame({"Predicted Class": "A", "x": range(40_000)}).to_csv(path, index=False)

    with pytest.raises(BadInputError, match="more than 32768 different classes"):
        read_columns(path, class_column="x")


class TestFindingTables:
    def test_tables_directly_inside_in_natural_order(self, tmp_path: Path) -> None:
        for name in ("s10.csv", "s2.CSV", "s1.tsv", ".s3.csv", "s4_changes.csv", "s5.tif", "b.txt"):
            (tmp_path / name).write_text("x")
        (tmp_path / "s6.csv").mkdir()

        found = find_tables([tmp_path, tmp_path / "s2.CSV", tmp_path / "." / "s5.tif"])

        assert [path.name for path in found] == ["b.txt", "s1.tsv", "s2.CSV", "s10.csv", "s5.tif"]

    def test_what_segment_wrote(self, tmp_path: Path) -> None:
        for name in ("tables/s1.csv", "geojson/s1.geojson"):
            (tmp_path / name).parent.mkdir()
            (tmp_path / name).write_text("x")

        assert find_tables([tmp_path]) == [tmp_path / "tables" / "s1.csv"]
        (tmp_path / "tables" / "s1.csv").unlink()
        assert find_tables([tmp_path]) == [tmp_path / "geojson" / "s1.geojson"]

    def test_a_folder_without_tables_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(BadInputError, match="is a folder without tables"):
            find_tables([tmp_path])
        with pytest.raises(BadInputError, match="does not exist"):
            find_tables([tmp_path / "none"])


def test_an_object_listed_twice_is_found_beside_empty_labels(tmp_path: Path) -> None:
    path = tmp_path / "Pa_s1.csv"
    path.write_text("labelimage_oid,Predicted Class\n1.0,A\n,A\n,B\n1.0,B\n")

    with pytest.raises(BadInputError, match="lists 1 objects twice"):
        count_table(path)


def test_labels_that_are_no_whole_numbers_are_said_not_to_be_checked(tmp_path: Path) -> None:
    path = tmp_path / "Pa_s1.csv"
    path.write_text("labelimage_oid,Predicted Class\n1.5,A\n1.5,B\n")

    [section] = count_table(path)

    assert section.counts == {"A": 1, "B": 1}
    assert "its column 'labelimage_oid' holds other things than whole numbers" in section.notes[0]


def test_classes_that_were_made_harmless_for_spreadsheets_are_counted_as_they_were(
    tmp_path: Path,
) -> None:
    boxes = [shapely.box(x, 0, x + 1, 1) for x in range(3)]
    objects = Detections.from_polygons(boxes, columns={"class": ["=A", "'=A", "-"]})
    objects.write(tmp_path / "Pa_s1.csv")

    assert count_table(tmp_path / "Pa_s1.csv")[0].counts == {"'=A": 1, "-": 1, "=A": 1}
