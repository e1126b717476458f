"""One caller at a time for engines, whose predictions lie in memory that they use again."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from bridge.segment.engines.base import Engine

_locks: WeakKeyDictionary[Engine, threading.Lock] = WeakKeyDictionary()

if hasattr(os, "register_at_fork"):  # a lock that another thread held would stay held in the child
    os.register_at_fork(after_in_child=_locks.clear)


def engine_lock(engine: Engine) -> threading.Lock:
    """Return the lock to hold from a prediction until its results are copied.

    Args:
        engine: the loaded network; several segmenters may share it.

    Returns:
        The same lock each time; a forked process has locks of its own.
    """
    return _locks.setdefault(engine, threading.Lock())
