"""One image after another in this process."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bridge.scheduling.task import carry_out

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from pathlib import Path

    from bridge.scheduling import Watcher
    from bridge.scheduling.task import Result, Task
    from bridge.segment import Segmenter


class Here:
    """This process; the segmenter's network is loaded where there is something to do."""

    description = "one process"

    def run(
        self, tasks: Iterable[Task], segmenter: Segmenter, folder: Path, watcher: Watcher
    ) -> Generator[Result, None, None]:
        """See :meth:`bridge.scheduling.Workers.run`."""
        for task in tasks:
            watcher.started(task.number)
            yield carry_out(task, segmenter, folder, partial(watcher.tile_done, task.number))
