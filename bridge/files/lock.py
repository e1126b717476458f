"""A lock between processes that write into one folder."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path

from filelock import FileLock, Timeout

from bridge.errors import BadInputError
from bridge.files.atomic import write_bytes, write_error

_LONGEST_WAIT = 6 * 3600.0
"""Seconds after which a waiting command gives up: longer than any push takes."""


@contextmanager
def locked(
    path: str | PathLike[str],
    *,
    doing: str,
    on_wait: Callable[[str], None] = lambda holder: None,
    wait: float = _LONGEST_WAIT,
) -> Iterator[None]:
    """Hold a lock while the block runs; wait while another process holds it.

    The operating system gives the lock up when its process ends, however it ends, so the file of
    the lock may stay. A file system without locks gets one that names its process, and is void when
    that process is gone.

    Args:
        path: file of the lock; its folder is created where missing. A second file beside it, with
            the ending ``.json``, says who holds it.
        doing: what the holder does, for the message of those who wait.
        on_wait: called once with a description of the holder before waiting.
        wait: seconds to wait.

    Raises:
        BadInputError: it is still held after ``wait`` seconds, or the folder cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, locked(Path(folder, "lock"), doing="test"):
    ...     print(sorted(path.name for path in Path(folder).iterdir()))
    ['lock', 'lock.json']
    """
    file = Path(path)
    lock = FileLock(file, preserve_lock_file=True)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            on_wait(_holder(file))
            lock.acquire(timeout=wait)
    except Timeout:
        raise BadInputError(
            file.parent, f"is in use: {_holder(file)}", "wait until that has ended, and run again"
        ) from None
    except OSError as error:
        raise write_error(file, error) from error
    try:
        note = {
            "doing": doing,
            "process": os.getpid(),
            "computer": platform.node(),
            "since": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        }
        write_bytes(_note(file), json.dumps(note).encode())
        yield
    finally:
        _note(file).unlink(missing_ok=True)
        lock.release()


def _note(file: Path) -> Path:
    return file.with_name(f"{file.name}.json")


def _holder(file: Path) -> str:
    """Describe the process that holds the lock."""
    try:
        note = json.loads(_note(file).read_text("utf-8"))
        return (
            f"{note['doing']} (process {note['process']} on {note['computer']}, since "
            f"{note['since']})"
        )
    except (OSError, ValueError, KeyError, TypeError):
        return "another starbridge works there"  # it has not yet said so, or has just ended
