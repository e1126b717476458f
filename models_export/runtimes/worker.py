"""A process of its own that answers questions: native code that dies takes nothing with it."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from models_export.runtimes import RunError

_TIMEOUT = 300  # seconds; what hangs longer than this never ends


class Worker:
    """A Python module that runs in another process.

    Requests and answers are lines of JSON on its stdin and stdout; an answer with ``error`` is a
    refusal. The first answer comes unasked and says that it is ready.

    Args:
        name: what an error calls it.
        module: the module to run.
        arguments: its arguments after the folder.

    Raises:
        RunError: it does not start.
    """

    def __init__(self, name: str, module: str, arguments: Sequence[str]) -> None:
        self._name = name
        # What native code unpacks there, and may not get to remove, goes with the folder.
        self._temporary = tempfile.TemporaryDirectory(
            prefix="starbridge-", ignore_cleanup_errors=True
        )
        self.folder = Path(self._temporary.name)
        self._log = self.folder / "stderr.txt"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - this Python, no shell
                [sys.executable, "-m", module, str(self.folder), *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
                env={
                    **os.environ,
                    "TF_CPP_MIN_LOG_LEVEL": "2",
                    "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
                },
            )
        self._answers: queue.Queue[str | None] = queue.Queue()
        threading.Thread(
            target=_collect, args=(self._process.stdout, self._answers), daemon=True
        ).start()
        self._receive()

    def ask(self, request: dict[str, str]) -> dict[str, Any]:
        """Send a request and wait for its answer.

        Raises:
            RunError: it refuses, dies, or does not answer.
        """
        stream = self._process.stdin
        try:
            if stream is None or stream.closed:
                raise RunError(f"{self._name} has ended")
            stream.write(json.dumps(request) + "\n")
            stream.flush()
        except OSError:
            pass  # it died; what it said last is read below
        return self._receive()

    def close(self) -> None:
        """End the process and remove its folder."""
        try:
            if self._process.stdin is not None:
                self._process.stdin.close()
            self._process.wait(10)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._temporary.cleanup()

    def _receive(self) -> dict[str, Any]:
        try:
            line = self._answers.get(timeout=_TIMEOUT)
        except queue.Empty:
            self._process.kill()
            self.close()
            raise RunError(f"{self._name} gave no answer in {_TIMEOUT} s") from None
        if line is None:
            lines = self._log.read_text("utf-8", "replace").strip().splitlines()
            self.close()
            last = lines[-1][:300] if lines else "without a word"
            raise RunError(f"the process of {self._name} ended: {last}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise RunError(str(answer["error"]))
        return answer


def _collect(stream: IO[str], answers: queue.Queue[str | None]) -> None:
    """Read answers in a thread of its own: pipes of Windows know no time-out."""
    try:
        for line in stream:
            if line.startswith("{"):  # native code prints to the same stream
                answers.put(line)
    except ValueError:  # closed from the other thread
        pass
    answers.put(None)
