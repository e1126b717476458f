"""Progress of exports and checks: the interface, and its display on the console (stderr)."""

from __future__ import annotations

import sys
from typing import Self


class Listener:
    """A receiver of the steps of an export or a check; this one ignores them.

    Example:
        >>> class Printing(Listener):
        ...     def doing(self, what): print(what)
        >>> Printing().doing("write pb")
        write pb
    """

    def doing(self, what: str) -> None:
        """Receive the step that begins (``"write pb"``)."""

    def downloading(self, what: str, done: int, total: int) -> None:
        """Receive a download's progress, in bytes."""


class ConsoleListener(Listener):
    """A listener that shows the current step on one line, and a bar for each download.

    Where stderr is no terminal, every step is a plain line.
    """

    def __init__(self) -> None:
        # rich is imported here so that models_export itself is imported at once
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn

        self._console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
        self._status = self._console.status("")
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
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

    def __exit__(self, *error: object) -> None:
        if self._terminal:
            self._progress.stop()
            self._status.stop()

    def doing(self, what: str) -> None:
        """Show the step that begins."""
        from rich.text import Text

        if self._terminal:
            self._status.update(Text(what))
        else:
            self._console.print(what)

    def downloading(self, what: str, done: int, total: int) -> None:
        """Advance the bar of a download."""
        if not self._terminal:
            if done >= total:
                self._console.print(f"downloaded {what} ({total / 1e6:.0f} MB)")
            return
        if self._task is None:
            self._status.stop()  # only one of the two can have the last line
            self._progress.start()
            self._task = self._progress.add_task(what, total=total)
        self._progress.update(self._task, completed=done)
        if done >= total:
            self._progress.remove_task(self._task)
            self._progress.stop()
            self._task = None
            self._status.start()
