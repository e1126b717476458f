"""Several items at a time in threads of this process."""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from bridge.batch.carry_out import AbandonedError, Result, carry_out

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from pathlib import Path

    from bridge.batch.job import Job, Work
    from bridge.batch.workers.base import Watcher


class Threads:
    """Threads, for short work in libraries that use no Python meanwhile: no process has to start.

    Args:
        count: how many at the same time.
    """

    def __init__(self, count: int) -> None:
        self.count = count

    @property
    def description(self) -> str:
        """Name of the workers, for the record of the run."""
        return f"{self.count} threads"

    def run(
        self, works: Iterable[Work[Any]], job: Job[Any], folder: Path, watcher: Watcher
    ) -> Generator[Result, None, None]:
        """Carry out works, see :meth:`bridge.batch.workers.base.Workers.run`."""
        waiting = iter(works)
        news: queue.SimpleQueue[Callable[[], None] | Future[Result]] = queue.SimpleQueue()
        stopped = threading.Event()
        busy = 0
        executor = ThreadPoolExecutor(self.count)
        try:
            while True:
                while busy < self.count and (work := next(waiting, None)) is not None:
                    watcher.started(work.number)
                    tell = partial(_put, stopped, news, watcher, work.number)
                    executor.submit(carry_out, work, job, folder, tell).add_done_callback(news.put)
                    busy += 1
                if not busy:
                    return
                message = news.get()
                if isinstance(message, Future):
                    busy -= 1
                    yield message.result()
                else:
                    message()  # progress is told in the thread that runs the batch
        finally:
            stopped.set()
            executor.shutdown(cancel_futures=True)


def _put(
    stopped: threading.Event,
    news: queue.SimpleQueue[Any],
    watcher: Watcher,
    number: int,
    done: int,
    total: int,
) -> None:
    """Hand progress to the thread that runs the batch.

    Raises:
        AbandonedError: it was stopped; only what reports progress can be ended early.
    """
    if stopped.is_set():
        raise AbandonedError("the batch was stopped")
    news.put(partial(watcher.progress, number, done, total))
