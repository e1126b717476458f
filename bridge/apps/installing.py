"""Install files into other programs' folders without overwriting what the user changed there."""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import bridge
from bridge.errors import BadInputError
from bridge.files.atomic import write_bytes, write_error

RECORD = ".starbridge.json"
"""Name of the file with the hashes of installed files, which tells edited ones."""


@dataclass(frozen=True, kw_only=True)
class Installed:
    """Result of an installation.

    Attributes:
        folder: folder of the installed files.
        noun: ``macro`` or ``script``.
        hint: how to find them in the program, for the first line of :meth:`lines`.
        written: files that are new or were updated.
        unchanged: files that were up to date.
        kept: files that the user edited, left as they are.
        saved: copies of edited files that were replaced.
        removed: files of an older starbridge that exist no more.
        models: installed models.
        notes: further lines for the user.
    """

    folder: Path
    noun: str
    hint: str = ""
    written: tuple[Path, ...] = ()
    unchanged: tuple[Path, ...] = ()
    kept: tuple[Path, ...] = ()
    saved: tuple[Path, ...] = ()
    removed: tuple[Path, ...] = ()
    models: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Describe the installation to the user."""
        count = len(self.written) + len(self.unchanged)
        return [
            f"{count} {self.noun}s in {self.folder}{self.hint}",
            *(
                f"{path}: you have changed it, so it stays; --overwrite replaces it, and keeps "
                "yours under another name"
                for path in self.kept
            ),
            *(f"{path}: your changed {self.noun}" for path in self.saved),
            *(f"{path}: model" for path in self.models),
            *self.notes,
        ]


def read_sources(folder: Path, ending: str, noun: str) -> dict[str, bytes]:
    """Read the files to install, by name; subfolders hold their sources and are left out.

    Raises:
        BadInputError: no file with this ending, or one that cannot be read.
    """
    contents = {}
    for path in sorted(folder.glob(f"*{ending}")):
        try:
            contents[path.name] = path.read_bytes()
        except OSError as error:
            raise BadInputError(
                path, f"cannot be read ({error})", "install starbridge again"
            ) from error
    if not contents:
        raise BadInputError(folder, f"holds no {noun}", f"give a folder of {ending} files")
    return contents


def put_files(
    folder: Path, contents: Mapping[str, bytes], *, overwrite: bool = False
) -> dict[str, tuple[Path, ...]]:
    """Bring a folder's installed files up to date, but not those that the user edited.

    Args:
        folder: where the files go, with a record of their hashes.
        contents: content of each file by name.
        overwrite: replace edited files too; they are kept under another name.

    Returns:
        Files by outcome: ``written``, ``unchanged``, ``kept``, ``saved`` and ``removed``, as in
        :class:`Installed`.

    Raises:
        BadInputError: the folder cannot be written.
    """
    record = folder / RECORD
    ours = _recorded(record)
    done: dict[str, tuple[Path, ...]] = dict.fromkeys(
        ("written", "unchanged", "kept", "saved", "removed"), ()
    )
    hashes: dict[str, str] = {}
    for name, content in contents.items():
        path, wanted = folder / name, hashlib.sha256(content).hexdigest()
        there = file_hash(path)
        if there == wanted:
            done["unchanged"] += (path,)
        elif there is None or there == ours.get(name):
            write_bytes(path, content)
            done["written"] += (path,)
        elif overwrite:
            saved = _free_name(path)
            path.rename(saved)
            write_bytes(path, content)
            done["saved"] += (saved,)
            done["written"] += (path,)
        else:
            done["kept"] += (path,)
            if name in ours:
                hashes[name] = ours[name]
            continue
        hashes[name] = wanted
    for name in sorted(ours.keys() - contents.keys()):
        path = folder / name
        if file_hash(path) == ours[name]:
            path.unlink()
            done["removed"] += (path,)
    text = json.dumps({"starbridge": bridge.__version__, "files": hashes}, indent=1)
    write_bytes(record, (text + "\n").encode())
    return done


@contextmanager
def explain_denied_access(folder: Path, problem: str, remedy: str) -> Iterator[None]:
    """Raise one error for the whole folder where the user has no permission to write.

    Raises:
        BadInputError: the folder cannot be written; with ``problem`` and ``remedy`` where
            permission is missing.
    """
    try:
        yield
    except (BadInputError, OSError) as error:
        cause = error if isinstance(error, OSError) else error.__cause__
        if isinstance(cause, OSError) and cause.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise BadInputError(folder, problem, remedy) from error
        if isinstance(error, OSError):
            raise write_error(folder, error) from error
        raise


def file_hash(path: Path) -> str | None:
    """Return a file's SHA-256, ``None`` where there is no file.

    Raises:
        BadInputError: a folder is in its place.
    """
    if not path.exists():
        return None
    if not path.is_file():
        raise BadInputError(path, "is a folder where a file belongs", "delete or rename it")
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _recorded(record: Path) -> dict[str, str]:
    """Return the hashes of the files as they were installed; none of a damaged record."""
    try:
        files = json.loads(record.read_bytes())["files"]
        # a name with a folder in it could lead out of this one
        return {str(k): str(v) for k, v in files.items() if Path(k).name == k}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _free_name(path: Path) -> Path:
    number = 1
    while True:
        word = "edited" if number == 1 else f"edited {number}"
        free = path.with_name(f"{path.stem} ({word}){path.suffix}")
        if not free.exists():
            return free
        number += 1
