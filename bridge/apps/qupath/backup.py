"""Push records of a project, and backups by which an interrupted push is finished or undone.

A project's folder ``starbridge`` holds a record of what was pushed for each image; during a push
also the record of what is being pushed, and the hash of the file of objects before it. Copies of
the files that a push changes stay for :data:`KEPT` pushes, with the record of the push before: from
them a damaged file of objects is restored.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from bridge.apps.qupath.errors import SAVED_MEANWHILE, QuPathError
from bridge.apps.qupath.project_files import ProjectFiles, ProjectImage
from bridge.apps.qupath.state import NOTHING, file_state, is_whole
from bridge.detections import Detections
from bridge.errors import BadInputError
from bridge.files.atomic import write_bytes, write_error, writing
from bridge.files.lock import locked
from bridge.files.names import safe_name
from bridge.review import Pushed, load_push_record, save_push_record
from bridge.review.record import ENDING
from bridge.review.results import write_table

FOLDER = "starbridge"
"""Folder of starbridge's own files in a project."""

KEPT = 5
"""Pushes of an image whose copies are kept."""

BEFORE_ANY = "none"
"""Stands for no push, where :func:`push_name` names one."""


@contextmanager
def writing_into(
    project: Path, *, doing: str, on_wait: Callable[[str], None] = lambda holder: None
) -> Iterator[None]:
    """Hold the lock of a project while the block runs; wait while another process holds it.

    Args:
        project: the project's folder, which need not exist yet.
        doing: what is done, for those who wait.
        on_wait: called with who writes into the project, before waiting for it.

    Raises:
        BadInputError: the folder holds something else, or cannot be written.

    Example:
        >>> with writing_into(Path("PROJECT"), doing="push"):  # doctest: +SKIP
        ...     pass
    """
    if holds_something_else(project):
        raise BadInputError(project, "is no QuPath project, and not empty", "choose another folder")
    with locked(project / FOLDER / "lock", doing=doing, on_wait=on_wait):
        yield


def holds_something_else(folder: Path) -> bool:
    """Return True for a folder with files and no project."""
    if not folder.is_dir() or any(folder.glob("*.qpproj")):
        return False
    return any(path.name != FOLDER for path in folder.iterdir())


def push_name(pushed: Pushed) -> str:
    """Return the name by which the objects of an image say which push they come from."""
    return f"{len(pushed.times)} {pushed.times[-1] if pushed.times else ''}".strip()


