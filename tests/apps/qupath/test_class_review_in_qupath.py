"""Predicted classes in a real QuPath: what a reviewer decided stays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge import Detections
from bridge.apps.class_review import ClassReviewSettings, review_classes
from bridge.apps.qupath.project_files import read_project
from bridge.apps.qupath.session import QuPath
from bridge.apps.qupath.sync import PushSettings, pull, push
from bridge.classify.objects.proposing import UNCERTAINTY
from bridge.images import Image
from bridge.review.classes import TO_CHECK, classes_of_reviewers
from tests.apps.qupath.conftest import nuclei

pytestmark = pytest.mark.qupath

CLASSES = ("dead", "live")
SETTINGS = ClassReviewSettings(count=3, force=True)


def predict(objects: Detections, image: Image) -> NDArray[np.float64]:
    assert image.width == 400
    live = np.linspace(0.55, 0.95, len(objects))
    return np.stack([1 - live, live], axis=1)


def classed(objects: Detections, classes: list[str | None]) -> Detections:
    frame = objects.objects.assign(**{"class": classes, "class_color": None})
    return replace(objects, objects=frame)


def test_a_class_that_was_given_in_qupath_stays(
    qupath: QuPath, tmp_path: Path, section: Path
) -> None:
    project = tmp_path / "project"
    objects = classed(nuclei(10), [None] * 10)
    push(qupath, project, [(section, objects)], PushSettings(force=True))
    (outcome,) = review_classes(project, CLASSES, predict, SETTINGS)
    assert (outcome.error, outcome.to_check) == (None, 3)

    image = read_project(project).images[0]
    before = pull(qupath, project)[0].detections
    first = before.ids[:1]
    dead = classed(replace(before, objects=before.objects.loc[first]), ["dead"])
    qupath.write(image.id, add=dead, parents=[None], remove=first)
    (outcome,) = review_classes(project, CLASSES, predict, SETTINGS)

    assert (outcome.error, outcome.decided) == (None, 1)
    (review,) = pull(qupath, project)
    found = review.detections.objects
    assert found.loc[first[0], "class"] == "dead"
    assert (found["class"] == TO_CHECK).sum() == 3
    assert found[UNCERTAINTY].notna().all()
    assert review.changes is not None
    assert classes_of_reviewers(review.changes).to_dict() == {first[0]: "dead"}


def test_classes_of_a_project_of_somebody_else_stay(
    qupath: QuPath, tmp_path: Path, section: Path
) -> None:
    project = tmp_path / "project"
    qupath.open(project, create=True)
    image = qupath.add_image(section, name=section.name)
    by_hand = classed(nuclei(10), ["dead", "live", *([None] * 8)])
    qupath.write(image, add=by_hand, parents=[None] * 10, remove=[])

    (outcome,) = review_classes(project, CLASSES, predict, SETTINGS)

    assert (outcome.error, outcome.decided, outcome.to_check) == (None, 2, 3)
    (review,) = pull(qupath, project)
    found = review.detections.objects["class"]
    assert [found[identity] for identity in by_hand.ids[:2]] == ["dead", "live"]
    assert found.notna().all()
    assert review.changes is not None
    assert len(classes_of_reviewers(review.changes)) == 2
