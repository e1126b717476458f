"""Score the pushes of reviews, in whichever application they were reviewed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bridge.apps.fiji.review_files import reviewed_names
from bridge.apps.fiji.rounds import read_rounds
from bridge.apps.qupath.project_files import read_project
from bridge.apps.qupath.results import result_names
from bridge.apps.qupath.rounds import rounds_of_review
from bridge.apps.qupath.session import QuPath
from bridge.apps.qupath.sync import read_review
from bridge.apps.qupath.training_pairs import is_marked
from bridge.apps.training_pairs import kind_of
from bridge.errors import BadInputError, StarbridgeError
from bridge.review.rounds import Round
from bridge.training.evaluation.review_scores import ReviewScore, score_round
from bridge.training.sources.options import Note, OnError, ReadOptions, ignore_note


def score_reviews(
    review: Path,
    options: ReadOptions | None = None,
    *,
    note: Note = ignore_note,
    on_error: OnError | None = None,
    qupath: Path | None = None,
    heap: str | None = None,
) -> Iterator[ReviewScore]:
    """Score each push into the images of a review by what the reviewer made of it.

    Whole images count as reviewed, unless the options name classes of regions, or images.

    Args:
        review: a review folder of ``starbridge fiji push``, or a QuPath project.
        options: what was reviewed.
        note: called with sentences for the user.
        on_error: called with the error of an image, which is left out; where ``None``, the first
            such error is raised.
        qupath: folder of QuPath, where a project is read.
        heap: memory of QuPath, likewise.

    Yields:
        The scores, image by image, the first push of each first.

    Raises:
        BadInputError: no review.
        QuPathError: QuPath does not start, or cannot read the project.

    >>> scores = score_reviews(Path("review/"), ReadOptions(inside=("Done",)))
    """
    options = options or ReadOptions()
    kind = kind_of(review)
    if kind == "files":
        raise BadInputError(
            review, "is no review", "give the folder of starbridge fiji push, or a QuPath project"
        )
    if kind == "review folder":
        for name in reviewed_names(review):
            try:
                rounds = read_rounds(review, name)
            except StarbridgeError as error:
                if on_error is None:
                    raise
                on_error(error)
                continue
            whole = _is_whole(options, (name,))
            yield from _scores(name, rounds, options, note, whole=whole, is_typed=False)
        return
    files = read_project(review)
    names = dict(zip((i.id for i in files.images), result_names(files.images), strict=True))
    with QuPath(qupath, heap=heap) as session:
        session.open(files.folder, reading=True)
        for image in files.images:
            try:
                rounds = rounds_of_review(files, read_review(session, files, image))
            except StarbridgeError as error:
                if on_error is None:
                    raise
                on_error(error)
                if not session.running:
                    session.restart()
                continue
            whole = is_marked(image) or _is_whole(options, (image.name, names[image.id], image.id))
            yield from _scores(names[image.id], rounds, options, note, whole=whole, is_typed=True)


def _scores(
    name: str,
    rounds: list[Round],
    options: ReadOptions,
    note: Note,
    *,
    whole: bool,
    is_typed: bool,
) -> Iterator[ReviewScore]:
    for one in rounds:
        score = score_round(name, one, options, whole=whole, is_typed=is_typed)
        if score is None:
            why = "nothing is finished in it" if one.is_reviewed else "it was not reviewed yet"
            note(f"{name}, push {one.push}: {why}")
        else:
            yield score
    if not rounds:
        note(f"{name}: nothing was pushed into it")


def _is_whole(options: ReadOptions, names: tuple[str, ...]) -> bool:
    chosen = bool(options.inside or options.done)
    return options.everything or not chosen or any(name in options.done for name in names)
