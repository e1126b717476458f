"""Run a program to its end, with its output in a file, and end all of it when it must not go on."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bridge.apps.ilastik.errors import IlastikStartError, IlastikTimeoutError

_LOOK = 0.2  # seconds between two looks at the program
_GRACE = 5.0  # seconds for what was ended to be gone
# They belong to this Python, and ilastik brings one of its own.
_OURS = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONSAFEPATH", "VIRTUAL_ENV")


def run_program(
    command: Sequence[str | Path],
    *,
    log: Path,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    timeout: float | None = None,
    on_wait: Callable[[], None] = lambda: None,
) -> int:
    """Run a program without a shell, and wait for its end.

    Whatever ends the waiting (a time-out, Ctrl-C, an error of ``on_wait``) ends the program and
    all that it started.

    Args:
        command: the program and its arguments.
        log: file that gets what it prints.
        folder: its current folder.
        environment: environment variables to add.
        timeout: seconds that it may take; no limit where ``None``.
        on_wait: called several times a second; what it raises is passed on.

    Returns:
        The exit status; negative, a signal's number, where a signal ended it.

    Raises:
        IlastikStartError: it cannot be started.
        IlastikTimeoutError: it took too long.
    """
    variables = {k: v for k, v in os.environ.items() if k not in _OURS}
    # Ctrl-C reaches this process only, which then ends the whole family of the program.
    apart: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(  # noqa: S603 - a list of arguments, no shell
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={**variables, "PYTHONNOUSERSITE": "1", **(environment or {})},
                **apart,
            )
        except OSError as error:
            raise IlastikStartError(
                f"{command[0]} cannot be started: {error.strerror or error}; "
                "check that it is the ilastik of this system, and that you may run it"
            ) from error
        try:
            return _wait(process, timeout, on_wait, str(command[0]))
        except BaseException:
            end_family(process)
            raise


def _wait(
    process: subprocess.Popen[bytes],
    timeout: float | None,
    on_wait: Callable[[], None],
    name: str,
) -> int:
    until = None if timeout is None else time.monotonic() + timeout
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(_LOOK)
        on_wait()
        if until is not None and time.monotonic() > until:
            raise IlastikTimeoutError(
                f"{name} was not done in {timeout:g} s and was ended; give it more: --timeout"
            )


def end_family(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started, at once."""
    import psutil

    family: list[psutil.Process] = []
    with contextlib.suppress(psutil.Error):
        parent = psutil.Process(process.pid)
        family = [*parent.children(recursive=True), parent]
    for member in family:
        with contextlib.suppress(psutil.Error):
            member.kill()
    if sys.platform != "win32":  # those whose parent is gone are in its session still
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
    if process.poll() is None:
        process.kill()
    process.wait()
    psutil.wait_procs(family, timeout=_GRACE)
