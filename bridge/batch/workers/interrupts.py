"""Ctrl-C is for the process that a person started, not for those that it started."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker


@contextmanager
def shielded() -> Iterator[None]:
    """Keep Ctrl-C from processes and threads that are started in this block.

    A terminal sends it to all of them at once, and each would print where it was. A Ctrl-C that
    comes during the block is heard at its end. On Windows, the processes have to ignore it.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Started later, inside the block, it would lift the block.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
