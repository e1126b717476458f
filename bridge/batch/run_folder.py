"""The hidden folder of a run, in which outputs are made before they are put in place."""

from __future__ import annotations

import os
import platform
import re
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bridge.errors import BadInputError
from bridge.files.atomic import flush, write_error

_PREFIX = ".run-"
_FORGOTTEN = 24 * 3600.0  # seconds without a sign of life, of a run on another machine


@contextmanager
def run_folder(out: Path) -> Iterator[Path]:
    """Make a folder for a run inside its output folder; remove it at the end, whatever happens.

    It is on the same disk as the outputs, so that a finished file only changes its name. Its own
    name says which process of which machine it belongs to, so that what a killed run left is
    removed by the next one.

    Args:
        out: the output folder.

    Yields:
        The folder.

    Raises:
        BadInputError: another process of this machine writes into the output folder just now, or
            nobody can write there.
    """
    for left in out.glob(f"{_PREFIX}*"):
        _remove_if_left(left, out)
    try:
        folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{_host()}-{os.getpid()}-", dir=out))
        folder.chmod(0o777 & ~_umask())  # others of the group may run the workers
    except OSError as error:
        raise write_error(out, error) from error
    try:
        yield folder.resolve()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def put_in_place(folder: Path, outputs: Iterable[str], out: Path) -> None:
    """Move the finished outputs of one image to where they belong, over what is there.

    Args:
        folder: the image's own folder.
        outputs: paths, relative to it and to ``out``.
        out: the output folder.

    Raises:
        BadInputError: the output folder cannot be written.
    """
    final, outputs = out, list(outputs)
    try:
        for relative in outputs:
            final = out / relative
            final.parent.mkdir(parents=True, exist_ok=True)
            if (folder / relative).is_dir() and final.is_dir():
                # No system renames a folder over one that holds something; removed below.
                final.rename(tempfile.mkdtemp(prefix="old-", dir=folder))
            (folder / relative).replace(final)
        for place in {(out / relative).parent for relative in outputs}:
            flush(place)
    except OSError as error:
        raise write_error(final, error) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9]", "", platform.node())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _remove_if_left(folder: Path, out: Path) -> None:
    """Remove a folder whose run has ended.

    Raises:
        BadInputError: the run goes on.
    """
    host, _, rest = folder.name.removeprefix(_PREFIX).partition("-")
    process = rest.partition("-")[0]
    try:
        last_sign = folder.stat().st_mtime
    except OSError:
        return  # it ended just now
    if host == _host() and process.isdecimal():
        if _runs_since(int(process), last_sign):
            raise BadInputError(
                out,
                f"is being written by another run (process {process})",
                "wait until it has ended, or choose another --out",
            )
    elif time.time() - last_sign < _FORGOTTEN:
        return
    shutil.rmtree(folder, ignore_errors=True)


def _runs_since(process: int, moment: float) -> bool:
    """Tell whether a process that was there at a moment is there still; numbers are used again."""
    import psutil

    with suppress(psutil.Error):
        return bool(psutil.Process(process).create_time() <= moment + 1)
    return False
