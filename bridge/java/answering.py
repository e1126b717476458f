"""The worker's side of :mod:`bridge.java.process`: reads requests, writes answers."""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bridge.java.process import MARK, READY, STEP

Request = dict[str, Any]
Handler = Callable[[Request], dict[str, Any]]


class Answers:
    """A writer of a worker's answers.

    Args:
        folder: folder for the files of the answers.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def give(self, number: int, answer: dict[str, Any]) -> None:
        """Answer a request.

        Args:
            number: the request's number.
            answer: values that JSON can hold; with ``error`` it is a refusal.
        """
        path = self._folder / f"answer-{number}.json"
        path.write_text(json.dumps(answer), encoding="utf-8")
        _write_line(f"{MARK}{number}")

    def step(self, step: str) -> None:
        """Announce a step of starting: whoever waits sees that it goes on."""
        _write_line(f"{MARK}{STEP}{step}")

    def ready(self, answer: dict[str, Any]) -> None:
        """Announce that the worker has started, or with ``error`` the reason why it cannot."""
        self.give(READY, answer)


def _write_line(line: str) -> None:
    # one short write, so that what native code prints cannot come between
    os.write(sys.__stdout__.fileno() if sys.__stdout__ else 1, f"{line}\n".encode())


def requests() -> Iterator[Request]:
    """Yield the requests one by one; the process ends when stdin is closed."""
    waiting: queue.Queue[Request] = queue.Queue()

    def read() -> None:
        for line in sys.stdin:
            waiting.put(json.loads(line))
        # a macro that runs on, or a window, must not outlive the process that started this one
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    while True:
        yield waiting.get()
