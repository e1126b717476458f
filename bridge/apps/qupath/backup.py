"""What a write to a project can be undone with, and how an interrupted one is understood.

Beside the project's own files lies a folder ``starbridge``. For each image it holds the record of
what was pushed; while a push is under way, also the record of what is being pushed, and what the
file of the objects was before. Copies of the files that a push changes stay until the next one.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from bridge.apps.qupath.errors import QuPathError
from bridge.apps.qupath.project_files import ProjectFiles, ProjectImage
from bridge.atomic import write_bytes, writing
from bridge.review import Pushed, recall, remember
from bridge.review.record import ENDING

FOLDER = "starbridge"
"""Folder of starbridge's own files in a project."""

_NOTHING = "nothing"


@dataclass(frozen=True)
class Backup:
    """The files of one image, as they were when they were last read.

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
        """The record of what was pushed."""
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

    def settle(self) -> Pushed | None:
        """What was pushed last; an interrupted push is finished, or forgotten, as the project is.

        Returns:
            ``None`` if nothing was pushed yet.

        Raises:
            BadInputError: the record is damaged.
        """
        if self._note.exists():
            if self._before() != self.state() and self._next.exists():
                # the objects were written, and what followed was not
                self._next.replace(self.record)
            self._next.unlink(missing_ok=True)
            self._note.unlink()
        return recall(self.record) if self.record.exists() else None

    def pushed(self) -> Pushed | None:
        """What was pushed last, as far as is known without writing anything.

        Raises:
            BadInputError: the record is damaged.
        """
        written = self._note.exists() and self._before() != self.state() and self._next.exists()
        record = self._next if written else self.record
        return recall(record) if record.exists() else None

    def state(self) -> str:
        """A word that changes whenever anybody saves the image's objects."""
        try:
            with self.image.objects_file.open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()
        except FileNotFoundError:
            return _NOTHING

    def begin(self, pushed: Pushed, state: str) -> None:
        """Get ready to write: copy what is there, and note what is going to be.

        Args:
            pushed: what will have been pushed.
            state: the state in which the objects were read.

        Raises:
            QuPathError: somebody saved the objects since.
            BadInputError: the copies cannot be written.
        """
        if self.state() != state:
            raise QuPathError(
                f"{self.image.name}: somebody saved its objects meanwhile; close the project in "
                "QuPath and push again"
            )
        for source, target in (
            (self.image.objects_file, self._copy),
            (self.project.file, self._folder / "before" / self.project.file.name),
        ):
            if source.exists():
                with writing(target) as part:
                    shutil.copyfile(source, part)
            else:
                target.unlink(missing_ok=True)
        remember(self._next, pushed)
        write_bytes(self._note, json.dumps({"before": state}).encode())

    def finish(self) -> None:
        """The write was good: what was pushed is what is there."""
        self._next.replace(self.record)
        self._note.unlink()

    def undo(self) -> None:
        """Bring back the objects as they were."""
        objects = self.image.objects_file
        if self._before() != self.state():
            if self._copy.exists():
                with writing(objects) as part:
                    shutil.copyfile(self._copy, part)
            else:
                objects.unlink(missing_ok=True)
        # QuPath would take it for the better one
        objects.with_name(objects.name + ".bkp").unlink(missing_ok=True)
        self._next.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def _before(self) -> str:
        try:
            note = json.loads(self._note.read_text("utf-8"))
            return str(note["before"])
        except (OSError, ValueError, KeyError, TypeError):
            return ""
