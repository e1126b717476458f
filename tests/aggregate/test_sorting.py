"""Which sections count, and what is said of the others."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from bridge.aggregate.proportions import make_study
from bridge.aggregate.provenance import notes_of
from bridge.aggregate.sections import SectionCounts
from bridge.aggregate.study import Study

PATTERN = "{clone}_{organoid}_{slice}"


def image(
    name: str, table: str = "all/Raw_classification.csv", **fields: str | tuple[str, ...]
) -> SectionCounts:
    """An image of a joined table, and what the columns of the table say of it."""
    said = {key: (text,) if isinstance(text, str) else text for key, text in fields.items()}
    return SectionCounts(
        table, name.removesuffix("_table.csv"), {"N": 1}, "ilastik", image=name, fields=said
    )


def reasons(study: Study) -> list[str]:
    return study.excluded.loc[study.excluded["What"] == "table", "Reason"].tolist()


class TestTheSameImageTwice:
    def test_in_a_joined_table_and_in_a_table_of_its_own(self) -> None:
        own = SectionCounts("tables/Pa_O1_s1_table.csv", "Pa_O1_s1", {"N": 1})

        study = make_study([image("Pa_O1_s1_table.csv"), image("Pa_O1_s2"), own], pattern=PATTERN)

        assert study.slices["Slice"].tolist() == ["s2"]
        assert reasons(study) == [
            "its image Pa_O1_s1_table.csv is the same section as tables/Pa_O1_s1_table.csv; "
            "keep one of them",
            "is the same section as the image Pa_O1_s1_table.csv in all/Raw_classification.csv; "
            "keep one of them",
        ]

    def test_in_a_joined_table_under_two_names(self) -> None:
        study = make_study([image("Pa_O1_s1_table.csv"), image("Pa_O1_s1")], pattern=PATTERN)

        assert study.slices.empty
        assert reasons(study)[0] == (
            "its image Pa_O1_s1_table.csv is the same section as the image Pa_O1_s1 in "
            "all/Raw_classification.csv; keep one of them"
        )

    def test_in_two_joined_tables(self) -> None:
        tables = [image(f"Pa_O1_s{n}", table) for table in ("a.csv", "b.csv") for n in (1, 2)]

        study = make_study([*tables, image("Pa_O1_s3", "b.csv")], pattern=PATTERN)

        assert study.slices["Slice"].tolist() == ["s3"]
        assert len(reasons(study)) == 4


class TestColumnsThatAreInTheNameToo:
    @pytest.mark.parametrize(
        ("name", "fields"),
        [
            ("Pa_O1_s1", {"clone": "Pa", "organoid": "O1", "slice": "s1"}),
            ("Pa_O1_s1", {"clone": "pa", "slice": "S1"}),
            ("Pa_O1_07", {"slice": "7.0"}),
            ("Pa_O1_s1", {"day": "J70", "genotype": "WT"}),  # nothing of the name
        ],
    )
    def test_they_agree(self, name: str, fields: Mapping[str, str]) -> None:
        study = make_study([image(name, **fields)], pattern=PATTERN)

        assert notes_of(study) == []

    def test_they_contradict_and_the_name_counts(self) -> None:
        images = [
            image("Pa_O1_s1", clone="Pb", slice="s1"),
            image("Pa_O1_s2", clone="Pc", slice=("s2", "s3")),
        ]

        study = make_study(images, pattern=PATTERN)

        assert study.slices[["Clone", "Slice"]].to_numpy().tolist() == [["Pa", "s1"], ["Pa", "s2"]]
        assert notes_of(study) == [
            "Raw_classification.csv has Clone 'Pb' for Pa_O1_s1, whose name says 'Pa' "
            "(and so on for 1 more); the name counts",
            "Raw_classification.csv has Slice 's3' for Pa_O1_s2, whose name says 's2'; "
            "the name counts",
        ]


def test_a_note_on_every_image_of_a_table_is_one_note() -> None:
    images = [
        SectionCounts("a.csv", f"Pa_O1_s{n}", {"N": 1}, notes=("is not compared",)) for n in (1, 2)
    ]

    assert notes_of(make_study(images, pattern=PATTERN)) == ["a.csv is not compared"]
