"""Find a running QuPath, which would write over what is pushed."""

from __future__ import annotations

import os

from bridge.apps.qupath.errors import QuPathError

_WORKER = "bridge.apps.qupath.worker"


def qupath_is_running() -> int | None:
    """Return the process number of a running QuPath of any user, or ``None``.

    QuPath marks no project as open, so that a running QuPath is all that can be known.
    """
    import psutil

    me = os.getpid()
    for process in psutil.process_iter(["pid", "name", "cmdline"]):
        name = str(process.info["name"] or "").lower()
        words = [str(word) for word in process.info["cmdline"] or ()]
        if process.info["pid"] == me or _WORKER in words:
            continue
        started = name.startswith("qupath") or "qupath.QuPath" in words
        # a script without a window ends by itself
        if started and "script" not in words:
            return int(process.info["pid"])
    return None


def refuse_running(done: str, *, instead: str = "") -> None:
    """Refuse to write into a project while a QuPath is running.

    Args:
        done: what would be written over (``"pushed"``).
        instead: what the user may do in the open window.

    Raises:
        QuPathError: one is running.
    """
    if running := qupath_is_running():
        raise QuPathError(
            f"QuPath is running (process {running}) and would write over what is {done} if it has "
            "this project open; close it, or give --force if it has another one open"
            + (f", or {instead}" if instead else "")
        )
