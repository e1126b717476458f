"""Files that appear only when they are complete."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path

from bridge.errors import BadInputError, StarbridgeError

PART_ENDING = ".part"
"""Ending of the hidden name that a file has while it is being written."""

FLUSH_VARIABLE = "STARBRIDGE_FSYNC"
"""Environment variable that, set to 0, leaves it to the system when files reach the disk."""

_CANNOT_FLUSH = (errno.EINVAL, errno.ENOTSUP, errno.EBADF)
"""Errors of file systems that have no such call."""

_MOST_BYTES = 255
"""Length of a file name in UTF-8 that Linux, macOS and Windows all take."""

_REASONS = {
    errno.ENOSPC: ("the disk is full", "make room and run again"),
    errno.EDQUOT: ("your disk quota is used up", "make room and run again"),
    errno.EFBIG: (
        "the file grew over the size that is allowed here",
        "raise the limit or make room",
    ),
    errno.EACCES: ("you may not write here", "choose another output folder"),
    errno.EPERM: ("you may not write here", "choose another output folder"),
    errno.EROFS: ("the disk is read-only", "choose another output folder"),
    errno.ENOENT: ("its folder was removed meanwhile", "run the same command again"),
    errno.ENOTDIR: ("a part of this path is a file, not a folder", "choose another output folder"),
    errno.EEXIST: ("a file of this name is in the way of a folder", "choose another output folder"),
    errno.EISDIR: ("this is a folder", "choose another file name"),
    errno.ENAMETOOLONG: ("the file name is too long for this disk", "shorten the name"),
}


@contextmanager
def writing(path: str | PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path to write to, and put it in place when the block ends well.

    The file that was there before stays untouched until then; after an error or Ctrl-C the
    temporary file is removed. A killed process leaves at most a hidden ``.NAME.part`` (of a very
    long name the beginning), which the next run overwrites. The bytes are on the disk before the
    name is, see :func:`flush`.

    Args:
        path: the final path; its folder is created where missing.

    Yields:
        The temporary path, in the same folder.

    Raises:
        BadInputError: the disk is full or the folder cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with writing(Path(folder) / "a.txt") as part:
    ...         _ = part.write_text("whole")
    ...     print((Path(folder) / "a.txt").read_text())
    whole
    """
    final = Path(path)
    part = final.with_name(_part_name(final.name))
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        yield part
        flush(part)
        part.replace(final)
        flush(final.parent)
    except OSError as error:
        _remove(part)
        raise _explained(final, error) from error
    except StarbridgeError:
        _remove(part)
        raise
    except BaseException as error:
        _remove(part)
        # Libraries wrap the system's error in one of their own.
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, OSError):
                raise _explained(final, cause) from error
            cause = cause.__cause__ or cause.__context__
        raise


def write_bytes(path: str | PathLike[str], data: bytes | memoryview) -> None:
    """Write a whole file of bytes, complete or not at all.

    Raises:
        BadInputError: as :func:`writing`.
    """
    with writing(path) as part:
        part.write_bytes(data)


def write_error(path: str | PathLike[str], error: OSError) -> BadInputError:
    """Return an error that says in plain words why a path cannot be written.

    >>> print(write_error("a.csv", OSError(errno.ENOSPC, "No space left on device")))
    a.csv: cannot be written: the disk is full; make room and run again
    """
    return _explained(Path(path), error)


def flush(path: Path) -> None:
    """Wait until the disk holds a file, or the names in a folder (fsync).

    Without it a computer that loses its power may keep the new name of a file and none of its
    bytes. The environment variable ``STARBRIDGE_FSYNC=0`` switches it off.

    Args:
        path: a file or folder.

    Raises:
        OSError: it is not there, or the disk is full or broken.
    """
    if os.environ.get(FLUSH_VARIABLE) == "0" or (path.is_dir() and os.name == "nt"):
        return
    handle = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _CANNOT_FLUSH:
            raise
    finally:
        os.close(handle)


def _part_name(name: str) -> str:
    """Return the hidden name of a file that is being written, itself no longer than is allowed."""
    part = f".{name}{PART_ENDING}"
    if len(os.fsencode(part)) <= _MOST_BYTES:
        return part
    # Names that begin alike must not share a temporary file.
    tail = f"~{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}{PART_ENDING}"
    beginning = os.fsencode(f".{name}")[: _MOST_BYTES - len(tail)]
    return beginning.decode(errors="ignore") + tail


def _explained(path: Path, error: OSError) -> BadInputError:
    problem, remedy = _REASONS.get(
        error.errno or 0, (error.strerror or str(error) or type(error).__name__, "")
    )
    return BadInputError(path, f"cannot be written: {problem}", remedy)


def _remove(part: Path) -> None:
    with suppress(OSError):
        part.unlink()
