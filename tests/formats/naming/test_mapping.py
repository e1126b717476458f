"""Looking up further columns by a field."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from bridge.errors import BadInputError
from bridge.formats.naming import parse_map, read_map

GENOTYPES = pd.DataFrame(
    {"Genotype": ["WT", "KO µ"], " CLONE": ["Pa", "12"], "passage_number": [3, 4]}
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_text_in_any_encoding(tmp_path: Path, encoding: str, delimiter: str) -> None:
    path = tmp_path / "genotypes.csv"
    GENOTYPES.to_csv(path, sep=delimiter, index=False, encoding=encoding)

    found = read_map("clone", path)

    assert found.titles == ("Genotype", "Passage number")
    assert found.rows == {"Pa": ("WT", "3"), "12": ("KO µ", "4")}
    assert found.look_up("Px") == ("", "")


def test_an_excel_file(tmp_path: Path) -> None:
    path = tmp_path / "genotypes.xlsx"
    numbers = pd.Series(["Pa", 12.0], dtype=object)
    GENOTYPES.assign(**{" CLONE": numbers}).to_excel(path, index=False)

    assert read_map("Clone", path).rows == {"Pa": ("WT", "3"), "12": ("KO µ", "4")}


def test_what_excel_puts_first_is_no_header(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("sep=;\nClone;Genotype\nPa;WT\n;\nPa;WT\n")

    assert read_map("clone", path).rows == {"Pa": ("WT",)}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"a,b\n1,2\n", "has no column 'Clone'"),
        (b"clone,Clone,b\n1,2,3\n", "has 2 columns 'Clone'"),
        (b"clone\nPa\n", "has nothing beside Clone"),
        (b"clone,g,G\nPa,1,2\n", "has two columns of one name"),
        (b"clone,g\nPa,WT\nPa,KO\n", "says two things of Pa: WT and KO"),
        (b"PK\0\0", "binary file"),
        (b'clone,g\nPa,"WT\nPb,KO\n', "is not a table"),
    ],
)
def test_a_map_that_makes_no_sense_is_explained(
    tmp_path: Path, content: bytes, problem: str
) -> None:
    path = tmp_path / "map.csv"
    path.write_bytes(content)

    with pytest.raises(BadInputError, match=re.escape(problem)):
        read_map("clone", path)


def test_a_file_that_is_no_excel_file(tmp_path: Path) -> None:
    path = tmp_path / "map.xlsx"
    path.write_bytes(b"no zip")

    with pytest.raises(BadInputError, match="is not an Excel file"):
        read_map("clone", path)


def test_options_of_the_command() -> None:
    assert parse_map("Clone=a=b.csv") == ("clone", Path("a=b.csv"))
    for text in ("genotypes.csv", "=a.csv", "clone="):
        with pytest.raises(BadInputError, match="is no field and file"):
            parse_map(text)
