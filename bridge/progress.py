"""Progress of a batch on the console (stderr)."""

from __future__ import annotations

import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from bridge.batch import Listener, Outcome


class ConsoleProgress(Listener):
    """One line for the whole batch that moves on, and one that stays for each failed image.

    Where stderr is no terminal, a plain line for each image.
    """

    def __init__(self) -> None:
        self._console = Console(stderr=True, soft_wrap=True, highlight=False)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[what]}"),
            TimeRemainingColumn(),
            console=self._console,
            disable=not sys.stderr.isatty(),
            transient=True,
        )
        self._task: TaskID | None = None
        self._number = 0
        self._total = 0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def image_started(self, number: int, total: int, path: Path) -> None:
        """Move on to the next image."""
        self._number, self._total = number, total
        if self._task is None:
            self._task = self._progress.add_task("", total=total, what="")
        self._progress.update(
            self._task,
            completed=number - 1,
            description=f"{number}/{total}",
            what=escape(path.name),
        )

    def tile_done(self, done: int, total: int) -> None:
        """Move on within the image."""
        if self._task is not None:
            self._progress.update(self._task, completed=self._number - 1 + done / total)

    def image_finished(self, outcome: Outcome) -> None:
        """Name a failed image; without a terminal, name every image."""
        counter = f"{self._number}/{self._total} "
        if outcome.status == "failed":
            self._console.print(f"{counter}failed: {escape(outcome.error or '')}", style="red")
        elif self._progress.disable:
            what = f"{outcome.objects:,} objects" if outcome.objects is not None else "objects kept"
            state = "done before" if outcome.status == "skipped" else f"{outcome.seconds:.1f} s"
            self._console.print(f"{counter}{escape(outcome.name)}: {what}, {state}")
