"""End a command that is told to end, as Ctrl-C does: what is unfinished is removed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from bridge.cli.output import note

_ENDING = ("SIGTERM", "SIGHUP")
"""Signals of schedulers, containers and shut-downs, and of a terminal that is closed."""


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Turn a signal that asks the command to end into a KeyboardInterrupt in this block.

    The command then ends with 128 + the signal's number, as shells count it. Only the first signal
    counts: cleaning up is not disturbed. One that is ignored (``nohup``) stays ignored.

    Raises:
        SystemExit: with this exit status.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in _ENDING if hasattr(signal, name)]
    ours = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
    received: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> NoReturn:
        for each in ours:
            signal.signal(each, signal.SIG_IGN)
        received.append(number)
        raise KeyboardInterrupt

    for number in ours:
        signal.signal(number, stop)
    try:
        yield
    except (SystemExit, KeyboardInterrupt):
        if received:  # click ends a command that Ctrl-C stopped with status 1
            note(f"ended by {signal.Signals(received[0]).name}")
            raise SystemExit(128 + received[0]) from None
        raise
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
