"""A worker process that answers requests: code that crashes or hangs harms no other process."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

from bridge.java.stalling import StallWatch

MARK = "\x1e"
"""Begins the line on the worker's stdout that announces the file of an answer, by number."""

STEP = "+"
"""Follows the mark on a line that announces a step of starting."""

READY = 0
"""Number of the answer that the worker gives without a request, when it is ready."""

_KEPT_LINES = 200
_GRACE = 10.0  # seconds for a worker to end by itself
_LOOK = 1.0  # seconds between two looks at a process that starts


class WorkerError(Exception):
    """A worker process that gave no result."""


class WorkerEndedError(WorkerError):
    """The process ended. The text has its exit status and last lines."""


class WorkerTimeoutError(WorkerError):
    """The process gave no answer in time and was ended."""


class RefusedError(WorkerError):
    """The worker answered with an error.

    Attributes:
        answer: the answer, with ``error`` (a word for the kind) and ``message``.
    """

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer
        super().__init__(str(answer.get("message", "")))


class WorkerProcess:
    """A Python module that runs in another process and answers requests, one at a time.

    A request is one line of JSON on the worker's stdin. Its answer is a file of JSON in
    ``folder``, announced by a line on stdout that begins with :data:`MARK`; everything else that
    the worker or its native code prints is passed on as it comes.

    Args:
        module: the module to run; its arguments are ``folder`` and then ``arguments``.
        arguments: its further arguments.
        environment: environment variables to add.
        timeout: seconds that it may start without progress: a step that it announces, or
            computing (:class:`bridge.java.stalling.StallWatch`).
        on_output: called with each line that it prints.
        on_step: called with each step of starting that it announces.

    Raises:
        WorkerEndedError: it died while starting.
        WorkerTimeoutError: it made no progress for that long before it had started.
        RefusedError: it answers that it cannot start.

    Example:
        >>> worker = WorkerProcess("package.worker", ["argument"], timeout=60)  # doctest: +SKIP
        >>> worker.ask({"do": "something"}, timeout=10)  # doctest: +SKIP
        {'done': True}
        >>> worker.close()  # doctest: +SKIP
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str] = (),
        *,
        environment: dict[str, str] | None = None,
        timeout: float,
        on_output: Callable[[str], None] | None = None,
        on_step: Callable[[str], None] | None = None,
    ) -> None:
        self._temporary = tempfile.TemporaryDirectory(
            prefix="starbridge-", ignore_cleanup_errors=True
        )
        self.folder = Path(self._temporary.name)
        self.on_output = on_output
        self._number = READY
        self._last_lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._answers: queue.Queue[int | str | None] = queue.Queue()
        # Ctrl-C reaches this process only, which then decides whether the worker ends
        apart: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        self._process = subprocess.Popen(  # noqa: S603 - this Python, no shell
            [sys.executable, "-m", module, str(self.folder), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            bufsize=1,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
                "PYTHONIOENCODING": "utf-8",
                **(environment or {}),
            },
            **apart,
        )
        self._threads = [
            threading.Thread(target=self._read_stdout, args=(self._process.stdout,), daemon=True),
            threading.Thread(target=self._read_stderr, args=(self._process.stderr,), daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        self.started: dict[str, Any] = self._await_start(timeout, on_step)

    @property
    def pid(self) -> int:
        """Process number."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Tell whether the process is there."""
        return self._process.poll() is None

    def ask(self, request: dict[str, Any], *, timeout: float | None = None) -> dict[str, Any]:
        """Send a request and wait for its answer.

        Args:
            request: anything that JSON holds.
            timeout: seconds to wait; no limit where ``None``.

        Raises:
            RefusedError: it answers with an error.
            WorkerEndedError: the process died.
            WorkerTimeoutError: no answer came in time; the process was ended.
        """
        self._number += 1
        stream = self._process.stdin
        try:
            if stream is None or stream.closed:
                raise WorkerEndedError(self._exit_summary())
            stream.write(json.dumps({**request, "number": self._number}) + "\n")
            stream.flush()
        except OSError:
            pass  # it died; the error below has its last lines
        return self._receive(self._number, timeout)

    def close(self) -> None:
        """End the process and remove its folder; may be called again."""
        try:
            if self._process.stdin is not None:
                self._process.stdin.close()
            self._process.wait(_GRACE)
        except (OSError, subprocess.TimeoutExpired):
            pass
        self.kill()

    def kill(self) -> None:
        """End the process at once and remove its folder."""
        self._process.kill()
        self._process.wait()
        for thread in self._threads:
            thread.join(_GRACE)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self._temporary.cleanup()

    def _await_start(self, limit: float, on_step: Callable[[str], None] | None) -> dict[str, Any]:
        """Wait for the first answer as long as the process moves."""
        watch = StallWatch(limit, self._computed)
        try:
            while True:
                left = watch.seconds_left()
                if left <= 0:
                    after = f" after {watch.last_step!r}" if watch.last_step else ""
                    self.kill()
                    raise WorkerTimeoutError(f"no progress in {limit:g} s{after}")
                with contextlib.suppress(queue.Empty):
                    answered = self._answers.get(timeout=min(left, _LOOK))
                    if isinstance(answered, str):
                        watch.note_step(answered)
                        if on_step is not None:
                            on_step(answered)
                        continue
                    self._answers.put(answered)
                    return self._receive(READY, None)
        except WorkerError:
            raise
        except BaseException:  # Ctrl-C
            self.kill()
            raise

    def _computed(self) -> float | None:
        """Return the seconds that the process and its children have computed."""
        import psutil

        with contextlib.suppress(psutil.Error):
            process = psutil.Process(self.pid)
            times = [p.cpu_times() for p in (process, *process.children(recursive=True))]
            return float(sum(t.user + t.system for t in times))
        return None

    def _receive(self, number: int, timeout: float | None) -> dict[str, Any]:
        until = None if timeout is None else time.monotonic() + timeout
        try:
            while True:
                left = None if until is None else max(until - time.monotonic(), 0.0)
                answered = self._answers.get(timeout=left)
                if answered is None:
                    self.kill()
                    raise WorkerEndedError(self._exit_summary())
                if answered == number:
                    break
        except queue.Empty:
            self.kill()
            raise WorkerTimeoutError(f"no answer in {timeout:g} s") from None
        except BaseException:
            # Ctrl-C leaves an answer outstanding, which must not be taken for the next request's
            self.kill()
            raise
        path = self.folder / f"answer-{number}.json"
        answer: dict[str, Any] = json.loads(path.read_text("utf-8"))
        path.unlink()
        if "error" in answer:
            raise RefusedError(answer)
        return answer

    def _exit_summary(self) -> str:
        code = self._process.poll()
        how = f"with signal {-code}" if code is not None and code < 0 else f"with status {code}"
        lines = [line.strip(" #") for line in self._last_lines if line.strip(" #")]
        # Java's report of a crash is long, and has the reason in its first lines
        first = next((row for row, line in enumerate(lines) if "rror" in line), len(lines) - 1)
        last = ": ".join(lines[max(first, 0) :][:2])
        return f"it ended {how}" + (f" ({last[:300]})" if last else "")

    def _read_stdout(self, stream: IO[str]) -> None:
        """Read stdout in a thread of its own: pipes of Windows have no time-out."""
        try:
            for line in stream:
                text, mark, number = line.rstrip("\r\n").partition(MARK)
                if text or not mark:
                    self._last_lines.append(text)
                    if self.on_output is not None:
                        self.on_output(text)
                if mark:
                    is_step = number.startswith(STEP)
                    self._answers.put(number.removeprefix(STEP) if is_step else int(number))
        except ValueError:  # the main thread closed it
            pass
        self._answers.put(None)

    def _read_stderr(self, stream: IO[str]) -> None:
        try:
            for line in stream:
                self._last_lines.append(line.rstrip())
        except ValueError:
            pass
