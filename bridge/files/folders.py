"""Folders that appear only when they are complete."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from pathlib import Path

from bridge.files.atomic import write_error

_PART_ENDING = ".part"
_OLD_ENDING = ".old"


def write_folder(path: str | PathLike[str], files: Mapping[str, bytes]) -> None:
    """Write a folder of files, complete or not at all, in place of one that is there.

    A killed process leaves at most hidden folders, ``.NAME.part`` and ``.NAME.old``, beside it.

    Args:
        path: the folder.
        files: content by path inside, with slashes.

    Raises:
        BadInputError: the disk is full or the folder cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_folder(Path(folder) / "a", {"b/c.txt": b"whole"})
    ...     (Path(folder) / "a" / "b" / "c.txt").read_text()
    'whole'
    """
    with writing_folder(path) as part:
        for name, content in files.items():
            file = part / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)


@contextmanager
def writing_folder(path: str | PathLike[str]) -> Iterator[Path]:
    """Yield a temporary folder, and put it in place when the block ends well.

    A folder that was there before stays untouched until then, and is replaced. A killed process
    leaves at most hidden folders, ``.NAME.part`` and ``.NAME.old``, beside it.

    Args:
        path: the folder.

    Yields:
        An empty folder beside it.

    Raises:
        BadInputError: the disk is full or the folder cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with writing_folder(Path(folder) / "a") as part:
    ...         _ = (part / "c.txt").write_text("whole")
    ...     (Path(folder) / "a" / "c.txt").read_text()
    'whole'
    """
    final = Path(path)
    part = final.with_name(f".{final.name}{_PART_ENDING}")
    old = final.with_name(f".{final.name}{_OLD_ENDING}")
    try:
        _remove(part)
        part.mkdir(parents=True)
        yield part
        if final.exists():
            _remove(old)
            final.rename(old)
        part.rename(final)
    except OSError as error:
        _remove(part)
        if old.exists() and not final.exists():
            old.rename(final)
        raise write_error(final, error) from error
    except BaseException:
        _remove(part)
        raise
    _remove(old)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
