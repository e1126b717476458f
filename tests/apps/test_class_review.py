"""Reviewing predicted classes: what is uncertain is asked, what a reviewer decided stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import roifile
import tifffile
from numpy.typing import NDArray

from bridge.apps.class_examples import read_classed_images
from bridge.apps.class_review import (
    ClassReviewOutcome,
    ClassReviewSettings,
    item_of_review,
    review_classes,
    without_classes,
)
from bridge.apps.fiji.review_files import pull_files, push_files
from bridge.apps.fiji.review_layout import ReviewFiles
from bridge.apps.qupath.push_plan import MergeSettings, plan_push
from bridge.apps.qupath.session import Objects
from bridge.classify.objects.proposing import (
    PREDICTED,
    UNCERTAINTY,
    Prediction,
    choose_to_check,
    propose_classes,
)
from bridge.detections import Detections
from bridge.errors import BadInputError
from bridge.images import Image, open_image
from bridge.review import compare
from bridge.review.classes import TO_CHECK
from tests.apps.qupath.reviews import review_of

CLASSES = ("dead", "live")
LABELS = np.kron(np.arange(1, 9).reshape(2, 4), np.pad(np.ones((6, 6), int), 2))


def objects_of(classes: list[str | None] | None = None) -> Detections:
    """Eight squares; the further to the right, the livelier and the less uncertain."""
    found = Detections.from_labels(LABELS)
    if classes is not None:
        found = Detections(found.objects.assign(**{"class": classes}), found.image)
    return found


def predict(objects: Detections, image: Image) -> NDArray[np.float64]:
    assert (image.width, image.height) == (40, 20)
    live = 0.45 + objects.objects.geometry.centroid.x.to_numpy() / 80
    return np.stack([1 - live, live], axis=1)


def write_image(path: Path) -> Path:
    tifffile.imwrite(path, (LABELS * 10).astype(np.uint16), imagej=True)
    return path


def review_folder(tmp_path: Path, *names: str, objects: Detections | None = None) -> Path:
    folder = tmp_path / "review"
    for name in names:
        with open_image(write_image(tmp_path / f"{name}.tif")) as image:
            push_files(image, objects or objects_of(), folder)
    return folder


def classes_in(folder: Path, name: str) -> dict[int, str | None]:
    _, found = pull_files(folder, name)
    return dict(zip(found.objects["label"], found.objects["class"], strict=True))


def rename_rois(folder: Path, name: str, classes: dict[int, str]) -> None:
    """Class objects as a reviewer does it in the ROI Manager, and save."""
    path = ReviewFiles.of(folder, name).rois
    rois: Any = roifile.ImagejRoi.fromfile(path)
    for label, found in classes.items():
        rois[label - 1].name = f"{label:04d}-{found}"
    path.unlink()
    roifile.roiwrite(path, rois)


def test_the_most_uncertain_objects_of_all_images_are_to_check(tmp_path: Path) -> None:
    folder = review_folder(tmp_path, "a", "b")

    outcomes = review_classes(folder, CLASSES, predict, ClassReviewSettings(count=4))

    assert outcomes == [
        ClassReviewOutcome(image=name, objects=8, to_check=2, decided=0) for name in "ab"
    ]
    for name in "ab":
        assert classes_in(folder, name) == {
            1: TO_CHECK, 2: "live", 3: "live", 4: "live",
            5: TO_CHECK, 6: "live", 7: "live", 8: "live",
        }  # fmt: skip
    _, found = pull_files(folder, "a")
    assert found.objects[UNCERTAINTY].tolist() == pytest.approx([0.975, 0.725, 0.475, 0.225] * 2)
    assert found.objects[PREDICTED].tolist() == ["live", None, None, None] * 2


def test_a_reviewer_s_class_is_never_overwritten_and_never_asked_again(tmp_path: Path) -> None:
    folder = review_folder(tmp_path, "a")
    review_classes(folder, CLASSES, predict, ClassReviewSettings(count=2))
    # one of those to check, and one that the classifier was sure of
    rename_rois(folder, "a", {1: "dead", 4: "dead"})

    (outcome,) = review_classes(folder, CLASSES, predict, ClassReviewSettings(count=2))

    assert outcome == ClassReviewOutcome(image="a", objects=6, to_check=2, decided=2)
    found = classes_in(folder, "a")
    assert found == {
        1: "dead", 2: TO_CHECK, 3: "live", 4: "dead", 5: TO_CHECK, 6: "live", 7: "live", 8: "live"
    }  # fmt: skip


def test_the_next_training_takes_the_corrections_and_no_prediction(tmp_path: Path) -> None:
    folder = review_folder(tmp_path, "a")
    for label, name in ((1, "dead"), (5, "live")):
        review_classes(folder, CLASSES, predict, ClassReviewSettings(count=2))
        rename_rois(folder, "a", {label: name})

    (examples,) = read_classed_images([folder])

    labels = examples.detections.objects["label"]
    assert {int(labels[i]): name for i, name in examples.classes.items()} == {1: "dead", 5: "live"}


def test_below_a_probability_objects_stay_unclassified(tmp_path: Path) -> None:
    folder = review_folder(tmp_path, "a")

    review_classes(folder, CLASSES, predict, ClassReviewSettings(count=0, least=0.7))

    assert classes_in(folder, "a") == dict(
        zip(range(1, 9), [None, None, "live", "live"] * 2, strict=True)
    )


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    folder = review_folder(tmp_path, "a")
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}

    (outcome,) = review_classes(folder, CLASSES, predict, ClassReviewSettings(dry_run=True))

    assert outcome.to_check == 8
    assert {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def test_an_image_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    folder = review_folder(tmp_path, "a", "b", "c")
    ReviewFiles.of(folder, "a").record.write_bytes(b"damaged")

    def fail_for_b(objects: Detections, image: Image) -> NDArray[np.float64]:
        if image.name == "b":
            raise BadInputError("b", "has other channels than the images in training")
        return predict(objects, image)

    outcomes = review_classes(folder, CLASSES, fail_for_b, ClassReviewSettings(count=3))

    errors = {outcome.image: outcome.error for outcome in outcomes}
    assert "no record of a push" in str(errors["a"])
    assert "other channels" in str(errors["b"])
    assert errors["c"] is None
    assert list(classes_in(folder, "c").values()).count(TO_CHECK) == 3


def test_files_are_no_review(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="is no review"):
        review_classes(write_image(tmp_path / "a.tif"), CLASSES, predict)


def test_classes_of_a_project_that_nothing_was_pushed_to_are_the_reviewer_s(
    tmp_path: Path,
) -> None:
    """Somebody found and classed objects in QuPath, and starbridge comes later."""
    by_hand = objects_of(["dead", None, "live", "dead", None, None, None, None])
    review = review_of(by_hand, write_image(tmp_path / "a.tif"))

    item = item_of_review(review, tmp_path, "a")
    prediction = Prediction(
        image="a",
        objects=item.objects,
        probabilities=np.tile([0.1, 0.9], (8, 1)),
        open=item.open,
    )
    (to_check,) = choose_to_check([prediction], 2)
    there = Objects(by_hand, (None,) * 8, 0)
    first = plan_push(there, None, without_classes(item.objects), MergeSettings(), time="1")
    proposed = propose_classes(prediction, CLASSES, to_check)
    second = plan_push(there, first.merged.pushed, proposed, MergeSettings(), time="2")

    assert first.is_empty
    assert second.merged.detections.objects["class"].tolist() == [
        "dead", TO_CHECK, "live", "dead", TO_CHECK, "live", "live", "live"
    ]  # fmt: skip
    changes = compare(second.merged.pushed, second.merged.detections)
    later = item_of_review(review_of(by_hand, tmp_path / "a.tif", changes=changes), tmp_path, "a")
    assert later.open == item.open


def test_what_the_application_measured_stays_with_the_objects(tmp_path: Path) -> None:
    pushed = objects_of()
    measured = Detections(pushed.objects.assign(Circularity=0.5), pushed.image)
    review = review_of(measured, write_image(tmp_path / "a.tif"), changes=compare(pushed, measured))

    item = item_of_review(review, tmp_path, "a")

    assert item.objects.objects["Circularity"].tolist() == [0.5] * 8
    assert item.is_pushed
