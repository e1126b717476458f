"""Predicted classes in detections, and in the tables of other programs."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge.classify.objects.predictions import (
    Classed,
    add_classes,
    ilastik_rows,
    prediction_rows,
)
from bridge.errors import BadInputError
from tests.classify.objects.images import squares

CLASSES = ["dead", "live"]
PROBABILITIES = np.array([[0.9, 0.1], [0.45, 0.55], [np.nan, np.nan], [0.2, 0.8]])


def _classes(found: Classed) -> list[str | None]:
    return [*found.detections.objects["class"]]


def test_each_object_gets_its_most_probable_class() -> None:
    found = add_classes(squares(), CLASSES, PROBABILITIES)

    assert _classes(found) == ["dead", "live", None, "live"]
    assert found.detections.measurements == ["Probability of dead", "Probability of live"]
    assert (found.unsure, found.undrawn, found.kept) == (0, 1, 0)
    assert found.detections.objects["class_color"].notna().tolist() == [True, True, False, True]


def test_unsure_objects_stay_without_a_class_but_keep_their_probabilities() -> None:
    found = add_classes(squares(), CLASSES, PROBABILITIES, threshold=0.6)

    assert _classes(found) == ["dead", None, None, "live"]
    assert found.unsure == 1
    assert found.detections.objects["Probability of live"].iloc[1] == 0.55


def test_a_probability_that_is_just_enough_is_enough() -> None:
    assert _classes(add_classes(squares(), CLASSES, PROBABILITIES, threshold=0.55))[1] == "live"


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_thresholds_that_are_no_probabilities(threshold: float) -> None:
    with pytest.raises(BadInputError, match="is no probability"):
        add_classes(squares(), CLASSES, PROBABILITIES, threshold=threshold)


def test_fixed_objects_keep_what_they_have() -> None:
    reviewed = squares(["cyst", None, None, None])
    fixed: NDArray[np.bool_] = np.array([True, True, False, False])

    found = add_classes(reviewed, CLASSES, PROBABILITIES, fixed=fixed)

    assert _classes(found) == ["cyst", None, None, "live"]
    assert found.kept == 1


def test_probabilities_of_an_earlier_classifier_do_not_stay() -> None:
    earlier = add_classes(squares(), ["small", "large"], PROBABILITIES).detections
    again = add_classes(earlier, CLASSES, PROBABILITIES).detections
    assert again.measurements == ["Probability of dead", "Probability of live"]


def test_no_objects_have_no_classes() -> None:
    none = squares()
    none.objects = none.objects.iloc[:0]
    found = add_classes(none, CLASSES, np.zeros((0, 2)))
    assert len(found.detections) == 0
    assert prediction_rows(found.detections, "a").empty
    assert ilastik_rows(found.detections, CLASSES).empty


def test_rows_as_orgaseg_has_them() -> None:
    detections = add_classes(squares(), CLASSES, PROBABILITIES).detections
    rows = prediction_rows(detections, "a")
    assert rows.to_numpy().tolist() == [
        ["a_1.tiff", "dead"],
        ["a_2.tiff", "live"],
        ["a_3.tiff", ""],
        ["a_4.tiff", "live"],
    ]


def test_columns_as_ilastik_has_them() -> None:
    detections = add_classes(squares(), CLASSES, PROBABILITIES).detections
    rows = ilastik_rows(detections, CLASSES)

    assert list(rows.columns[:7]) == [
        "object_id",
        "timestep",
        "labelimage_oid",
        "User Label",
        "Predicted Class",
        "Probability of dead",
        "Probability of live",
    ]
    assert rows["object_id"].tolist() == [0, 1, 2, 3]
    assert rows["Predicted Class"].tolist() == ["dead", "live", "", "live"]
    # 8 pixels from 2 on: their numbers are 2 to 9
    assert rows["Center of the object_0"].iloc[0] == 5.5
