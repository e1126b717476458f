"""Read training pairs from a QuPath project."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bridge.apps.qupath.project_files import ProjectFiles, ProjectImage, read_project
from bridge.apps.qupath.results import result_names
from bridge.apps.qupath.session import QuPath
from bridge.apps.qupath.shown_image import open_shown
from bridge.apps.qupath.sync import MOST_RESTARTS, Review, read_review
from bridge.errors import BadInputError, StarbridgeError
from bridge.training.pairs import TrainingPair
from bridge.training.sources import ReadOptions
from bridge.training.sources.options import Note, OnError, ignore_note
from bridge.training.sources.reviews import is_done, refuse_unreviewed, review_pairs

MARKS = ("reviewed", "done", "finished")
"""Keys of an image's metadata in QuPath by which a reviewer marks it as done."""

_NOT = ("no", "false", "0", "n", "not yet", "todo")


def is_marked(image: ProjectImage) -> bool:
    """Return whether a reviewer marked an image of a project as done.

    In QuPath: right click on the image in the project, Add metadata, with a key of :data:`MARKS`
    and any value but no.
    """
    return any(
        key.strip().lower() in MARKS and value.strip().lower() not in _NOT
        for key, value in image.metadata.items()
    )


def names_of_images(files: ProjectFiles) -> dict[str, tuple[str, ...]]:
    """Return the names by which each image can be called, the name of its files first."""
    names = result_names(files.images)
    return {
        image.id: (name, image.name, image.id)
        for image, name in zip(files.images, names, strict=True)
    }


def is_project(place: Path) -> bool:
    """Return whether a path is a QuPath project: its folder, or its file."""
    if place.is_dir():
        return next(place.glob("*.qpproj"), None) is not None
    return place.suffix.lower() == ".qpproj"


def read_project_pairs(
    project: Path,
    options: ReadOptions,
    *,
    note: Note = ignore_note,
    on_error: OnError | None = None,
    app: Path | None = None,
    heap: str | None = None,
) -> Iterator[TrainingPair]:
    """Read what reviewers finished in QuPath: inside of annotations of a class, or whole images.

    QuPath is started to read the objects; nothing in the project is written.

    Args:
        project: the project's folder, or its file.
        options: what is read; ``done`` names images by name, with or without ending, or number.
        note: called with sentences for the user.
        on_error: as in :func:`bridge.training.sources.read_pairs`.
        app: folder of QuPath, as in :class:`bridge.apps.qupath.session.QuPath`.
        heap: its memory, as there.

    Yields:
        The pairs; images in which nothing is finished are left out.

    Raises:
        BadInputError: no project, nothing finished in any image, or no such image as ``done``
            names; and what ``on_error`` does not take.
        QuPathError: QuPath does not start, or cannot open the project.
    """
    files = read_project(project)
    called = names_of_images(files)
    unknown = [name for name in options.done if not any(name in c for c in called.values())]
    if unknown:
        listed = ", ".join(image.name for image in files.images)
        raise BadInputError(files.file, f"has no image {unknown[0]!r}", f"its images are {listed}")
    whole = {
        image.id
        for image in files.images
        if is_done(image.name, options, marked=is_marked(image), aliases=called[image.id])
    }
    looked_at = [image for image in files.images if options.inside or image.id in whole]
    if not looked_at:
        raise refuse_unreviewed(str(files.file), options)
    found = failed = False
    ended = 0
    unfinished = []
    with QuPath(app, heap=heap) as session:
        session.open(files.folder, reading=True)
        for image in looked_at:
            try:
                review = read_review(session, files, image)
                pairs = 0
                for pair in pairs_of_review(
                    review, options, name=called[image.id][0], whole=image.id in whole, note=note
                ):
                    pairs += 1
                    yield pair
                ended = 0
            except StarbridgeError as error:
                ended += not session.running
                if on_error is None or ended > MOST_RESTARTS:
                    raise
                failed = True
                on_error(error)
                if not session.running:  # one image must not end the reading of the others
                    session.restart()
                continue
            found |= pairs > 0
            if not pairs:
                unfinished.append(image.name)
    if not found and not failed:
        raise refuse_unreviewed(str(files.file), options)
    if unfinished:
        note(f"{files.file}: nothing is finished in {', '.join(unfinished)}")


def pairs_of_review(
    review: Review,
    options: ReadOptions,
    *,
    name: str,
    whole: bool,
    note: Note = ignore_note,
) -> Iterator[TrainingPair]:
    """Yield the pairs of one image of a project, as QuPath shows it.

    Args:
        review: the review.
        options: what is read.
        name: name of the pair.
        whole: the image was reviewed as a whole.
        note: called with sentences for the user.

    Raises:
        BadInputError: the image's file is missing or is not what QuPath shows; and what
            :func:`bridge.training.sources.reviews.review_pairs` raises.
    """
    shown = review.image.transform.detections_to_shown(review.detections)
    with open_shown(review.image) as image:
        yield from review_pairs(
            image,
            shown,
            options,
            name=name,
            source=f"{review.image.paths[0]} ({review.image.name})",
            whole=whole,
            note=note,
        )
