"""A session with an application that runs in a worker process."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

from bridge.errors import StarbridgeError
from bridge.java.process import (
    RefusedError,
    WorkerEndedError,
    WorkerProcess,
    WorkerTimeoutError,
)


class AppSession:
    """An application in a process of its own, used in a ``with``; base of ``Fiji`` and ``QuPath``.

    Java lives in that process: if it crashes or hangs, an error is raised here and this process
    goes on.
    """

    _error: ClassVar[type[StarbridgeError]]
    _ended: ClassVar[type[StarbridgeError]]
    _timed_out: ClassVar[type[StarbridgeError]]

    def _start(
        self,
        name: str,
        module: str,
        arguments: Sequence[str] = (),
        *,
        timeout: float,
        environment: dict[str, str] | None = None,
        on_output: Callable[[str], None] | None = None,
    ) -> dict[str, Any]:
        """Start the worker process, and return its first answer.

        Raises:
            StarbridgeError: it does not start (:attr:`_error`), or not in time.
        """
        self._name = name
        with self._translate_start_errors():
            self._worker = WorkerProcess(
                module, arguments, environment=environment, timeout=timeout, on_output=on_output
            )
        return self._worker.started

    @contextmanager
    def _translate_start_errors(self) -> Iterator[None]:
        what = f"{self._name} does not start"
        try:
            yield
        except WorkerTimeoutError as error:
            raise self._timed_out(f"{what}: {error}; give a longer start_timeout") from error
        except (RefusedError, WorkerEndedError) as error:
            raise self._error(f"{what}: {self._explain(str(error))}") from error

    def _explain(self, message: str) -> str:
        """Return the worker's message with what the user can do about it."""
        return message

    def _refusal(self, what: str, error: RefusedError) -> StarbridgeError:
        """Return the error to raise where the worker refuses a request."""
        return self._error(f"{what}: {self._explain(str(error))}")

    def _ask(self, what: str, request: dict[str, Any], *, timeout: float | None) -> dict[str, Any]:
        """Send a request to the worker and wait for the answer.

        Args:
            what: what it does, for errors (``"reading ROIs"``).
            request: ``do`` and its arguments.
            timeout: seconds to wait.

        Raises:
            StarbridgeError: the worker refuses, ends, or gives no answer in time.
        """
        self._require_running()
        try:
            return self._worker.ask(request, timeout=timeout)
        except RefusedError as error:
            raise self._refusal(what, error) from error
        except WorkerTimeoutError as error:
            raise self._timed_out(f"{what}: {self._name} gave {error} and was ended") from error
        except WorkerEndedError as error:
            raise self._ended(
                f"{what}: {self._name} ended before it was done: {error}; start a new session"
            ) from error

    def _require_running(self) -> None:
        if not self._worker.running:
            raise self._ended(f"{self._name} has ended; start a new session")

    @contextmanager
    def _temporary(self, *endings: str) -> Iterator[list[Path]]:
        """Give new file names in the session's folder; the files are removed afterwards."""
        self._require_running()
        with tempfile.TemporaryDirectory(
            dir=self._worker.folder, ignore_cleanup_errors=True
        ) as folder:
            yield [Path(folder, f"{number}{ending}") for number, ending in enumerate(endings)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the application without asking; what was not saved is lost."""
        self._worker.close()

    @property
    def running(self) -> bool:
        """True while the application's process runs."""
        return self._worker.running

    @property
    def pid(self) -> int:
        """Process number of the application."""
        return self._worker.pid
