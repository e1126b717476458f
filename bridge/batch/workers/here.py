"""One image after another in this process."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bridge.batch.task import carry_out

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from pathlib import Path

    from bridge.batch.task import Result, Task
    from bridge.batch.workers.base import Watcher
    from bridge.segment.segmenter import Segmenter


class Here:
    """This process; the segmenter's network is loaded where there is something to do."""

    description = "one process"

    def run(
        self, tasks: Iterable[Task], segmenter: Segmenter, folder: Path, watcher: Watcher
    ) -> Generator[Result, None, None]:
        """See :meth:`bridge.batch.workers.base.Workers.run`."""
        for task in tasks:
            watcher.started(task.number)
            yield carry_out(task, segmenter, folder, partial(watcher.tile_done, task.number))
