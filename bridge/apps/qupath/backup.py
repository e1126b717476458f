"""Push records of a project, and backups by which an interrupted push is finished or undone.

A project's folder ``starbridge`` holds a record of what was pushed for each image; during a push
also the record of what is being pushed, and the hash of the file of objects before it. Copies of
the files that a push changes stay until the next one.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bridge.apps.qupath.errors import QuPathError
from bridge.apps.qupath.project_files import ProjectFiles, ProjectImage
from bridge.errors import BadInputError
from bridge.files.atomic import write_bytes, write_error, writing
from bridge.review import Pushed, load_push_record, save_push_record
from bridge.review.record import ENDING

FOLDER = "starbridge"
"""Folder of starbridge's own files in a project."""

_NOTHING = "nothing"
_LAST_BYTES = b"t\x00\x03EOF"
"""Java's text EOF, which QuPath writes last."""


@dataclass(frozen=True)
class Backup:
    """The push record of one image and the copies of its files.

    Args:
        project: the project.
        image: the image.
    """

    project: ProjectFiles
    image: ProjectImage

    @property
    def _folder(self) -> Path:
        return self.project.folder / FOLDER

    @property
    def record(self) -> Path:
        """Record of what was pushed."""
        return self._folder / f"{self.image.id}{ENDING}"

    @property
    def _next(self) -> Path:
        return self._folder / f"{self.image.id}.next{ENDING}"

    @property
    def _note(self) -> Path:
        return self._folder / f"{self.image.id}.pending.json"

    @property
    def _copy(self) -> Path:
        return self._folder / "before" / f"{self.image.id}.qpdata"

    @property
    def _qupaths_copy(self) -> Path:
        """QuPath's own copy of the objects, made while it saves and read if it cannot read them."""
        return self.image.objects_file.with_name(self.image.objects_file.name + ".bkp")

    @property
    def _copy_of_qupaths(self) -> Path:
        return self._copy.with_name(f"{self._copy.name}.bkp")

    def settle(self) -> Pushed | None:
        """Finish an interrupted push or undo it, and return what was pushed last.

        A push whose objects were saved completely is finished. Objects that QuPath did not save to
        their end are put aside, and the earlier ones are restored.

        Returns:
            ``None`` if nothing was pushed yet.

        Raises:
            BadInputError: the record is damaged, or the project's folder cannot be written.
        """
        with _explain_os_errors(self._folder):
            if self._note.exists():
                if self._saved_in_part():
                    if self.image.objects_file.exists():
                        aside = self._copy.with_name(f"{self._copy.name}.unfinished")
                        self.image.objects_file.replace(aside)
                    self.undo()
                elif self._written():
                    # The objects were saved, and the record was not.
                    self._next.replace(self.record)
                self._next.unlink(missing_ok=True)
                self._note.unlink(missing_ok=True)
            return load_push_record(self.record) if self.record.exists() else None

    def current_record(self) -> Path | None:
        """Return the record of the last push, ``None`` if nothing was pushed; write nothing."""
        written = self._note.exists() and self._written() and not self._saved_in_part()
        record = self._next if written else self.record
        return record if record.exists() else None

    def pushed(self) -> Pushed | None:
        """Return what was pushed last, ``None`` if nothing was; write nothing.

        Raises:
            BadInputError: the record is damaged.
        """
        record = self.current_record()
        return None if record is None else load_push_record(record)

    def state(self) -> str:
        """Return a hash that changes whenever the image's objects are saved.

        Raises:
            BadInputError: the objects cannot be read.
        """
        return _digest(self.image.objects_file)

    def begin(self, pushed: Pushed, state: str) -> None:
        """Copy the files that a push changes, and store the record of the push.

        Args:
            pushed: what is going to be pushed.
            state: :meth:`state` when the objects were read.

        Raises:
            QuPathError: the objects were saved since.
            BadInputError: the copies cannot be written.
        """
        self._check(self.state() == state)
        with _explain_os_errors(self._folder):
            for source, target in (
                (self.image.objects_file, self._copy),
                (self._qupaths_copy, self._copy_of_qupaths),
                (self.project.file, self._folder / "before" / self.project.file.name),
            ):
                if source.exists():
                    _copy(source, target)
                else:
                    target.unlink(missing_ok=True)
            # Otherwise undo would restore something else than was read.
            self._check(_digest(self._copy) == state)
            save_push_record(self._next, pushed)
            write_bytes(self._note, json.dumps({"before": state}).encode())

    def finish(self) -> None:
        """Make the record of this push the current one.

        Raises:
            BadInputError: the project's folder cannot be written.
        """
        with _explain_os_errors(self._folder):
            self._next.replace(self.record)
            self._note.unlink()

    def undo(self) -> None:
        """Restore the objects as they were before the push, if one began.

        Raises:
            BadInputError: the project's folder cannot be written.
        """
        with _explain_os_errors(self._folder):
            if not self._note.exists():
                return
            if self._before() != self.state():
                _restore(self._copy, self.image.objects_file)
            # QuPath would prefer a copy of its own that was left behind.
            _restore(self._copy_of_qupaths, self._qupaths_copy)
            self._next.unlink(missing_ok=True)
            self._note.unlink(missing_ok=True)

    def _check(self, unchanged: bool) -> None:
        if not unchanged:
            raise QuPathError(
                f"{self.image.name}: somebody saved its objects meanwhile; close the project in "
                "QuPath and push again"
            )

    def _written(self) -> bool:
        return self._next.exists() and self._before() != self.state()

    def _saved_in_part(self) -> bool:
        """Return True where QuPath ended in the middle of saving what was pushed."""
        before = self._before()
        if self.state() == before:
            return False
        if self._qupaths_copy.exists() and _digest(self._qupaths_copy) not in (
            before,
            _digest(self._copy_of_qupaths),
        ):
            return False  # The push was saved, and a reviewer's save failed later.
        try:
            with self.image.objects_file.open("rb") as stream:
                stream.seek(0, 2)
                stream.seek(max(stream.tell() - len(_LAST_BYTES), 0))
                return stream.read() != _LAST_BYTES
        except FileNotFoundError:
            return True

    def _before(self) -> str:
        """Return the state before the interrupted push."""
        try:
            note = json.loads(self._note.read_text("utf-8"))
            return str(note["before"])
        except (OSError, ValueError, KeyError, TypeError):
            return _digest(self._copy)  # The copy is written before the note.


def _digest(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        return _NOTHING
    except OSError as error:
        raise BadInputError(
            file, f"cannot be read ({error.strerror})", "check its permissions"
        ) from error


def _copy(source: Path, target: Path) -> None:
    with writing(target) as part:
        shutil.copyfile(source, part)


def _restore(copy: Path, file: Path) -> None:
    if copy.exists():
        _copy(copy, file)
    else:
        file.unlink(missing_ok=True)


@contextmanager
def _explain_os_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise write_error(folder, error) from error
