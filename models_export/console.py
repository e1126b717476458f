"""What goes on, on the console (stderr)."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn

from models_export.listener import Listener


class ConsoleListener(Listener):
    """A line that says what is done now, and a bar for each download.

    Where stderr is no terminal, a plain line for each step.
    """

    def __init__(self) -> None:
        self._console = Console(stderr=True, soft_wrap=True, highlight=False)
        self._status = self._console.status("")
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            DownloadColumn(),
            console=self._console,
            transient=True,
        )
        self._task: TaskID | None = None
        self._terminal = sys.stderr.isatty()

    def __enter__(self) -> Self:
        if self._terminal:
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._terminal:
            self._progress.stop()
            self._status.stop()

    def doing(self, what: str) -> None:
        """Show what is done now."""
        if self._terminal:
            self._status.update(escape(what))
        else:
            self._console.print(escape(what))

    def downloading(self, what: str, done: int, total: int) -> None:
        """Move the bar of a download on."""
        if not self._terminal:
            if done >= total:
                self._console.print(f"downloaded {escape(what)} ({total / 1e6:.0f} MB)")
            return
        if self._task is None:
            self._status.stop()  # only one of the two can have the last line
            self._progress.start()
            self._task = self._progress.add_task(escape(what), total=total)
        self._progress.update(self._task, completed=done)
        if done >= total:
            self._progress.remove_task(self._task)
            self._progress.stop()
            self._task = None
            self._status.start()
