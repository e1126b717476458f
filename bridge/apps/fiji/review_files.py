"""Write a review folder that any Fiji opens, and read the reviewer's files.

For each image the folder holds ``NAME.tif`` with the objects as its overlay, ``NAME_rois.zip``
with the same objects for the ROI Manager, and a record of what was pushed. The reviewer saves
either of the two files under its name, at any moment.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import Any

from bridge.apps.fiji.merging import first_push, merge_review
from bridge.apps.fiji.review_layout import ReviewFiles
from bridge.apps.fiji.review_record import load_note, name_push
from bridge.apps.fiji.review_state import ReviewState, read_state, saved_files
from bridge.apps.fiji.review_transaction import decide, finish, staging, take_rois
from bridge.detections import Detections
from bridge.errors import BadInputError
from bridge.files.lock import locked
from bridge.formats import imagej_rois
from bridge.images import Image, open_image
from bridge.images.hyperstack import write_hyperstack
from bridge.images.locations import identity
from bridge.review import Changes, Merged, Pushed, compare, save_push_record
from bridge.review.record import ENDING
from bridge.review.results import write_table

_TRIES = 3
"""Number of times that a push begins anew because a reviewer saved meanwhile."""


@dataclass(frozen=True)
class Review:
    """A review that was read.

    Attributes:
        objects: the objects as the reviewer left them.
        changes: the reviewer's edits; ``None`` for a file, of which no push is known.
        notes: sentences for the user.
    """

    objects: Detections
    changes: Changes | None = None
    notes: tuple[str, ...] = ()


def push_files(
    image: Image,
    detections: Detections,
    folder: str | PathLike[str],
    *,
    conflict_class: str | None = None,
    rois: Path | None = None,
    on_note: Callable[[str], None] = lambda line: None,
) -> Merged | None:
    """Write an image and its objects for review in any Fiji.

    Where the folder holds a review of this image, it is merged: no edit is lost, also of what the
    reviewer saves while this runs. The reviewer's file is moved to the folder ``earlier reviews``.
    A push that was interrupted before is finished or forgotten first; one that goes on in another
    process is waited for.

    Args:
        image: the image.
        detections: the objects.
        folder: the review folder; created where missing.
        conflict_class: as in :func:`bridge.review.merge`.
        rois: what the reviewer has open: ROIs that count in place of those in the folder.
        on_note: called with sentences for the user.

    Returns:
        The merge with the earlier review, ``None`` for a first push.

    Raises:
        BadInputError: the earlier review cannot be read, or a file cannot be written.
    """
    files = ReviewFiles.of(folder, image.name)
    _refuse_foreign(files)
    with locked(
        files.lock,
        doing=f"push of {image.name} into {folder}",
        on_wait=lambda holder: on_note(f"waiting for {holder}"),
    ):
        _finish(files, on_note)
        reviewed = None
        if rois is not None:
            _take(files, rois, on_note)
            reviewed = files.rois
        for tries_left in reversed(range(_TRIES)):
            state = read_state(files, rois=reviewed) if files.record.exists() else None
            for line in state.notes if state else ():
                on_note(line)
            merged, is_decided = _push(
                image, detections, files, state, conflict_class, at_once=not tries_left
            )
            _finish(files, on_note)
            saved = saved_files(files, load_note(files)) if is_decided else []
            if is_decided and not (saved and tries_left):
                break
            on_note(f"the review of {image.name} was saved during the push, which begins again")
        for path in saved:
            on_note(f"{path} was saved again and is not merged yet; it stays: push once more")
    return merged


def _push(
    image: Image,
    detections: Detections,
    files: ReviewFiles,
    state: ReviewState | None,
    conflict_class: str | None,
    *,
    at_once: bool,
) -> tuple[Merged | None, bool]:
    """Merge, write aside and decide; return the merge and whether it was decided."""
    merged = None
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    if state is None:
        _refuse_foreign(files)
        pushed = first_push(detections, time=now)
    else:
        merged = merge_review(
            state.record.pushed,
            state.objects,
            detections,
            conflict_class=conflict_class,
            time=now,
        )
        pushed = merged.pushed
    with staging(files) as new:
        save_push_record(new.record, pushed)
        push = name_push(new.record)
        write_hyperstack(image, new.image, overlay=imagej_rois.encode(pushed.shown, push=push))
        imagej_rois.write(pushed.shown, new.rois, push=push)
        if merged is not None and len(merged.conflicts):
            write_table(merged.conflicts, new.conflicts)
        is_decided = decide(
            files,
            push=push,
            base=state.record.note if state else None,
            contents=state.contents if state else {},
            at_once=at_once,
        )
    return merged, is_decided


def _finish(files: ReviewFiles, on_note: Callable[[str], None]) -> None:
    """Finish a push that was decided."""
    if not files.record.exists():
        return
    finished = finish(files, load_note(files))
    for kept in finished.replaced:
        on_note(f"what was saved before is kept: {kept}")
    for kept in finished.superseded:
        on_note(
            f"{kept} was saved during the push, and again before it could be read; the newer one "
            "counts"
        )


def _take(files: ReviewFiles, rois: Path, on_note: Callable[[str], None]) -> None:
    """Count what the reviewer has open as the review, if it can be read."""
    note = read_state(files, rois=rois).record.note
    if files.image in saved_files(files, note):
        on_note(f"{files.image} was saved, too; its overlay is not merged")
    for kept in take_rois(files, note, rois):
        on_note(f"what was saved there before is kept, and is not merged: {kept}")


def _refuse_foreign(files: ReviewFiles) -> None:
    there = next((path for path in (files.rois, files.image) if path.exists()), None)
    if there is not None and not files.record.exists():
        raise BadInputError(
            there,
            "is there already, and nothing says that it was pushed",
            "choose another folder, or move it away",
        )


@contextmanager
def opened_to_push(image: Path, folder: Path, *, axes: str | None = None) -> Iterator[Image]:
    """Open an image for :func:`push_files`; of a review folder's own image, a copy.

    Windows does not replace a file that is open.

    Args:
        image: the image.
        folder: the review folder.
        axes: as in :func:`bridge.open_image`.

    Raises:
        BadInputError: it cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="starbridge-") as temporary:
        source = image
        if image.is_file() and image.resolve().parent == folder.resolve():
            source = Path(shutil.copy(image, temporary))
        with open_image(source, axes=axes) as opened:
            yield opened


