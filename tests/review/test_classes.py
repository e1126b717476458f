"""Telling a reviewer's classes from those that were pushed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import shapely

from bridge.detections import Detections
from bridge.review import compare, merge
from bridge.review.classes import TO_CHECK, classes_of_reviewers, without_decided_class
from bridge.review.rows import concat_tables

LABELS = np.kron(np.diag([1, 2, 3, 4]), np.ones((3, 3), int))


def classed(objects: Detections, *classes: str | None, **columns: Any) -> Detections:
    """Return objects with classes."""
    frame = objects.objects.assign(**{"class": list(classes), **columns})
    return replace(objects, objects=frame)


def test_a_class_that_was_pushed_is_no_reviewer_s() -> None:
    pushed = classed(Detections.from_labels(LABELS), "live", "live", TO_CHECK, None)
    reviewed = classed(pushed, "live", "dead", "live", None)

    theirs = classes_of_reviewers(compare(pushed, reviewed))

    assert theirs.to_dict() == {pushed.ids[1]: "dead", pushed.ids[2]: "live"}


def test_to_check_is_no_class_whoever_gave_it() -> None:
    pushed = classed(Detections.from_labels(LABELS), "live", "live", TO_CHECK, None)
    reviewed = classed(pushed, "live", TO_CHECK, TO_CHECK, None)

    assert classes_of_reviewers(compare(pushed, reviewed)).empty


def test_a_locked_object_and_one_that_was_drawn_are_the_reviewer_s() -> None:
    pushed = classed(Detections.from_labels(LABELS), "live", "live", "dead", None)
    drawn = Detections.from_polygons(
        [shapely.box(20, 0, 24, 4)], columns={"class": ["dead"], "label": [9]}
    )
    locked = pushed.objects.assign(locked=[True, False, False, False])
    reviewed = Detections(concat_tables([locked, drawn.objects]), pushed.image)

    changes = compare(pushed, reviewed)

    assert classes_of_reviewers(changes).to_dict() == {pushed.ids[0]: "live", drawn.ids[0]: "dead"}
    assert without_decided_class(changes) == pushed.ids[1:]


def test_the_classes_of_earlier_rounds_count_after_a_further_push() -> None:
    pushed = classed(Detections.from_labels(LABELS), None, None, None, None)
    reviewed = classed(pushed, "live", None, None, None)
    again = merge(pushed, reviewed, classed(pushed, "dead", "dead", TO_CHECK, "dead")).pushed

    changes = compare(again, again.shown)

    assert again.detections.objects["class"].tolist() == ["live", "dead", TO_CHECK, "dead"]
    assert classes_of_reviewers(changes).to_dict() == {pushed.ids[0]: "live"}
    assert without_decided_class(changes) == pushed.ids[1:]


def test_a_class_that_was_taken_away_stays_away() -> None:
    pushed = classed(Detections.from_labels(LABELS), "live", "live", "dead", "dead")
    reviewed = classed(pushed, None, "live", "dead", "dead")

    changes = compare(pushed, reviewed)

    assert classes_of_reviewers(changes).empty
    assert without_decided_class(changes) == pushed.ids[1:]
