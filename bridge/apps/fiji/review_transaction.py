"""Replace the files of a review as one transaction.

1. All files are written aside (:func:`staging`).
2. :func:`decide` checks that the review is still as it was read, and renames the new record. That
   one rename decides the push: the record holds the objects and the hash of every file before and
   after.
3. :func:`finish` puts the other files in their places. A process that is killed before, or a disk
   that is full, leaves that to the next push, and readers can tell by the hashes
   (:mod:`bridge.apps.fiji.review_state`).

A reviewer may save at any moment. So no file is overwritten: it is renamed away, looked at, and the
new one is linked to its name, which fails if there is a file again. What the reviewer saved
meanwhile stays in its place and is the newest review; its ROIs say which push they come from.

All functions are called while the folder's lock is held.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bridge.apps.fiji.review_layout import ROLES, ReviewFiles, Role
from bridge.apps.fiji.review_record import FileState, PushNote, add_note
from bridge.errors import BadInputError
from bridge.files.atomic import write_error, writing
from bridge.files.hashing import file_hash


@contextmanager
def staging(files: ReviewFiles) -> Iterator[ReviewFiles]:
    """Yield the paths of the files of a push while it is written aside.

    Raises:
        BadInputError: the folder cannot be written.
    """
    discard(files)
    try:
        files.next.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(files.next.folder, error) from error
    try:
        yield files.next
    except BaseException:
        with suppress(BadInputError):
            discard(files)
        raise


def discard(files: ReviewFiles) -> None:
    """Delete files of a push that was not decided.

    Raises:
        BadInputError: they cannot be deleted.
    """
    try:
        if files.next.folder.exists():
            shutil.rmtree(files.next.folder)
        for part in files.hidden.glob(".*.part"):
            part.unlink()
    except OSError as error:
        raise write_error(files.next.folder, error) from error


def decide(
    files: ReviewFiles,
    *,
    push: str,
    base: PushNote | None,
    contents: Mapping[Role, str | None],
    at_once: bool = False,
) -> bool:
    """Decide a push whose files are written aside.

    Args:
        files: the files of the image.
        push: name of the push.
        base: note of the push before; ``None`` for the first.
        contents: hashes of the files that were merged; those of other files are as they are.
        at_once: decide also if a file was saved since it was read; it then stays in its place.

    Returns:
        False if a file was saved since it was read, and the push has to begin again; True if it is
        decided, or changes nothing.

    Raises:
        BadInputError: a file cannot be written.
    """
    states: dict[Role, FileState] = {}
    for role in ROLES:
        known = base.files[role].known if base else frozenset()
        replaced = contents[role] if role in contents else file_hash(files.path(role))
        states[role] = FileState(
            pushed=file_hash(files.next.path(role)),
            replaced=replaced,
            is_review=replaced is not None and replaced not in known,
        )
    if base and base.push == push and all(s.pushed == s.replaced for s in states.values()):
        discard(files)
        return True
    note = PushNote(push=push, previous=base.push if base else "", files=states)
    add_note(files.next.record, note)
    try:
        files.aside.folder.mkdir(parents=True, exist_ok=True)
        if any(state.is_review for state in states.values()):
            files.unused_earlier(files.rois).parent.mkdir(exist_ok=True)
        is_changed = any(file_hash(files.path(r)) != states[r].replaced for r in ROLES)
        if is_changed and not at_once:
            return False
        files.next.record.replace(files.record)
    except OSError as error:
        raise write_error(files.record, error) from error
    return True


@dataclass
class Finished:
    """Reviewers' files that a push moved to the folder ``earlier reviews``.

    Attributes:
        replaced: those that the push had read.
        superseded: those that were saved during the push, and again before they could be read.
    """

    replaced: list[Path] = field(default_factory=list)
    superseded: list[Path] = field(default_factory=list)


def finish(files: ReviewFiles, note: PushNote) -> Finished:
    """Put the files of a decided push in their places, as far as they are not.

    Args:
        files: the files of the image.
        note: what the record of the push says.

    Raises:
        BadInputError: a file cannot be moved; the next call goes on.
    """
    finished = Finished()
    try:
        for role in ROLES:
            _replace(files, role, note.files[role], finished)
        for folder in (files.aside.folder, files.next.folder):
            with suppress(OSError):  # not empty: a reviewer's save waits to be merged
                folder.rmdir()
    except OSError as error:
        raise write_error(files.folder, error) from error
    # What reviewers save from this push can be merged as long as its record is kept.
    kept = files.kept_record(note.push)
    if file_hash(kept) != file_hash(files.record):
        with writing(kept) as part:
            shutil.copyfile(files.record, part)
    return finished


def take_rois(files: ReviewFiles, note: PushNote, rois: Path) -> list[Path]:
    """Put a copy of the ROIs that a reviewer has open in the place of the review's.

    Args:
        files: the files of the image.
        note: what the record of the last push says.
        rois: the reviewer's ROIs.

    Returns:
        What another had saved there, in the folder ``earlier reviews``.

    Raises:
        BadInputError: a file cannot be copied or moved.
    """
    copy, aside = files.next.rois, files.aside.rois
    try:
        with writing(copy) as part:
            shutil.copyfile(rois, part)
        aside.parent.mkdir(parents=True, exist_ok=True)
        if files.rois.exists():
            files.rois.rename(aside)
        if not _put(copy, files.rois):
            raise BadInputError(files.rois, "was saved by another just now", "do it once more")
        if file_hash(aside) in note.files["rois"].known:
            aside.unlink()
        return [_move_to_earlier(files, "rois")] if aside.exists() else []
    except OSError as error:
        raise write_error(files.rois, error) from error


def _replace(files: ReviewFiles, role: Role, state: FileState, finished: Finished) -> None:
    place, aside, new = files.path(role), files.aside.path(role), files.next.path(role)
    _settle(files, role, state, finished)
    is_staged, content = file_hash(new) == state.pushed, file_hash(place)
    if is_staged and content is not None and content == state.pushed:
        new.unlink()
    elif is_staged and content is not None and content == state.replaced:
        aside.parent.mkdir(parents=True, exist_ok=True)
        place.rename(aside)
        _settle(files, role, state, finished)
    if is_staged and new.exists() and not place.exists():
        _put(new, place)
    if aside.exists():
        if file_hash(aside) == state.replaced:
            aside.unlink()
        else:  # who had it open has gone on saving
            finished.superseded.append(_move_to_earlier(files, role))


def _settle(files: ReviewFiles, role: Role, state: FileState, finished: Finished) -> None:
    """Decide what becomes of a file that was renamed away."""
    aside = files.aside.path(role)
    if not aside.exists():
        return
    if file_hash(aside) == state.replaced:
        if state.is_review:
            finished.replaced.append(_move_to_earlier(files, role))
    elif not _put(aside, files.path(role)):
        finished.superseded.append(_move_to_earlier(files, role))


def _put(source: Path, place: Path) -> bool:
    """Rename a file unless there is one of that name; return whether it was renamed."""
    try:
        os.link(source, place)
    except FileExistsError:
        return False
    except OSError:  # a file system without links
        if place.exists():
            return False
        source.rename(place)
        return True
    source.unlink()
    return True


def _move_to_earlier(files: ReviewFiles, role: Role) -> Path:
    kept = files.unused_earlier(files.path(role))
    kept.parent.mkdir(exist_ok=True)
    files.aside.path(role).rename(kept)
    return kept
