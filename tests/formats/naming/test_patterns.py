"""What file names say."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import BadInputError
from bridge.formats.naming import (
    PUBLISHED_PATTERN,
    NamePattern,
    base_name,
    field_title,
    natural_key,
)

NAME = "Pa_dQ_J70_SNd2T_20Xa_g1dt08_OG1_s1"


@pytest.mark.parametrize(
    "ending",
    [
        ".tif",
        ".ome.tif",
        "_table.csv",
        "_Table.CSV",
        "-image_table.csv",
        "_labels-labels_table.csv",
        "-exported_data_table.csv",
        "_Object Predictions.h5",
        "_Object_Predictions_table.csv",
        ".JPG_table.csv",
        "_labels.tif",
        "_labels.h5",
        "_rois.zip",
        "_measurements.parquet",
        "_table.csv.gz",
        "_reviewed_CSV.tsv",
        ".geojson.gz",
        "",
    ],
)
def test_what_programs_append_is_set_aside(ending: str) -> None:
    assert base_name(f"/data/some_table.d/{NAME}{ending}") == NAME


def test_a_name_is_never_set_aside_altogether() -> None:
    assert base_name("table.csv") == "table"
    assert base_name(".csv") == ".csv"


def test_dots_and_words_within_a_name_belong_to_it() -> None:
    assert base_name("day 1.5_table_s2.tif") == "day 1.5_table_s2"


def test_a_published_name_falls_into_its_fields() -> None:
    found = NamePattern.parse(PUBLISHED_PATTERN).match(NAME)

    assert found == {
        "clone": "Pa",
        "diff": "dQ",
        "day": "J70",
        "immuno": "SNd2T",
        "objective": "20Xa",
        "imaging": "g1dt08",
        "organoid": "OG1",
        "slice": "s1",
    }


@pytest.mark.parametrize("name", [NAME + "_x", NAME.rpartition("_")[0], "", NAME + "_", "__", "a"])
def test_more_or_fewer_separators_do_not_fit(name: str) -> None:
    assert NamePattern.parse(PUBLISHED_PATTERN).match(name) is None


def test_separators_may_be_any_text() -> None:
    pattern = NamePattern.parse("exp {Clone} (day {day})-{organoid}_s{slice}.x")

    found = pattern.match("exp Pa.1 (day 70)-OG_s1_s3.x")

    assert pattern.fields == ("clone", "day", "organoid", "slice")
    assert found is None  # the organoid holds its own separator
    assert pattern.match("exp Pa.1 (day 70)-OG1_s3.x") == {
        "clone": "Pa.1",
        "day": "70",
        "organoid": "OG1",
        "slice": "3",
    }


def test_a_regular_expression_with_named_groups() -> None:
    pattern = NamePattern.parse(r"(?P<Clone>P[ab])-?(?P<day>J\d+)?_(?P<slice>.*)")

    assert pattern.fields == ("clone", "day", "slice")
    assert pattern.match("Pa-J7_s_1") == {"clone": "Pa", "day": "J7", "slice": "s_1"}
    assert pattern.match("Pb_s1") == {"clone": "Pb", "day": "", "slice": "s1"}
    assert pattern.match("Pc_s1") is None


def test_groups_without_a_name_are_no_fields() -> None:
    pattern = NamePattern.parse(r"(Pa|Pb)_(?P<slice>s\d+)")

    assert pattern.match("Pa_s2") == {"slice": "s2"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "has no field"),
        ("name", "has no field"),
        ("{clone}{day}", "has nothing between 'clone' and 'day'"),
        ("{clone}_{day", "without its partner"),
        ("{clone}_}", "without its partner"),
        ("{clone}_{Clone}", "has the field 'clone' twice"),
        ("{}_{day}", "has a field called ''"),
        ("{1}_{day}", "has a field called '1'"),
        ("(?P<clone>[)", "is no regular expression"),
        ("(?P<clone>a)(?P<clone>b)", "is no regular expression"),
    ],
)
def test_a_pattern_that_makes_no_sense_is_explained(text: str, problem: str) -> None:
    with pytest.raises(BadInputError, match=re.escape(problem)):
        NamePattern.parse(text)


VALUES = st.text(st.characters(exclude_characters="_", codec="utf-8"), min_size=1)


@given(st.lists(VALUES, min_size=1, max_size=6))
def test_joined_values_are_found_again(values: list[str]) -> None:
    fields = [f"f{number}" for number in range(len(values))]
    pattern = NamePattern.parse("_".join(f"{{{field}}}" for field in fields))

    assert pattern.match("_".join(values)) == dict(zip(fields, values, strict=True))


def test_titles_and_natural_order() -> None:
    assert [field_title(f) for f in ("clone", "staining_round")] == ["Clone", "Staining round"]
    assert sorted(["s10", "s2", "S1", "²"], key=natural_key) == ["S1", "s2", "s10", "²"]
