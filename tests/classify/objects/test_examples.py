"""The table of classed objects, and what it refuses."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from bridge.classify.objects.examples import ClassedObjects, check_class_names
from bridge.errors import BadInputError


def _table(**columns: list[Any]) -> pd.DataFrame:
    n = len(next(iter(columns.values()), [""]))
    numbers = [str(number) for number in range(n)]
    usual: dict[str, list[Any]] = {
        "image": numbers,
        "group": numbers,
        "object": numbers,
        "class": ["live"] * n,
        "hash": numbers,
        "image_hash": numbers,
        "area": [1.0] * n,
    }
    return pd.DataFrame(usual | columns)


def test_classes_are_sorted_and_features_keep_their_order() -> None:
    columns: dict[str, list[Any]] = {"class": ["live", "dead"], "mean": [0.5, 1.5]}
    examples = ClassedObjects(_table(**columns))

    assert examples.classes == ("dead", "live")
    assert examples.features == ("area", "mean")
    assert len(examples) == 2


@pytest.mark.parametrize("other", ["Dead", "dead ", " dead", "DEAD"])
def test_classes_that_differ_by_case_or_blanks_are_refused(other: str) -> None:
    with pytest.raises(BadInputError, match="'dead'; call it the same"):
        ClassedObjects(_table(**{"class": ["dead", other]}))


def test_blanks_inside_a_name_do_not_make_another_class() -> None:
    with pytest.raises(BadInputError, match="call it the same"):
        check_class_names([("big  cyst", "a"), ("big cyst", "b")])


def test_a_class_without_a_name_is_refused() -> None:
    with pytest.raises(BadInputError, match="a class without a name"):
        check_class_names([("  ", "a.csv")])


def test_an_object_in_two_classes_is_refused() -> None:
    with pytest.raises(BadInputError, match="the object 0 in the classes 'dead' and 'live'"):
        ClassedObjects(
            _table(**{"class": ["live", "dead"], "hash": ["h", "h"], "group": ["a", "a"]})
        )


def test_an_object_in_two_groups_is_refused() -> None:
    with pytest.raises(BadInputError, match="has the same objects as 1"):
        ClassedObjects(_table(hash=["h", "h"]))


def test_an_image_under_two_names_is_refused() -> None:
    with pytest.raises(BadInputError, match="has the same images as b"):
        ClassedObjects(_table(image=["a", "b"], image_hash=["h", "h"]))


def test_an_image_may_be_given_twice_in_one_group() -> None:
    assert len(ClassedObjects(_table(image_hash=["h", "h"], group=["a", "a"]))) == 2


def test_nothing_to_train_on_may_be_in_a_test() -> None:
    train = ClassedObjects(_table())
    train.refuse_shared(ClassedObjects(_table(hash=["x"], image_hash=["y"])))

    with pytest.raises(BadInputError, match="the same object is to test on"):
        train.refuse_shared(ClassedObjects(_table(image_hash=["y"])))
    with pytest.raises(BadInputError, match="the same image is to test on"):
        train.refuse_shared(ClassedObjects(_table(hash=["x"])))


def test_a_table_without_hashes_is_refused() -> None:
    with pytest.raises(BadInputError, match="have no column 'hash'"):
        ClassedObjects(_table().drop(columns="hash"))


def test_sources_with_other_features_are_refused() -> None:
    one = ClassedObjects(_table(hash=["x"], image_hash=["x"], group=["x"]))
    other = ClassedObjects(_table(**{"DAPI: Mean": [0.5]}))

    assert len(ClassedObjects.concat([one, ClassedObjects(_table())])) == 2
    with pytest.raises(BadInputError, match="has other features"):
        ClassedObjects.concat([one, other])
    with pytest.raises(BadInputError, match="are none"):
        ClassedObjects.concat([])
