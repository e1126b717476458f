"""Read classed objects from whatever people have: reviews in QuPath and Fiji, ilastik, files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from bridge.apps.fiji.review_files import read_review as read_fiji_review
from bridge.apps.fiji.review_files import reviewed_names
from bridge.apps.fiji.review_layout import ReviewFiles
from bridge.apps.qupath.project_files import ProjectImage
from bridge.apps.qupath.results import result_names
from bridge.apps.qupath.session import QuPath
from bridge.apps.qupath.sync import Review, pull
from bridge.apps.training_pairs import kind_of
from bridge.classify.objects.classed_images import (
    ClassedImage,
    Note,
    OnError,
    group_of,
    ignore_note,
    select_examples,
)
from bridge.classify.objects.ilastik_projects import is_ilastik_project
from bridge.classify.objects.slices import one_example_each, without_overruled
from bridge.classify.objects.sources.class_tables import find_class_tables, read_tables
from bridge.classify.objects.sources.crops import read_crops
from bridge.classify.objects.sources.exports import read_export
from bridge.classify.objects.sources.files import read_files
from bridge.classify.objects.sources.ilastik_labels import read_ilastik_labels
from bridge.classify.objects.sources.options import ReadOptions
from bridge.detections import Detections
from bridge.errors import BadInputError, StarbridgeError
from bridge.formats.qupath_export import find_export, find_whole_images
from bridge.objects3d import ObjectRows
from bridge.review import Changes
from bridge.review.classes import TO_CHECK, classes_of_reviewers

_REVIEWS = ("QuPath project", "review folder")


def read_classed_images(
    sources: Sequence[Path],
    options: ReadOptions | None = None,
    *,
    note: Note = ignore_note,
    on_error: OnError | None = None,
    qupath: Path | None = None,
    heap: str | None = None,
) -> Iterator[ClassedImage]:
    """Read images whose objects have classes, from several sources.

    Args:
        sources: QuPath projects, review folders of ``starbridge fiji push``, projects of ilastik
            (``.ilp``), tables of classes, files of objects with classes or folders of them (their
            images are in the options), and folders of crops.
        options: what is read.
        note: called with sentences for the user.
        on_error: called with the error of an image or a source, which is left out; where ``None``,
            the first such error is raised.
        qupath: folder of QuPath, where a project is among them.
        heap: memory of QuPath, likewise.

    Yields:
        The images; an object of a volume is one example, however many of its slices have a class
        (:func:`bridge.classify.objects.slices.one_example_each`).

    Raises:
        BadInputError: a source is not there, cannot be read, or has no classes.
        QuPathError: QuPath does not start, or cannot read a project.
    """
    options = options or ReadOptions()
    for place in sources:
        try:
            if not place.exists():
                raise BadInputError(place, "is not there", "check the path")
            for image in _read(place, options, note, on_error, qupath, heap):
                yield one_example_each(image, note)
        except StarbridgeError as error:
            if on_error is None:
                raise
            on_error(error)


def _read(
    place: Path,
    options: ReadOptions,
    note: Note,
    on_error: OnError | None,
    qupath: Path | None,
    heap: str | None,
) -> Iterator[ClassedImage]:
    kind = kind_of(place)
    if options.crops is not None and (kind in _REVIEWS or is_ilastik_project(place)):
        raise BadInputError(
            place, "has images of its own, which classes are learned on", "leave out --on-crops"
        )
    if kind == "QuPath project":
        with QuPath(qupath, heap=heap) as session:
            reviews = pull(session, place, on_error=on_error)
        yield from images_of_reviews(place, reviews, options, note=note, on_error=on_error)
    elif kind == "review folder":
        yield from _read_review_folder(place, options, note, on_error)
    elif is_ilastik_project(place):
        yield from read_ilastik_labels(place, options, on_error=on_error)
    elif tables := find_class_tables(place) if options.objects or place.is_file() else []:
        for table in tables:
            try:
                yield from read_tables(table, options, on_error=on_error)
            except StarbridgeError as error:
                if on_error is None:
                    raise
                on_error(error)
    elif options.images:
        yield from read_files(place, options, note=note, on_error=on_error)
    elif export := find_export(place):
        if images := find_whole_images(place):
            here = replace(options, images=tuple(images))
            yield from read_files(export, here, on_error=on_error)
        else:
            yield from read_export(export, options, note=note, on_error=on_error)
    else:
        yield from read_crops(place, options, note=note, on_error=on_error)


def images_of_reviews(
    project: Path,
    reviews: Sequence[Review],
    options: ReadOptions,
    *,
    note: Note = ignore_note,
    on_error: OnError | None = None,
) -> Iterator[ClassedImage]:
    """Yield the images of a QuPath project in which a person classed objects.

    Args:
        project: the project.
        reviews: those of all its images.
        options: what is read.
        note: called with sentences for the user.
        on_error: as in :func:`read_classed_images`.

    Raises:
        BadInputError: what ``on_error`` does not take: an image that is not there.
    """
    images = [review.image for review in reviews]
    for review, name in zip(reviews, result_names(images), strict=True):
        try:
            detections, classes = select_examples(
                review.detections,
                annotations=options.annotations,
                reviewed=_by_person(review.changes, options, note, review.image.name),
                classes=options.classes,
            )
            classes = _persons_first(detections, classes, review.changes, options)
            if not classes:
                continue
            yield ClassedImage(
                path=image_file(review.image, project),
                detections=detections,
                classes=classes,
                name=name,
                group=group_of(name),
                source=str(project),
                axes=options.axes,
                pixel_size=options.pixel_size,
            )
        except StarbridgeError as error:
            if on_error is None:
                raise
            on_error(error)


def image_file(image: ProjectImage, project: Path) -> Path:
    """Return the file of an image of a project, with its series, as :func:`open_image` takes it.

    Args:
        image: the image.
        project: the project.

    Raises:
        BadInputError: the file is not there.
    """
    if not image.paths or image.missing:
        where = image.missing[0] if image.missing else image.uris[0] if image.uris else image.name
        raise BadInputError(
            project,
            f"has the image {image.name}, whose file is not there ({where})",
            "put it back, or give its new folder to starbridge qupath push --relink",
        )
    series = image.transform.series
    path = image.paths[0]
    return path if series in (None, "0") else Path(f"{path}#{series}")


def _read_review_folder(
    folder: Path, options: ReadOptions, note: Note, on_error: OnError | None
) -> Iterator[ClassedImage]:
    for name in reviewed_names(folder):
        try:
            review = read_fiji_review(folder, name)
            for line in review.notes:
                note(f"{folder}: {name}: {line}")
            detections, classes = select_examples(
                review.objects,
                is_typed=False,
                annotations=options.annotations,
                reviewed=_by_person(review.changes, options, note, name),
                classes=options.classes,
            )
            classes = _persons_first(detections, classes, review.changes, options)
            if classes:
                yield ClassedImage(
                    path=ReviewFiles.of(folder, name).image,
                    detections=detections,
                    classes=classes,
                    name=name,
                    group=group_of(name),
                    source=str(folder),
                    axes=options.axes,
                    pixel_size=options.pixel_size,
                )
        except StarbridgeError as error:
            if on_error is None:
                raise
            on_error(error)


def _by_person(
    changes: Changes | None, options: ReadOptions, note: Note, name: str
) -> frozenset[str] | None:
    """Return UUIDs of objects whose class a person gave, in this review or an earlier one.

    A class that was pushed and left as it was is a prediction: to learn it again would only make
    the classifier surer of its mistakes.

    Returns:
        The UUIDs; ``None`` where each class counts.
    """
    if changes is None or options.accepted:
        return None
    found = frozenset(map(str, classes_of_reviewers(changes).index))
    frame = changes.applied.objects
    is_left = frame["class"].notna() & ~frame.index.isin(list(found))
    rows = ObjectRows.of(changes.applied)
    objects = set(rows.owner[is_left & (frame["class"] != TO_CHECK)])
    left = len(objects - set(rows.owner[frame.index.isin(list(found))]))
    if left:
        note(f"{name}: {left} classes were pushed and not changed; --accepted takes them too")
    return found


def _persons_first(
    detections: Detections, classes: dict[str, str], changes: Changes | None, options: ReadOptions
) -> dict[str, str]:
    """Leave out accepted classes of slices of an object that a person classed in another slice."""
    if changes is None or not options.accepted:
        return classes
    return without_overruled(detections, classes, [*classes_of_reviewers(changes).index])