@dataclass(frozen=True)
class KeptCopy:
    """A copy of an image's objects as they were before a push.

    Attributes:
        objects: the copy of ``data.qpdata``.
        record: the record of the push before; it is missing where nothing had been pushed.
    """

    objects: Path
    record: Path

    @property
    def time(self) -> datetime:
        """Time when QuPath had saved these objects (UTC)."""
        return datetime.fromtimestamp(self.objects.stat().st_mtime, UTC)


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

    def _kept(self, generation: int) -> KeptCopy:
        """Return the copy of a push, 0 for the last one."""
        number = f".{generation}" if generation else ""
        name = f"{self.image.id}{number}"
        folder = self._copy.parent
        return KeptCopy(folder / f"{name}.qpdata", folder / f"{name}{ENDING}")

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

    def pushed_as(self, push: str | None) -> Pushed | None:
        """Return what was pushed in the push that the objects of the image come from.

        A QuPath that had the project open during a push, on this computer or another one, saves
        what it had in memory over what was pushed: that is a review of an earlier push.

        A reviewer who undoes a push in QuPath's window goes back to an earlier one, too.

        Args:
            push: name of the push that is stored with the objects; ``None`` stands for the last,
                :data:`BEFORE_ANY` for none.

        Returns:
            Its record; that of the last push where it is not kept any more, ``None`` if nothing
            was pushed.

        Raises:
            BadInputError: the record is damaged.
        """
        last = self.pushed()
        if last is None or push is None or push == push_name(last):
            return last
        if push == BEFORE_ANY:
            return None
        for generation in range(KEPT):
            record = self._kept(generation).record
            if record.exists() and push_name(kept := load_push_record(record)) == push:
                return kept
        return last

    def all_pushed(self) -> list[Pushed]:
        """Return what was pushed, push by push, as far as it is kept; write nothing.

        Raises:
            BadInputError: a record is damaged.
        """
        kept = [self._kept(generation).record for generation in reversed(range(KEPT))]
        last = self.current_record()
        records = [record for record in kept if record.exists()]
        return [load_push_record(record) for record in (*records, *([last] if last else []))]

    def base_of(self, push: str | None) -> tuple[Pushed | None, Pushed | None]:
        """Return what the objects of the image are merged with.

        Args:
            push: as in :meth:`pushed_as`.

        Returns:
            The last push, and the push that the objects come from where that is another one.

        Raises:
            BadInputError: a record is damaged.
        """
        last, earlier = self.pushed(), self.pushed_as(push)
        if last is None or (earlier is not None and push_name(earlier) == push_name(last)):
            return last, None
        return last, earlier or Pushed.of(Detections.from_polygons([]))

    def kept_copies(self) -> list[KeptCopy]:
        """Return the copies of the objects that are whole, the newest first."""
        copies = [self._kept(generation) for generation in range(KEPT)]
        return [c for c in copies if c.objects.is_file() and is_whole(c.objects)]

    def check_objects(self) -> None:
        """Check that the file of objects is whole, before anything is concluded from it.

        Raises:
            BadInputError: it is damaged, or missing though objects were pushed; the error says from
                when a good copy is, and how to restore it.
        """
        file = self.image.objects_file
        with _explain_read_errors(file):
            if file.exists():
                if is_whole(file) or self._qupath_mends_it():
                    return
                problem = (
                    "is damaged: it is cut off, and QuPath would show an image without objects"
                )
            elif not self._has_pushed_objects() or self._qupath_mends_it():
                return
            else:
                problem = "is missing, and objects were pushed into this image"
            copies = self.kept_copies()
        if not copies:
            raise BadInputError(
                file,
                problem,
                "no good copy of it is kept; put one of your own backups in its place",
            )
        moment = copies[0].time.strftime("%Y-%m-%d %H:%M UTC")
        raise BadInputError(
            file,
            f"{problem}; a good copy of {moment} is kept in {copies[0].objects.parent}",
            f"starbridge qupath restore {shlex.quote(str(self.project.folder))} "
            f"{shlex.quote(self.image.name)} puts it back",
        )

    def restore(self) -> KeptCopy | None:
        """Put the newest whole copy in the place of a damaged file of objects.

        The record of pushes goes back with it, so that the next push does not take objects for
        deleted that the copy does not know yet. The damaged file stays beside the copies.

        Returns:
            The copy; ``None`` where nothing is damaged.

        Raises:
            BadInputError: no copy is whole, or the project's folder cannot be written.
        """
        if not self._is_damaged():
            return None
        self.settle()
        copies = self.kept_copies()
        if not self._is_damaged():  # an interrupted push was undone, which was all
            return copies[0] if copies else None
        if not copies:
            self.check_objects()  # raises, and says so
        chosen = copies[0]
        with _explain_os_errors(self._folder):
            if self.image.objects_file.exists():
                _copy(self.image.objects_file, self._free_name("damaged"))
            _copy(chosen.objects, self.image.objects_file)
            _restore(chosen.record, self.record)
            self._qupaths_copy.unlink(missing_ok=True)
        return chosen

    def _is_damaged(self) -> bool:
        try:
            self.check_objects()
        except BadInputError:
            return True
        return False

    def _free_name(self, what: str) -> Path:
        """Return a name for a file that is put aside, which no other one has."""
        number = 1
        while (path := self._copy.with_name(f"{self.image.id}.{what}-{number}.qpdata")).exists():
            number += 1
        return path

    def _has_pushed_objects(self) -> bool:
        pushed = self.pushed()
        return pushed is not None and len(pushed.detections) > 0

    def _qupath_mends_it(self) -> bool:
        """Return whether QuPath left a whole copy of its own, which it reads instead."""
        return self._qupaths_copy.is_file() and is_whole(self._qupaths_copy)

    def _keep_another(self) -> None:
        """Move the copies of earlier pushes on, to make room for one more."""
        if not self._copy.exists() or not is_whole(self._copy):
            return
        for generation in reversed(range(KEPT - 1)):
            older, newer = self._kept(generation + 1), self._kept(generation)
            for source, target in ((newer.objects, older.objects), (newer.record, older.record)):
                if source.exists():
                    source.replace(target)
                else:
                    target.unlink(missing_ok=True)

    def state(self) -> str:
        """Return a hash that changes whenever the image's objects are saved.

        Raises:
            BadInputError: the objects cannot be read.
        """
        return file_state(self.image.objects_file)

    def generation(self) -> str:
        """Return a hash that changes whenever the objects or the record of pushes are saved.

        Raises:
            BadInputError: a file cannot be read.
        """
        files = (self.image.objects_file, self._qupaths_copy, self.record, self._next, self._note)
        return hashlib.sha256(" ".join(map(file_state, files)).encode()).hexdigest()

    def write_conflicts(self, conflicts: pd.DataFrame) -> Path | None:
        """Write the table of the conflicts of the last push.

        Returns:
            The table; ``None`` where there are none, and the one of an earlier push is removed.

        Raises:
            BadInputError: the project's folder cannot be written.
        """
        # The number makes the name unique: images of one name are common in projects.
        table = self._folder / f"{self.image.id} {safe_name(self.image.name)}_conflicts.csv"
        with _explain_os_errors(self._folder):
            if len(conflicts):
                write_table(conflicts, table)
                return table
            for old in self._folder.glob(f"{self.image.id} *_conflicts.csv"):
                old.unlink()
        return None

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
            if not self._copy.exists() or file_state(self._copy) != state:
                self._keep_another()
            for source, target in (
                (self.image.objects_file, self._copy),
                (self.record, self._kept(0).record),
                (self._qupaths_copy, self._copy_of_qupaths),
                (self.project.file, self._folder / "before" / self.project.file.name),
            ):
                if source.exists():
                    _copy(source, target)
                else:
                    target.unlink(missing_ok=True)
            # Otherwise undo would restore something else than was read.
            self._check(file_state(self._copy) == state)
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

    def wrote(self, state: str) -> None:
        """Note that the objects were saved as they were pushed.

        Args:
            state: :func:`bridge.apps.qupath.state.file_state` of what was saved.

        Raises:
            BadInputError: the project's folder cannot be written.
        """
        with _explain_os_errors(self._folder):
            note = {"before": self._before(), "written": state}
            write_bytes(self._note, json.dumps(note).encode())

    def undo(self) -> None:
        """Restore the objects as they were before the push, if one began.

        What somebody else saved since is left in its place: the objects say which push they come
        from, so that the next one merges it (:meth:`pushed_as`).

        Raises:
            BadInputError: the project's folder cannot be written.
        """
        with _explain_os_errors(self._folder):
            if not self._note.exists():
                return
            state, file = self.state(), self.image.objects_file
            if state not in (self._before(), self._noted("written"), NOTHING) and is_whole(file):
                self.finish()
                return
            if state != self._before():
                if state not in (NOTHING, self._noted("written")):
                    file.replace(self._free_name("unfinished"))
                _restore(self._copy, file)
            # QuPath would prefer a copy of its own that was left behind.
            _restore(self._copy_of_qupaths, self._qupaths_copy)
            self._next.unlink(missing_ok=True)
            self._note.unlink(missing_ok=True)

    def _check(self, unchanged: bool) -> None:
        if not unchanged:
            raise QuPathError(f"{self.image.name}: {SAVED_MEANWHILE}")

    def _written(self) -> bool:
        return self._next.exists() and self._before() != self.state()

    def _saved_in_part(self) -> bool:
        """Return True where QuPath ended in the middle of saving what was pushed."""
        before = self._before()
        if self.state() == before:
            return False
        if self._qupaths_copy.exists() and file_state(self._qupaths_copy) not in (
            before,
            file_state(self._copy_of_qupaths),
        ):
            return False  # The push was saved, and a reviewer's save failed later.
        try:
            return not is_whole(self.image.objects_file)
        except FileNotFoundError:
            return True

    def _before(self) -> str:
        """Return the state before the interrupted push."""
        # The copy is written before the note.
        return self._noted("before") or file_state(self._copy)

    def _noted(self, what: str) -> str | None:
        """Return what is noted of the push that goes on, ``None`` where the note does not say."""
        try:
            value = json.loads(self._note.read_text("utf-8"))[what]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return value if isinstance(value, str) else None


def _copy(source: Path, target: Path) -> None:
    with writing(target) as part:
        shutil.copyfile(source, part)
        # The time tells which state a copy is of.
        os.utime(part, ns=(source.stat().st_atime_ns, source.stat().st_mtime_ns))


def _restore(copy: Path, file: Path) -> None:
    if copy.exists():
        _copy(copy, file)
    else:
        file.unlink(missing_ok=True)


@contextmanager
def _explain_read_errors(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BadInputError(
            file, f"cannot be read ({error.strerror})", "check its permissions"
        ) from error


@contextmanager
def _explain_os_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise write_error(folder, error) from error
