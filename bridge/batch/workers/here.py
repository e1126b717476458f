"""Run one item after another in this process."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from bridge.batch.carry_out import carry_out

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from pathlib import Path

    from bridge.batch.carry_out import Result
    from bridge.batch.job import Job, Work
    from bridge.batch.workers.base import Watcher


class Here:
    """This process. The job is prepared only where there is something to do."""

    description = "one process"

    def run(
        self, works: Iterable[Work[Any]], job: Job[Any], folder: Path, watcher: Watcher
    ) -> Generator[Result, None, None]:
        """Carry out works, see :meth:`bridge.batch.workers.base.Workers.run`."""
        for work in works:
            watcher.started(work.number)
            yield carry_out(work, job, folder, partial(watcher.progress, work.number))
