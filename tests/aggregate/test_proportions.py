"""From counts of sections to organoids and conditions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from bridge.aggregate import ClassRules, FieldMap, SectionCounts, Study, make_study, notes_of
from bridge.aggregate.files import write_tables
from bridge.errors import BadInputError

GENOTYPES = FieldMap("lists/genotypes.csv", "clone", ("Genotype",), {"Pa": ("WT",), "Pb": ("KO",)})
PLAIN = "{clone}_{organoid}_{slice}"


def section(name: str, counts: dict[str, int] | None = None, **options: Any) -> SectionCounts:
    counts = {"Neuron": 6, "Dead": 2, "": 2} if counts is None else counts
    return SectionCounts(f"folder/{name}_table.csv", name, counts, **options)


def sections(organoids: Sequence[str], slices: int = 2) -> list[SectionCounts]:
    return [section(f"{name}_s{n}") for name in organoids for n in range(1, slices + 1)]


def rows(frame: pd.DataFrame, *columns: str) -> list[tuple[Any, ...]]:
    return list(frame[list(columns)].itertuples(index=False, name=None))


def reasons(study: Study, what: str) -> dict[str, str]:
    frame = study.excluded[study.excluded["What"] == what]
    return dict(zip(frame["Table"], frame["Reason"], strict=True))


def test_columns_are_those_of_the_published_tables() -> None:
    name = "Pa_dQ_J70_SNd2T_20Xa_g1dt08_OG1_s1"
    rules = ClassRules(dead=("Dead",))

    study = make_study([section(name)], maps=[GENOTYPES], classes=rules)

    fields = ["Clone", "Genotype", "Diff", "Day", "Immuno", "Organoid", "Slice"]
    numbers = ["Neuron", "Dead", "Unclassified", "Total"]
    numbers += ["Proportion of Neuron", "Proportion of Dead", "Proportion of Unclassified"]
    numbers += ["Proportion of Neuron without dead", "Proportion of Unclassified without dead"]
    assert list(study.slices) == [*fields, *numbers, "Objective", "Imaging", "Table"]
    organoid = [*fields[:-1], *numbers, "Objective", "Imaging", "Slices"]
    assert list(study.organoids) == list(study.curated) == organoid
    assert list(study.excluded) == ["Table", *fields, "What", "Reason"]
    assert study.fields == tuple(fields)
    assert (study.summed, study.extra) == (("Slice",), ("Objective", "Imaging"))
    assert study.slices.iloc[0].tolist() == [
        *["Pa", "WT", "dQ", "J70", "SNd2T", "OG1", "s1"],
        *[6, 2, 2, 10, 0.6, 0.2, 0.2, 0.75, 0.25],
        *["20Xa", "g1dt08", f"{name}_table.csv"],
    ]
    assert study.organoids["Slices"].tolist() == [1]


def test_an_organoid_is_the_sum_of_its_slices_and_not_their_mean() -> None:
    study = make_study(
        [section("Pa_O1_s1", {"A": 1, "B": 9}), section("Pa_O1_s2", {"A": 90})], pattern=PLAIN
    )

    assert rows(study.organoids, "A", "B", "Total", "Slices") == [(91, 9, 100, 2)]
    assert study.organoids["Proportion of A"].tolist() == [0.91]


def test_rows_stand_in_natural_order() -> None:
    names = ["Pa_O10_s1", "Pb_O2_s1", "Pa_O2_s10", "Pa_O2_s9"]

    study = make_study([section(name) for name in names], pattern=PLAIN)

    assert rows(study.slices, "Clone", "Organoid", "Slice") == [
        ("Pa", "O2", "s9"),
        ("Pa", "O2", "s10"),
        ("Pa", "O10", "s1"),
        ("Pb", "O2", "s1"),
    ]


def test_dead_cells_in_and_out_of_the_denominator() -> None:
    rules = ClassRules(dead=("Dead", "Pyknotic"))
    counts = [
        section("Pa_O1_s1", {"Neuron": 3, "": 1, "Dead": 4, "Pyknotic": 2}),
        section("Pa_O2_s1", {"Dead": 4}),
    ]

    study = make_study(counts, pattern=PLAIN, classes=rules)

    assert study.dead == ("Dead", "Pyknotic")
    first, second = study.organoids.to_dict("records")
    assert first["Proportion of Neuron"] == 0.3
    assert first["Proportion of Neuron without dead"] == 0.75
    assert "Proportion of Dead without dead" not in first
    assert second["Proportion of Dead"] == 1
    assert np.isnan(second["Proportion of Neuron without dead"])
    means = study.conditions.set_index(["Cells", "Class"])
    assert means.loc[("without dead", "Neuron"), "n"] == 1
    assert means.loc[("all", "Neuron"), "n"] == 2


def test_classes_are_merged_dropped_and_the_unstained_kept() -> None:
    rules = ClassRules(
        rename={"1": "Neuron"}, merge={"NeuN": "Neuron"}, drop=("Debris",), unclassified="Unstained"
    )
    counts = [section("Pa_O1_s1", {"1": 3, "NeuN": 4, "Debris": 5, "": 6})]

    study = make_study(counts, pattern=PLAIN, classes=rules)

    assert study.classes == ("Neuron", "Unstained")
    assert rows(study.slices, "Neuron", "Unstained", "Total") == [(7, 6, 13)]
    told = dict(zip(study.parameters["Parameter"], study.parameters["Value"], strict=True))
    assert told["Dropped classes"] == "Debris: 5 objects"
    assert told["Objects"] == "18"
    assert told["Renamed and merged classes"] == "1 → Neuron, NeuN → Neuron"


class TestWhatDoesNotCount:
    def test_a_name_that_does_not_fit_is_listed(self) -> None:
        study = make_study([section("Pa_O1_s1"), section("odd")], pattern=PLAIN)

        assert len(study.slices) == 1
        (reason,) = reasons(study, "table").values()
        assert reason == "the name 'odd' does not fit the pattern {clone}_{organoid}_{slice}"

    def test_the_image_says_the_name_where_the_table_does_not(self) -> None:
        counts = [section("odd", image="Pa_O1_s1.ome.tif")]

        assert rows(make_study(counts, pattern=PLAIN).slices, "Slice") == [("s1",)]

    def test_two_tables_of_one_section_are_both_left_out(self) -> None:
        twice = SectionCounts("other/Pa_O1_s1.tsv", "Pa_O1_s1", {"Neuron": 1})

        study = make_study([section("Pa_O1_s1"), twice, section("Pa_O1_s2")], pattern=PLAIN)

        assert rows(study.slices, "Slice") == [("s2",)]
        assert reasons(study, "table") == {
            "Pa_O1_s1_table.csv": "is the same section as other/Pa_O1_s1.tsv; keep one of them",
            "Pa_O1_s1.tsv": "is the same section as folder/Pa_O1_s1_table.csv; keep one of them",
        }

    def test_sections_that_differ_in_their_imaging_only_are_said_to(self) -> None:
        counts = [section("Pa_g1_O1_s1"), section("Pa_g2_O1_s1")]

        study = make_study(counts, pattern="{clone}_{imaging}_{organoid}_{slice}")
        both = make_study(counts, pattern="{clone}_{microscope}_{organoid}_{slice}")

        assert len(study.slices) == 0
        assert "but for Imaging" in next(iter(reasons(study, "table").values()))
        assert rows(both.slices, "Microscope", "Organoid") == [("g1", "O1"), ("g2", "O1")]

    def test_a_table_that_could_not_be_read(self) -> None:
        broken = SectionCounts("a/Pa_O1_s1.csv", "Pa_O1_s1", problem="is damaged")

        study = make_study([broken, section("Pa_O1_s2")], pattern=PLAIN)

        (line,) = study.excluded.to_dict("records")
        assert line == {
            "Table": "Pa_O1_s1.csv",
            "Clone": "Pa",
            "Organoid": "O1",
            "Slice": "s1",
            "What": "table",
            "Reason": "is damaged",
        }

    def test_too_few_slices(self) -> None:
        counts = [*sections(["Pa_O1"], 4), *sections(["Pa_O2"], 3)]

        study = make_study(counts, pattern=PLAIN, min_slices=4)

        assert rows(study.organoids, "Organoid", "Slices") == [("O1", 4), ("O2", 3)]
        assert rows(study.curated, "Organoid", "Slices") == [("O1", 4)]
        assert rows(study.excluded, "Organoid", "What", "Reason") == [
            ("O2", "organoid", "has 3 of at least 4 slices")
        ]

    def test_a_clone_without_genotype(self) -> None:
        counts = sections(["Pa_O1", "Px_O1"])

        study = make_study(counts, pattern=PLAIN, maps=[GENOTYPES])

        assert rows(study.organoids, "Clone", "Genotype") == [("Pa", "WT"), ("Px", "")]
        assert rows(study.curated, "Clone") == [("Pa",)]
        assert set(study.conditions["Genotype"]) == {"WT"}
        assert reasons(study, "slice") == dict.fromkeys(
            ["Px_O1_s1_table.csv", "Px_O1_s2_table.csv"], "genotypes.csv has no clone 'Px'"
        )
        assert list(reasons(study, "organoid").values()) == ["its condition is not known"]
        assert notes_of(study) == [
            "genotypes.csv has no clone 'Px': 2 slices belong to no condition",
            "class 'Dead' counts as living; give --dead 'Dead' if it is not",
        ]

    def test_no_table_at_all_is_an_empty_study(self) -> None:
        study = make_study([section("odd")], maps=[GENOTYPES])

        assert [len(f) for f in (study.slices, study.organoids, study.curated)] == [0, 0, 0]
        assert len(study.excluded) == 1
        assert list(study.conditions) == ["Genotype", "Class", "Cells", "n", "mean", "sd", "sem"]


class TestFields:
    def test_other_fields_stand_before_the_organoid(self) -> None:
        pattern = "{slice}-{plate}-{organoid}-{day}-{well}"

        study = make_study([section("s1-p1-O1-J7-A1")], pattern=pattern)

        assert study.fields == ("Day", "Plate", "Well", "Organoid", "Slice")

    def test_what_is_mapped_stands_behind_its_field(self) -> None:
        origin = FieldMap("o.csv", "imaging", ("Room",), {"g1": ("12",)})
        cut = FieldMap("c.csv", "slice", ("Depth", "Knife"), {"s1": ("5", "new")})
        maps = [GENOTYPES, origin, cut]

        study = make_study(
            [section("Pa_g1_O1_s1")], pattern="{clone}_{imaging}_{organoid}_{slice}", maps=maps
        )

        assert study.fields == ("Clone", "Genotype", "Organoid", "Slice", "Depth", "Knife")
        assert study.summed == ("Slice", "Depth", "Knife")
        assert study.extra == ("Imaging", "Room")
        assert study.condition_fields == ("Genotype",)

    def test_several_images_of_one_organoid_are_all_said(self) -> None:
        counts = [section("Pa_g1_O1_s1"), section("Pa_g2_O1_s2"), section("Pa_g1_O1_s3")]

        study = make_study(counts, pattern="{clone}_{imaging}_{organoid}_{slice}")

        assert rows(study.organoids, "Imaging", "Slices") == [("g1, g2", 3)]

    def test_sums_over_several_fields_or_none(self) -> None:
        counts = sections(["Pa_O1", "Pa_O2"])

        clones = make_study(counts, pattern=PLAIN, sum_over=["organoid", "Slice"])
        slices = make_study(counts, pattern=PLAIN, sum_over=[])

        assert rows(clones.organoids, "Clone", "Total", "Slices") == [("Pa", 40, 4)]
        assert rows(slices.organoids, "Slice", "Slices") == [("s1", 1), ("s2", 1)] * 2

    @pytest.mark.parametrize(
        ("names", "options", "expected"),
        [
            (["Pa_J7_a_O1_s1"], {}, ("Clone",)),
            (["Pa_J7_a_O1_s1", "Pa_J9_a_O1_s1"], {}, ("Clone", "Day")),
            (["Pa_J7_a_O1_s1", "Pb_J7_b_O1_s1"], {"maps": [GENOTYPES]}, ("Genotype", "Immuno")),
            (["Pa_J7_a_O1_s1"], {"by": ["Day", "clone"]}, ("Day", "Clone")),
            (["Pa_J7_a_O1_s1"], {"by": ["genotype"], "maps": [GENOTYPES]}, ("Genotype",)),
        ],
    )
    def test_conditions(
        self, names: list[str], options: dict[str, Any], expected: tuple[str, ...]
    ) -> None:
        pattern = "{clone}_{day}_{immuno}_{organoid}_{slice}"

        study = make_study([section(name) for name in names], pattern=pattern, **options)

        assert study.condition_fields == expected
        assert tuple(study.conditions)[: len(expected)] == expected

    def test_without_a_clone_the_first_field_makes_the_condition(self) -> None:
        study = make_study([section("p1_O1_s1")], pattern="{plate}_{organoid}_{slice}")

        assert study.condition_fields == ("Plate",)

    @pytest.mark.parametrize(
        ("options", "problem"),
        [
            ({"sum_over": ["plane"]}, "--sum-over: there is no field 'plane'"),
            ({"sum_over": ["clone", "organoid", "slice"]}, "leaves no field"),
            ({"by": ["slice"]}, "--by: there is no field 'slice'; choose from clone, organoid"),
            ({"maps": [FieldMap("f", "day", ("X",), {})]}, "--map: there is no field 'day'"),
            ({"maps": [FieldMap("f", "clone", ("Organoid",), {})]}, "has a field 'Organoid'"),
            ({"pattern": "{total}_{slice}"}, "has a field 'Total'"),
        ],
    )
    def test_fields_that_there_are_not(self, options: dict[str, Any], problem: str) -> None:
        with pytest.raises(BadInputError, match=re.escape(problem)):
            make_study([section("Pa_O1_s1")], **{"pattern": PLAIN, **options})

    @pytest.mark.parametrize("name", ["Total", "Clone", "Slices", "Table", "Proportion of Neuron"])
    def test_a_class_that_is_called_like_another_column(self, name: str) -> None:
        with pytest.raises(BadInputError, match="another column of this name; rename it"):
            make_study([section("Pa_O1_s1", {name: 1, "Neuron": 2})], pattern=PLAIN)


def test_means_over_the_curated_organoids_of_a_condition() -> None:
    shares = {"Pa_O1": 1, "Pa_O2": 3, "Pa_O3": 8, "Pb_O1": 5}
    counts = [section(f"{name}_s1", {"A": n, "B": 10 - n}) for name, n in shares.items()]

    study = make_study(counts, pattern=PLAIN)

    means = study.conditions[study.conditions["Class"] == "A"].set_index("Clone")
    assert set(means["Cells"]) == {"all"}
    a = means.loc["Pa"]
    assert (a["n"], a["mean"]) == (3, pytest.approx(0.4))
    assert a["sd"] == pytest.approx(np.sqrt((0.09 + 0.01 + 0.16) / 2))
    assert a["sem"] == pytest.approx(a["sd"] / np.sqrt(3))
    one = means.loc["Pb"]
    assert (one["n"], one["mean"]) == (1, 0.5)
    assert np.isnan(one["sd"])
    assert np.isnan(one["sem"])


class TestClassesThatNobodyExpects:
    def test_a_new_class_is_said_and_counted(self) -> None:
        rules = ClassRules(order=("Neuron",), known=("Dead",), dead=("Dead",))
        counts = [section("Pa_O1_s1"), section("Pa_O1_s2", {"New": 4})]

        study = make_study(counts, pattern=PLAIN, classes=rules)

        assert study.slices["New"].tolist() == [0, 4]
        assert notes_of(study) == [
            "class 'New' is not listed in the file of classes: 4 objects in 1 tables, first in "
            "Pa_O1_s2_table.csv; they are counted"
        ]

    def test_a_class_of_the_rules_that_no_table_has(self) -> None:
        rules = ClassRules(rename={"x": "X"}, dead=("Dead", "Deda"), order=("Absent",))

        study = make_study([section("Pa_O1_s1")], pattern=PLAIN, classes=rules)

        assert study.slices["Absent"].tolist() == [0]
        said = " | ".join(notes_of(study))
        assert "no object is of the class 'x'" in said
        assert "no object is of the class 'Deda'" in said


def test_what_was_noticed_while_reading_is_kept() -> None:
    study = make_study([section("Pa_O1_s1", notes=("lacks 3 objects",))], pattern=PLAIN)

    assert "Pa_O1_s1_table.csv lacks 3 objects" in notes_of(study)


COUNTS = st.dictionaries(
    st.sampled_from(["", "A", "B", "c", "Dead", "Debris"]), st.integers(0, 10**9), min_size=1
)


@given(
    st.dictionaries(
        st.tuples(st.sampled_from("PQ"), st.sampled_from("OL"), st.integers(1, 12)),
        COUNTS,
        min_size=1,
    )
)
def test_nothing_is_lost_between_the_tables_and_the_organoids(
    counted: dict[tuple[str, str, int], dict[str, int]],
) -> None:
    rules = ClassRules(merge={"c": "B"}, drop=("Debris",), dead=("Dead",))
    given_sections = [section(f"{c}_{o}_s{n}", counts) for (c, o, n), counts in counted.items()]

    study = make_study(given_sections, pattern=PLAIN, classes=rules)

    everything = sum(sum(counts.values()) for counts in counted.values())
    dropped = sum(counts.get("Debris", 0) for counts in counted.values())
    for frame in (study.slices, study.organoids):
        assert frame["Total"].sum() == frame[list(study.classes)].sum().sum()
        assert frame["Total"].sum() == everything - dropped
    shares = study.organoids[list(study.proportion_columns().values())].sum(axis=1)
    assert np.allclose(shares[study.organoids["Total"] > 0], 1)


def test_plain_tables_hold_the_same(tmp_path: Path) -> None:
    counts = sections(["Pa_O1", "Pb_O1", "Px_O1"])
    study = make_study(counts, pattern=PLAIN, maps=[GENOTYPES], min_slices=2)

    for kind, read in (("csv", pd.read_csv), ("parquet", pd.read_parquet)):
        files = write_tables(study, tmp_path / kind, kind)
        options: dict[str, Any] = (
            {"keep_default_na": False, "na_values": {}} if kind == "csv" else {}
        )
        assert [file.stem for file in files] == [
            *["slices", "organoids", "curated", "excluded", "conditions", "parameters"]
        ]
        back = read(tmp_path / kind / f"organoids.{kind}", **options)
        assert_frame_equal(back, study.organoids, check_dtype=False)
