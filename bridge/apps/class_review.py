"""Push predicted classes into a review, and ask the reviewer for those that teach most."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bridge.apps.class_examples import image_file
from bridge.apps.fiji.review_files import opened_to_push, push_files, reviewed_names
from bridge.apps.fiji.review_files import read_review as read_fiji_review
from bridge.apps.fiji.review_layout import ReviewFiles
from bridge.apps.qupath.results import result_names
from bridge.apps.qupath.session import QuPath
from bridge.apps.qupath.sync import PushOutcome, PushSettings, Review, pull
from bridge.apps.qupath.sync import push as push_into_project
from bridge.apps.training_pairs import kind_of
from bridge.classify.objects.classed_images import Note, ignore_note, select_examples
from bridge.classify.objects.proposing import Prediction, choose_to_check, propose_classes
from bridge.detections import Detections
from bridge.errors import BadInputError, StarbridgeError
from bridge.images import Image, open_image
from bridge.objects3d import ObjectRows
from bridge.review import Changes
from bridge.review.classes import TO_CHECK, without_decided_class

Predict = Callable[[Detections, Image], NDArray[np.float64]]
"""Returns the probabilities (n, classes) of n objects of an image; NaN where there are none."""


@dataclass(frozen=True, kw_only=True)
class ClassReviewSettings:
    """Settings of a review of classes.

    Attributes:
        count: objects to check, of all images together.
        least: probability below which an object stays unclassified.
        annotations: annotations in QuPath are objects, as detections are.
        axes, pixel_size: of the images, where the files do not say, as in
            :func:`bridge.open_image`.
        force: push although a QuPath is running.
        dry_run: write nothing.
    """

    count: int = 100
    least: float = 0.0
    annotations: bool = False
    axes: str | None = None
    pixel_size: float | None = None
    force: bool = False
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True)
class ClassReviewOutcome:
    """Result of a review of classes for one image.

    Attributes:
        image: its name.
        objects: number of objects that were classed.
        to_check: number of those that the reviewer is asked for.
        decided: number of objects whose class is a reviewer's already.
        error: message for the user; ``None`` where it succeeded.
    """

    image: str
    objects: int = 0
    to_check: int = 0
    decided: int = 0
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class _ToClass:
    """An image of a review, whose objects are to be classed.

    Attributes:
        image: its name.
        path: its file.
        objects: its objects.
        open: UUIDs of those whose class no reviewer decided.
        target: the image as the push takes it.
        is_pushed: something was pushed into it.
    """

    image: str
    path: Path
    objects: Detections
    open: frozenset[str]
    target: Path
    is_pushed: bool = True


_OnError = Callable[[str, StarbridgeError], None]


def review_classes(
    review: Path,
    classes: Sequence[str],
    predict: Predict,
    settings: ClassReviewSettings | None = None,
    *,
    qupath: Path | None = None,
    heap: str | None = None,
    note: Note = ignore_note,
    on_image: Callable[[ClassReviewOutcome], None] = lambda outcome: None,
) -> list[ClassReviewOutcome]:
    """Class the objects of a review, and put those that teach most into the class "to check".

    The classes are pushed as :mod:`bridge.review` merges them: what a reviewer decided stays.

    Args:
        review: a review folder of ``starbridge fiji push``, or a QuPath project.
        classes: names of the classes.
        predict: of the probabilities of objects.
        settings: settings.
        qupath: folder of QuPath, where a project is reviewed.
        heap: memory of QuPath, likewise.
        note: called with sentences for the user.
        on_image: called with the result of each image.

    Returns:
        One result an image. An image that fails does not stop the others.

    Raises:
        BadInputError: no review.
        QuPathError: QuPath does not start, or one with a window is running.
    """
    settings = settings or ClassReviewSettings()
    kind = kind_of(review)
    if kind == "files":
        raise BadInputError(
            review, "is no review", "give the folder of starbridge fiji push, or a QuPath project"
        )
    outcomes: list[ClassReviewOutcome] = []

    def finish(outcome: ClassReviewOutcome) -> None:
        outcomes.append(outcome)
        on_image(outcome)

    def fail(image: str, error: StarbridgeError) -> None:
        finish(ClassReviewOutcome(image=image, error=str(error)))

    if kind == "review folder":
        there = _read_folder(review, settings, note, fail)
        for item, proposed, outcome in _proposals(there, classes, predict, settings, fail):
            try:
                if not settings.dry_run:
                    _push_into_folder(item, proposed, review, note)
                finish(outcome)
            except StarbridgeError as error:
                fail(item.image, error)
        return outcomes
    with QuPath(qupath, heap=heap) as session:
        there = _read_project(session, review, settings, fail)
        proposals = list(_proposals(there, classes, predict, settings, fail))
        for pushed, outcome in _push_into_project(session, review, proposals, settings):
            finish(outcome if pushed.error is None else replace(outcome, error=pushed.error))
    return outcomes


def _proposals(
    there: Iterator[_ToClass],
    classes: Sequence[str],
    predict: Predict,
    settings: ClassReviewSettings,
    fail: _OnError,
) -> Iterator[tuple[_ToClass, Detections, ClassReviewOutcome]]:
    """Yield each image with its objects as they are to be pushed; first all are classed."""
    items, predictions = [], []
    for item in there:
        try:
            with open_image(item.path, axes=settings.axes, pixel_size=settings.pixel_size) as image:
                probabilities = predict(item.objects, image)
            predictions.append(
                Prediction(
                    image=item.image,
                    objects=item.objects,
                    probabilities=probabilities,
                    open=item.open,
                )
            )
            items.append(item)
        except StarbridgeError as error:
            fail(item.image, error)
    chosen = choose_to_check(predictions, settings.count)
    for item, prediction, to_check in zip(items, predictions, chosen, strict=True):
        proposed = propose_classes(prediction, classes, to_check, least=settings.least)
        is_open = len(prediction.open_rows)
        decided = len(ObjectRows.of(item.objects)) - is_open
        yield (
            item,
            proposed,
            ClassReviewOutcome(
                image=item.image, objects=is_open, to_check=len(to_check), decided=decided
            ),
        )


def _read_folder(
    folder: Path, settings: ClassReviewSettings, note: Note, fail: _OnError
) -> Iterator[_ToClass]:
    for name in reviewed_names(folder):
        try:
            review = read_fiji_review(folder, name)
            for line in review.notes:
                note(f"{folder}: {name}: {line}")
            path = ReviewFiles.of(folder, name).image
            objects, is_open = _objects(
                review.objects, review.changes, is_typed=False, annotations=settings.annotations
            )
        except StarbridgeError as error:
            fail(name, error)
            continue
        yield _ToClass(image=name, path=path, objects=objects, open=is_open, target=path)


def _push_into_folder(item: _ToClass, proposed: Detections, folder: Path, note: Note) -> None:
    with opened_to_push(item.target, folder) as image:
        push_files(
            image, proposed, folder, on_note=lambda line: note(f"{folder}: {item.image}: {line}")
        )


def _read_project(
    session: QuPath, project: Path, settings: ClassReviewSettings, fail: _OnError
) -> Iterator[_ToClass]:
    reviews = pull(session, project, on_error=lambda error: fail(str(project), error))
    names = result_names([review.image for review in reviews])
    for review, name in zip(reviews, names, strict=True):
        try:
            yield item_of_review(review, project, name, annotations=settings.annotations)
        except StarbridgeError as error:
            fail(name, error)


def item_of_review(
    review: Review, project: Path, name: str, *, annotations: bool = False
) -> _ToClass:
    """Return the objects of an image of a project that are to be classed.

    Args:
        review: the review.
        project: the project.
        name: name of the image in messages.
        annotations: annotations are objects, as detections are.

    Raises:
        BadInputError: the image's file is not there.
    """
    objects, is_open = _objects(
        review.detections, review.changes, is_typed=True, annotations=annotations
    )
    return _ToClass(
        image=name,
        path=image_file(review.image, project),
        objects=objects,
        open=is_open,
        # by its name in the project, in which a file may be shown several times
        target=Path(f"{review.image.paths[0]}#{review.image.name}"),
        is_pushed=review.changes is not None,
    )


def _push_into_project(
    session: QuPath,
    project: Path,
    proposals: Sequence[tuple[_ToClass, Detections, ClassReviewOutcome]],
    settings: ClassReviewSettings,
) -> Iterator[tuple[PushOutcome, ClassReviewOutcome]]:
    folder = project.parent if project.is_file() else project
    how = PushSettings(force=settings.force, dry_run=settings.dry_run)
    failed: dict[Path, PushOutcome] = {}
    first = [
        (item.target, without_classes(item.objects)) for item, *_ in proposals if not item.is_pushed
    ]
    if first and not settings.dry_run:
        done = push_into_project(session, folder, first, how)
        failed = {
            target: outcome
            for (target, _), outcome in zip(first, done, strict=True)
            if outcome.error is not None
        }
    for item, proposed, outcome in proposals:
        if item.target in failed:
            yield failed[item.target], outcome
        else:
            yield push_into_project(session, folder, [(item.target, proposed)], how)[0], outcome


def without_classes(objects: Detections) -> Detections:
    """Return objects without their classes.

    A first push of them into an image of which nothing is known makes the classes that are there
    the reviewer's, and those that are not there nobody's.
    """
    frame = objects.objects.copy()
    frame["class"] = np.full(len(frame), None, object)
    frame["class_color"] = np.full(len(frame), None, object)
    return replace(objects, objects=frame)


def _objects(
    found: Detections, changes: Changes | None, *, is_typed: bool, annotations: bool
) -> tuple[Detections, frozenset[str]]:
    """Return the objects to class, and the UUIDs of those whose class no reviewer decided."""
    if changes is None:
        objects, _ = select_examples(found, is_typed=is_typed, annotations=annotations)
        classes = objects.objects["class"]
        is_open = classes.isna() | (classes == TO_CHECK)
        return objects, frozenset(map(str, objects.objects.index[is_open]))
    # As they were pushed, with the edits; what the application computed since stays with them.
    measured = {name: found.objects[name] for name in changes.computed}
    frame = changes.applied.objects.assign(**measured)
    objects, _ = select_examples(
        replace(changes.applied, objects=frame), is_typed=is_typed, annotations=annotations
    )
    return objects, frozenset(without_decided_class(changes)) & frozenset(objects.ids)
