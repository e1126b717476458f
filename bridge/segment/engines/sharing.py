"""Lock engines, whose predictions lie in memory that they use again, for one caller at a time."""

from __future__ import annotations

import os
import threading
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.segment.engines.base import Engine

_locks: dict[int, threading.Lock] = {}
"""The lock of each engine by its ``id``: an engine need not have a hash."""

if hasattr(os, "register_at_fork"):  # a lock that another thread held would stay held in the child
    os.register_at_fork(after_in_child=_locks.clear)


def engine_lock(engine: Engine) -> threading.Lock:
    """Return the lock to hold from a prediction until its results are copied.

    Args:
        engine: the loaded network; several segmenters may share it.

    Returns:
        The same lock each time; a forked process has locks of its own.
    """
    lock = threading.Lock()
    found = _locks.setdefault(id(engine), lock)
    if found is lock:
        weakref.finalize(engine, _locks.pop, id(engine), None)
    return found
