"""The record of a push into a review folder: the objects, and the files that were written.

Both are in one file, because the rename of that file decides a push.
"""

from __future__ import annotations

import errno
import hashlib
import json
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bridge.apps.fiji.review_layout import ROLES, ReviewFiles, Role
from bridge.errors import BadInputError
from bridge.files.atomic import write_error
from bridge.review import Pushed, load_push_record

_FILES = "files.json"
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, kw_only=True)
class FileState:
    """Contents that a file of a review is known to have had, as SHA-256.

    Attributes:
        pushed: as the push writes it; ``None`` where it writes none.
        replaced: as it was when the push read it; ``None`` where it was not there.
        is_review: whether the reviewer had saved it before that, so that it is to be kept.
    """

    pushed: str | None = None
    replaced: str | None = None
    is_review: bool = False

    @property
    def known(self) -> frozenset[str]:
        """Contents with nothing in them that the record does not hold."""
        return frozenset(h for h in (self.pushed, self.replaced) if h is not None)


@dataclass(frozen=True, kw_only=True)
class PushNote:
    """The files of a push, as its record describes them.

    Attributes:
        push: name of the push, which its ROIs carry.
        previous: name of the push before; ``""`` for the first.
        files: state of each file of the review.
    """

    push: str
    previous: str
    files: Mapping[Role, FileState]


@dataclass(frozen=True)
class ReviewRecord:
    """Record of a push.

    Attributes:
        pushed: the objects, with the decisions of earlier reviews.
        note: what it says of the files.
    """

    pushed: Pushed
    note: PushNote


def name_push(record: Path) -> str:
    """Return the name of a push: equal objects and decisions have equal names.

    Args:
        record: what :func:`bridge.review.save_push_record` wrote.
    """
    return hashlib.sha256(record.read_bytes()).hexdigest()[:16]


def add_note(record: Path, note: PushNote) -> None:
    """Add to a stored record what it is to say of the files.

    Raises:
        BadInputError: it cannot be written.
    """
    states = {role: vars(note.files[role]) for role in ROLES}
    text = json.dumps({"push": note.push, "previous": note.previous, "files": states})
    entry = zipfile.ZipInfo(_FILES)  # of 1980: equal pushes give equal files
    try:
        # Given a path that cannot be opened, zipfile would begin a new file.
        with record.open("r+b") as stream, zipfile.ZipFile(stream, "a") as archive:
            archive.writestr(entry, text)
    except OSError as error:
        raise write_error(record, error) from error


def load_record(files: ReviewFiles, path: Path | None = None) -> ReviewRecord:
    """Read the record of the last push.

    Args:
        files: the files of the image.
        path: the record of an earlier push.

    Raises:
        BadInputError: missing or damaged, with the copy to restore it from, if there is one.
    """
    record = path or files.record
    try:
        return ReviewRecord(load_push_record(record), _read_note(record))
    except BadInputError as error:
        cause = error.__cause__
        if isinstance(cause, OSError) and cause.errno in _NO_SPACE:
            # the tables are unpacked into the folder for temporary files
            raise write_error(tempfile.gettempdir(), cause) from error
        if path is not None or "is damaged" not in error.problem:
            raise
        raise BadInputError(record, error.problem, _restore_remedy(files)) from error


def load_note(files: ReviewFiles) -> PushNote:
    """Read what the record of the last push says of the files, without the objects.

    Raises:
        BadInputError: as :func:`load_record`.
    """
    try:
        return _read_note(files.record)
    except BadInputError as error:
        if "is damaged" not in error.problem:
            raise
        raise BadInputError(files.record, error.problem, _restore_remedy(files)) from error


def _read_note(record: Path) -> PushNote:
    """Read what :func:`add_note` added."""
    try:
        with zipfile.ZipFile(record) as archive:
            if _FILES not in archive.namelist():
                raise BadInputError(
                    record,
                    "does not say which files were pushed",
                    "read the reviewer's file by itself (starbridge fiji pull NAME_rois.zip), "
                    "and push into another folder",
                )
            note = json.loads(archive.read(_FILES))
        return PushNote(
            push=str(note["push"]),
            previous=str(note["previous"]),
            files={role: FileState(**note["files"][role]) for role in ROLES},
        )
    except (OSError, zipfile.BadZipFile, zlib.error, KeyError, TypeError, ValueError) as error:
        raise BadInputError(record, f"is damaged ({error})") from error


def _restore_remedy(files: ReviewFiles) -> str:
    kept = sorted(files.hidden.glob("*" + files.record.suffix), key=lambda p: p.stat().st_mtime_ns)
    ways = f"copy {kept[-1]} over it, or restore it" if kept else "restore it"
    return (
        f"{ways} from a backup; without it the objects can still be read, "
        "but a review cannot be merged"
    )
