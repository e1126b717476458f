"""Which images are chosen of which condition."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import BadInputError
from bridge.select import choose


def images(*values: float, condition: str | None = "Pa", prefix: str = "s") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "name": [f"{prefix}{n}" for n in range(len(values))],
            "mean": values,
            "condition": [condition] * len(values),
        }
    )


def test_the_images_nearest_to_the_quantiles_are_chosen() -> None:
    chosen = choose(images(0, 12, 20, 55, 49, 80, 91, 100, 30, 60, 70))

    assert chosen["level"].tolist() == ["low", "medium", "high"]
    assert chosen["quantile"].tolist() == [0.1, 0.5, 0.9]
    assert chosen["target"].tolist() == [12, 55, 91]
    assert chosen["mean"].tolist() == [12, 55, 91]
    assert chosen["name"].tolist() == ["s1", "s3", "s6"]
    assert chosen["images"].tolist() == [11] * 3


def test_quantiles_are_linear_between_the_conditions_own_images() -> None:
    frame = pd.concat([images(0, 10, 30), images(1000, 1100, 1500, condition="Qb", prefix="q")])

    chosen = choose(frame)

    assert chosen["condition"].tolist() == ["Pa"] * 3 + ["Qb"] * 3
    assert chosen["target"].tolist() == pytest.approx([2, 10, 26, 1020, 1100, 1420])
    assert chosen["difference"].tolist() == pytest.approx([-2, 0, 4, -20, 0, 80])


def test_of_images_that_are_equally_near_the_first_by_name_is_chosen() -> None:
    frame = pd.DataFrame({"name": ["d", "c", "b", "a"], "mean": [6.0, 4.0, 6.0, 4.0]})

    assert choose(frame, by=(), quantiles=[0.5])["name"].tolist() == ["a"]
    assert choose(frame.assign(mean=[4.0, 6.0, 4.0, 6.0]), by=(), quantiles=[0.5])[
        "name"
    ].tolist() == ["a"]


def test_an_image_that_is_nearest_to_two_quantiles_is_chosen_once() -> None:
    chosen = choose(images(0, 0, 0, 43), quantiles=[0.4, 0.5, 0.9])

    assert chosen["name"].tolist() == ["s0", "s1", "s3"]


def test_a_higher_quantile_never_gets_the_darker_image() -> None:
    # Both quantiles, 4.9 and 5, are nearest to 5. If the first one took it, 4 would be left.
    chosen = choose(images(0, 4, 5, 9), quantiles=[1.9 / 3, 2 / 3])

    assert chosen["mean"].tolist() == [4, 5]


def test_too_few_images_are_chosen_several_times_and_counted() -> None:
    chosen = choose(images(1, 9))

    assert chosen["name"].tolist() == ["s0", "s0", "s1"]
    assert chosen["images"].tolist() == [2, 2, 2]


def test_images_without_nuclei_or_condition_are_not_chosen() -> None:
    frame = pd.concat([images(5, np.nan, 7, 9), images(6, condition=None, prefix="x")])

    chosen = choose(frame, quantiles=[0, 1])

    assert chosen["name"].tolist() == ["s0", "s3"]
    assert chosen["images"].tolist() == [3, 3]
    assert choose(frame.assign(mean=np.nan)).empty
    assert choose(frame.assign(mean=np.nan), by=()).empty


def test_conditions_of_several_fields_and_other_values() -> None:
    frame = pd.DataFrame(
        {
            "name": ["a", "b", "c", "d"],
            "clone": ["Pa", "Pa", "Qb", "Qb"],
            "day": ["J7", "J9", "J7", "J7"],
            "median": [1.0, 2.0, 3.0, 4.0],
        }
    )

    chosen = choose(frame, value="median", by=["clone", "day"], quantiles=[1])

    assert chosen[["clone", "day", "name"]].to_numpy().tolist() == [
        ["Pa", "J7", "a"],
        ["Pa", "J9", "b"],
        ["Qb", "J7", "d"],
    ]
    assert chosen["level"].tolist() == ["1", "1", "1"]


@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=7),
    st.lists(st.integers(0, 20), min_size=1, max_size=4, unique=True),
)
def test_no_other_choice_lies_nearer_to_the_quantiles(
    values: list[int], twentieths: list[int]
) -> None:
    quantiles = [n / 20 for n in sorted(twentieths)]

    chosen = choose(images(*values), quantiles=quantiles)

    targets = np.quantile(values, quantiles)
    assert chosen["target"].tolist() == pytest.approx(targets.tolist())
    found = np.abs(chosen["difference"]).sum()
    if len(values) < len(quantiles):
        assert found == pytest.approx(
            sum(min(abs(v - target) for v in values) for target in targets)
        )
        return
    assert chosen["name"].is_unique
    assert chosen["mean"].is_monotonic_increasing
    best = min(
        sum(abs(v - t) for v, t in zip(some, targets, strict=True))
        for some in combinations(sorted(values), len(quantiles))
    )
    assert found == pytest.approx(best, abs=1e-9)


@pytest.mark.parametrize("quantiles", [[], [0.5, 0.1], [0.1, 0.1], [-0.1, 0.5], [0.5, 1.1]])
def test_quantiles_that_do_not_rise_within_0_to_1_are_refused(quantiles: list[float]) -> None:
    with pytest.raises(BadInputError, match="do not rise within 0 to 1"):
        choose(images(1, 2, 3), quantiles=quantiles)


def test_columns_that_are_missing_or_taken_are_named() -> None:
    with pytest.raises(BadInputError, match="has no column 'clone'; choose from name, mean"):
        choose(images(1), by=["clone"])
    with pytest.raises(BadInputError, match="has no column 'area'"):
        choose(images(1), value="area")
    with pytest.raises(BadInputError, match="has a column 'level', which is added here"):
        choose(images(1).assign(level=1))
