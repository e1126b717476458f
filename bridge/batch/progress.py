"""Progress of a batch on the console (stderr)."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import PurePath
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from bridge.batch.listener import Listener, Outcome
from bridge.images.locations import Location

_MOST_NAMES = 3


class ConsoleProgress(Listener):
    """Progress on the console: a line for the whole batch, and one that stays for each failed item.

    Where stderr is no terminal, a plain line for each item.
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
        self._under_way: dict[str, _UnderWay] = {}
        self._finished = 0
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

    def item_started(self, number: int, total: int, source: Location) -> None:
        """Name an item that is being worked on."""
        del number  # of several at a time, the numbers would jump
        self._total = total
        if self._task is None:
            self._task = self._progress.add_task("", total=total, what="")
        self._under_way[str(source)] = _UnderWay(source.name)
        self._show()

    def item_progress(self, source: Location, done: int, total: int) -> None:
        """Move on within an item."""
        if item := self._under_way.get(str(source)):
            item.share = done / total
            self._show()

    def item_finished(self, outcome: Outcome) -> None:
        """Name a failed item; without a terminal, name every item."""
        self._finished += 1
        self._under_way.pop(outcome.source, None)
        counter = f"{self._finished}/{self._total} "
        if outcome.status == "failed":
            self._console.print(f"{counter}failed: {escape(outcome.error or '')}", style="red")
        elif self._progress.disable:
            what = "" if outcome.objects is None else f"{outcome.objects:,} objects, "
            state = "done before" if outcome.status == "skipped" else f"{outcome.seconds:.1f} s"
            name = PurePath(outcome.name).name  # some items are named by their paths
            self._console.print(f"{counter}{escape(name)}: {what}{state}")

    def remark(self, line: str) -> None:
        """Print a line that stays."""
        self._console.print(f"starbridge: {escape(line)}")

    def _show(self) -> None:
        if self._task is None:
            return
        items = list(self._under_way.values())
        names = [item.name for item in items[:_MOST_NAMES]]
        if len(items) > _MOST_NAMES:
            names.append(f"and {len(items) - _MOST_NAMES} more")
        self._progress.update(
            self._task,
            completed=self._finished + sum(item.share for item in items),
            description=f"{self._finished + len(items)}/{self._total}",
            what=escape(", ".join(names)),
        )


@dataclass
class _UnderWay:
    """An item that is being worked on, and how much of it is done, 0 to 1."""

    name: str
    share: float = 0.0
