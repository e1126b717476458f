"""Read training pairs from a review folder of Fiji."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bridge.apps.fiji.review_files import read_review, reviewed_names
from bridge.apps.fiji.review_layout import ReviewFiles
from bridge.errors import BadInputError, StarbridgeError
from bridge.images import open_image
from bridge.review.record import ENDING
from bridge.training.pairs import TrainingPair
from bridge.training.sources import ReadOptions
from bridge.training.sources.options import Note, OnError, ignore_note
from bridge.training.sources.reviews import is_done, refuse_unreviewed, review_pairs


def is_review_folder(folder: Path) -> bool:
    """Return whether a folder was made by ``starbridge fiji push``."""
    return folder.is_dir() and next(folder.glob(f"*{ENDING}"), None) is not None


def read_review_folder(
    folder: Path,
    options: ReadOptions,
    *,
    note: Note = ignore_note,
    on_error: OnError | None = None,
) -> Iterator[TrainingPair]:
    """Read what reviewers finished in Fiji: inside of ROIs of a class, or in whole images.

    Args:
        folder: the review folder. The pixels are those of its ``NAME.tif``.
        options: what is read. A ROI of the class counts as a region whatever it is.
        note: called with sentences for the user.
        on_error: as in :func:`bridge.training.sources.read_pairs`.

    Yields:
        The pairs; images in which nothing is finished are left out.

    Raises:
        BadInputError: no review, nothing finished in any image, or no such image as ``done``
            names; and what ``on_error`` does not take.
    """
    names = reviewed_names(folder)
    unknown = [name for name in options.done if name not in names]
    if unknown:
        raise BadInputError(
            folder, f"has no image {unknown[0]!r}", f"its images are {', '.join(names)}"
        )
    found = failed = False
    unfinished = []
    for name in names:
        try:
            pairs = 0
            for pair in _read_image(folder, name, options, note):
                pairs += 1
                yield pair
        except StarbridgeError as error:
            if on_error is None:
                raise
            failed = True
            on_error(error)
            continue
        found |= pairs > 0
        if not pairs:
            unfinished.append(name)
    if not found and not failed:
        raise refuse_unreviewed(str(folder), options)
    if unfinished:
        note(f"{folder}: nothing is finished in {', '.join(unfinished)}")


def _read_image(
    folder: Path, name: str, options: ReadOptions, note: Note
) -> Iterator[TrainingPair]:
    review = read_review(folder, name)
    file = ReviewFiles.of(folder, name).image
    for line in review.notes:
        note(f"{file}: {line}")
    with open_image(file, axes=options.axes) as image:
        yield from review_pairs(
            image,
            review.objects,
            options,
            name=name,
            source=str(file),
            whole=is_done(name, options),
            is_typed=False,
            note=note,
        )
