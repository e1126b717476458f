"""Read what a reviewer left in a review folder, while others may write there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from bridge.apps.fiji.restore_ids import restore_ids
from bridge.apps.fiji.review_layout import ReviewFiles, Role
from bridge.apps.fiji.review_record import FileState, PushNote, ReviewRecord, load_record
from bridge.detections import Detections
from bridge.errors import BadInputError
from bridge.files.hashing import file_hash
from bridge.formats import imagej_rois
from bridge.review.rebase import rebase

_TRIES = 20
"""Number of readings of a review that changes meanwhile."""

_REVIEWED: tuple[Role, ...] = ("rois", "image")
"""Files that hold a review."""

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class ReviewState:
    """A review as it is in the folder at one moment.

    Attributes:
        record: the last push.
        objects: the objects as the reviewer left them, to be compared with ``record.pushed``.
        saved: the file that the reviewer saved since; ``None`` where none was.
        contents: hash of each file that was there, as it was read.
        notes: sentences for the user.
    """

    record: ReviewRecord
    objects: Detections
    saved: Path | None
    contents: dict[Role, str | None]
    notes: tuple[str, ...] = ()


def read_state(files: ReviewFiles, *, rois: Path | None = None) -> ReviewState:
    """Read a review; nothing is written.

    A push that was interrupted after its record was renamed counts as done, also where its other
    files have not taken their places yet.

    Args:
        files: the files of the image.
        rois: what the reviewer has open: ROIs that count in place of those in the folder.

    Raises:
        BadInputError: nothing was pushed, a file is damaged or missing, the reviewer saved both
            files and which holds the review is unknown, or somebody writes all the time.
    """
    return _consistently(files, lambda: _read(files, rois))


def saved_files(files: ReviewFiles, note: PushNote) -> list[Path]:
    """Return the files that a reviewer saved since a push, also while others may write there."""
    found = (_find_saved(files, role, note.files[role]) for role in _REVIEWED)
    return [path for path in found if path is not None]


def _consistently(files: ReviewFiles, read: Callable[[], Result]) -> Result:
    """Read again until no file has changed meanwhile."""
    for _ in range(_TRIES):
        before = _signature(files)
        try:
            result = read()
        except BadInputError:
            if _signature(files) == before:
                raise
            continue
        if _signature(files) == before:
            return result
    raise BadInputError(
        files.record, "is being written all the time", "wait until that has ended, and run again"
    )


def _signature(files: ReviewFiles) -> list[tuple[int, ...] | None]:
    found: list[tuple[int, ...] | None] = []
    for path in files.watched():
        try:
            status = path.stat()
            found.append((status.st_ino, status.st_size, status.st_mtime_ns))
        except OSError:
            found.append(None)
    return found


def _read(files: ReviewFiles, rois: Path | None) -> ReviewState:
    record = load_record(files)
    states = record.note.files
    contents = {role: file_hash(files.path(role)) for role in _REVIEWED}
    saved = [rois] if rois else saved_files(files, record.note)
    if len(saved) == 2:
        raise BadInputError(
            saved[0],
            f"was saved by the reviewer, and so was {saved[1].name}",
            "move the one away that does not hold the review",
        )
    notes = []
    if any(_is_pending(files, role, states[role]) for role in _REVIEWED):
        notes.append("a push into this folder has not ended; run it again if nobody does")
    if not saved:
        is_there = contents["rois"] is not None or files.aside.rois.exists()
        if not is_there and not _is_pending(files, "rois", states["rois"]):
            raise BadInputError(
                files.rois, "is missing", "bring it back, or push into another folder"
            )
        return ReviewState(
            record=record,
            objects=record.pushed.shown,
            saved=None,
            contents=contents,
            notes=tuple(notes),
        )
    objects, is_stale = _read_saved(files, saved[0], record)
    if is_stale:
        notes.append(
            f"{saved[0].name} was saved from an earlier push; its edits were carried over to the "
            "last one"
        )
    return ReviewState(
        record=record, objects=objects, saved=saved[0], contents=contents, notes=tuple(notes)
    )


def _find_saved(files: ReviewFiles, role: Role, state: FileState) -> Path | None:
    for path in (files.path(role), files.aside.path(role)):
        content = file_hash(path)
        if content is not None and content not in state.known:
            return path
    return None


def _is_pending(files: ReviewFiles, role: Role, state: FileState) -> bool:
    """Return True if the file that was pushed waits to be put in its place."""
    waiting = files.next.path(role)
    return waiting.exists() and file_hash(waiting) == state.pushed


def _read_saved(files: ReviewFiles, path: Path, record: ReviewRecord) -> tuple[Detections, bool]:
    """Read a reviewer's file; carry the edits over if an earlier push is what it was made from."""
    read = imagej_rois.read if path.suffix == ".zip" else imagej_rois.read_overlay
    earlier = _origin(files, path, record)
    base = (earlier or record).pushed.shown
    found = replace(
        restore_ids(read(path, image=base.image), base), image=base.image, outline=base.outline
    )
    if earlier is None:
        return found, False
    return rebase(earlier.pushed, found, record.pushed), True


def _origin(files: ReviewFiles, path: Path, record: ReviewRecord) -> ReviewRecord | None:
    """Return the earlier push whose ROIs a reviewer saved, ``None`` if it was the last one.

    ROIs say which push they come from, unless all of them were drawn or updated. Then they come
    from the earlier push if the file of the last one has not been in this place yet.
    """
    pushes = imagej_rois.read_pushes(path)
    note = record.note
    role: Role = "rois" if path.suffix == ".zip" else "image"
    if not pushes and _is_pending(files, role, note.files[role]):
        if not note.previous:
            raise BadInputError(
                path, "is there, and nothing says that it was pushed", "move it away"
            )
        pushes = frozenset([note.previous])
    known = {push for push in pushes if files.kept_record(push).exists()} | (pushes & {note.push})
    if pushes and not known:
        raise BadInputError(
            path,
            "was saved from a push that this folder does not know",
            "move it away, and read it by itself: starbridge fiji pull FILE --image IMAGE",
        )
    if len(known) > 1:
        raise BadInputError(
            path,
            "holds the objects of two pushes",
            "delete those of one of them in the ROI Manager, and save the rest under its name",
        )
    if not known or known == {note.push}:
        return None
    return load_record(files, files.kept_record(*known))
