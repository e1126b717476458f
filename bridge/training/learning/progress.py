"""Progress of a training on the console (stderr)."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from bridge.training.record import HistoryStep


class TrainingProgress:
    """A listener that shows the step, its loss, the last validation, and the time that is left.

    Where stderr is no terminal, every validation is a plain line.
    """

    def __init__(self) -> None:
        self._console = Console(stderr=True, soft_wrap=True, highlight=False)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[what]}"),
            console=self._console,
            disable=not sys.stderr.isatty(),
            transient=True,
        )
        self._task: TaskID | None = None
        self._steps = 0
        self._best = ""
        self._first, self._began = 0, 0.0

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

    def remark(self, line: str) -> None:
        """Print a line that stays."""
        self._console.print(f"starbridge: {escape(line)}")

    def stage(self, text: str) -> None:
        """Show what is done now."""
        if self._progress.disable:
            if text != "validating":  # its result is the line
                self.remark(text)
            return
        if text.startswith(("stopped", "going on")):
            self.remark(text)
            return
        self._update(description=escape(text))
        if text != "validating":  # loss and time are of the steps
            self._update(what="")

    def stepped(self, step: int, steps: int, loss: float) -> None:
        """Move on by a step."""
        if not self._began:  # the first step also builds the graph, and tells nothing of the others
            self._first, self._began = step, time.monotonic()
        self._steps = steps
        what = f"loss {loss:.3f}{self._best}{self._time_left(step)}"
        self._update(
            description=f"step {step:,} of {steps:,}", completed=step, total=steps, what=what
        )

    def validated(self, point: HistoryStep, is_best: bool) -> None:
        """Show the result of a validation."""
        f1 = f"validation F1 {point.validation_f1 or 0:.3f}"
        if point.old_f1 is not None:
            f1 += f", old images {point.old_f1:.3f}"
        if is_best:
            self._best = f", best {f1}"
        if self._progress.disable:
            best = ", the best so far" if is_best else ""
            self._console.print(
                f"step {point.step:,} of {self._steps:,}: loss {point.loss or 0:.3f}, {f1}{best}"
                f"{self._time_left(point.step)}"
            )

    def _time_left(self, step: int) -> str:
        taken = step - self._first
        if taken < 1:
            return ""
        left = round((time.monotonic() - self._began) / taken * (self._steps - step))
        hours, minutes, seconds = left // 3600, left // 60 % 60, left % 60
        return f", {hours}:{minutes:02}:{seconds:02} left"

    def _update(self, **values: object) -> None:
        if self._progress.disable:
            return
        if self._task is None:
            self._task = self._progress.add_task("", total=None, what="")
        self._progress.update(self._task, **values)  # type: ignore[arg-type]
