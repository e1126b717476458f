"""Conditions, told from file names."""

from __future__ import annotations

import pandas as pd
import pytest

from bridge.errors import BadInputError
from bridge.formats.naming import PUBLISHED_PATTERN, FieldMap
from bridge.select import add_fields
from bridge.select.conditions import ALL_IMAGES, NO_CONDITION

GENOTYPES = FieldMap("genotypes.csv", "clone", ("Genotype",), {"Pa": ("WT",), "Qb": ("",)})


def frame(*names: str) -> pd.DataFrame:
    return pd.DataFrame({"name": names, "mean": 1.0})


def test_fields_and_condition_are_columns() -> None:
    found = add_fields(
        frame("Pa_dQ_J70_SNd2T_20Xa_g1dt08_OG1_s1"), PUBLISHED_PATTERN, ["clone", "day"]
    )

    assert found.columns.tolist() == [
        *("name", "mean", "clone", "diff", "day", "immuno", "objective", "imaging"),
        *("organoid", "slice", "condition"),
    ]
    assert found[["clone", "organoid", "condition"]].to_numpy().tolist() == [
        ["Pa", "OG1", "Pa, J70"]
    ]


def test_names_that_do_not_fit_are_kept_without_condition() -> None:
    found = add_fields(frame("Pa_s1", "test", "Qb_s2_labels"), "{clone}_{slice}", ["clone"])

    assert found["condition"].tolist() == ["Pa", NO_CONDITION, "Qb"]
    assert found["slice"].tolist() == ["s1", None, "s2"]


def test_without_fields_all_images_are_one_condition() -> None:
    found = add_fields(frame("Pa_s1", "test"), "{clone}_{slice}")

    assert found["condition"].tolist() == [ALL_IMAGES] * 2


def test_a_map_adds_fields_to_choose_by() -> None:
    found = add_fields(
        frame("Pa_s1", "Qb_s1", "Xx_s1"), "{clone}_{slice}", ["genotype"], [GENOTYPES]
    )

    assert found["genotype"].tolist() == ["WT", "", None]
    assert found["condition"].tolist() == ["WT", "(empty)", NO_CONDITION]


def test_fields_that_there_are_not_or_that_are_taken_are_named() -> None:
    with pytest.raises(BadInputError, match="has no field 'genotype'; choose from clone, slice"):
        add_fields(frame(), "{clone}_{slice}", ["genotype"])
    with pytest.raises(BadInputError, match="has no field 'clone'; choose from line, genotype"):
        add_fields(frame(), "{line}", [], [GENOTYPES])
    for field in ("mean", "level", "condition"):
        with pytest.raises(BadInputError, match=f"a field '{field}', which is a column already"):
            add_fields(frame(), f"{{{field}}}_x")
    with pytest.raises(BadInputError, match="a field 'genotype', which is a column already"):
        add_fields(frame(), "{clone}_{genotype}", [], [GENOTYPES])