def pull_files(folder: str | PathLike[str], name: str) -> tuple[Pushed, Detections]:
    """Read what was pushed of an image, and what the reviewer left.

    Nothing is written into the folder, and what a push leaves there while it goes on, or was
    killed, is read as before or after it.

    Args:
        folder: the review folder.
        name: the image's name.

    Raises:
        BadInputError: nothing was pushed, a file is damaged, or the reviewer changed both files,
            and which holds the review is unknown.
    """
    state = read_state(ReviewFiles.of(folder, name))
    return state.record.pushed, state.objects


def read_review(source: Path, name: str, *, image: Path | None = None) -> Review:
    """Read the objects of one image as the reviewer left them.

    Args:
        source: a review folder, or a file that a reviewer saved: ROIs, or a TIFF with an overlay.
        name: the image's name in the folder.
        image: the image that ROIs belong to, for its size and pixel size.

    Raises:
        BadInputError: as :func:`pull_files`; the file or the image cannot be read.
    """
    if source.is_dir():
        state = read_state(ReviewFiles.of(source, name))
        return Review(state.objects, compare(state.record.pushed, state.objects), state.notes)
    is_image = source.suffix.lower() in (".tif", ".tiff")
    pixels = image or (source if is_image else None)
    info = None
    if pixels is not None:
        with open_image(pixels) as opened:
            info = opened.info
    read = imagej_rois.read_overlay if is_image else imagej_rois.read
    return Review(read(source, image=info))


def reviewed_names(source: Path) -> list[str]:
    """List the images of a review folder, or the one of a reviewer's file.

    Returns:
        The names of the images.

    Raises:
        BadInputError: a folder without a review.
    """
    if not source.is_dir():
        return [source.stem.removesuffix("_rois")]
    names = sorted(path.name.removesuffix(ENDING) for path in source.glob(f"*{ENDING}"))
    if not names:
        raise BadInputError(
            source, "holds no review", "give the folder of starbridge fiji push --out"
        )
    return names


def review_key(source: Path, name: str, *, image: Path | None = None) -> dict[str, Any]:
    """Return what decides the review of an image: JSON values that differ when a file was saved.

    Args:
        source: as in :func:`read_review`, and so are ``name`` and ``image``.
        name: likewise.
        image: likewise.
    """
    review = [source]
    if source.is_dir():
        files = ReviewFiles.of(source, name)
        review = [files.rois, files.image, files.record]
    return {
        "review": [identity(path) for path in review],
        "image": None if image is None else identity(image),
    }
