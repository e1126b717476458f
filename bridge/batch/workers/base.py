"""Workers, which run the items of a batch: this process, several of them, or a Dask cluster.

One item is a :class:`~bridge.batch.job.Work`; whatever works on it returns a
:class:`~bridge.batch.carry_out.Result` and leaves the files in a hidden folder, from which the
runner publishes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from pathlib import Path

    from bridge.batch.carry_out import Result
    from bridge.batch.job import Job, Work


class Watcher(Protocol):
    """Hears how the work goes on, always in the thread that asks for the results."""

    def started(self, number: int) -> None:
        """Hear that the item of this number is being worked on."""

    def progress(self, number: int, done: int, total: int) -> None:
        """Hear how many of its steps are done."""

    def remark(self, line: str) -> None:
        """Hear a line that a user wants to know."""


class Workers(Protocol):
    """Run tasks and yield their results."""

    @property
    def description(self) -> str:
        """Name of the workers, for the record of the run."""

    def run(
        self, works: Iterable[Work[Any]], job: Job[Any], folder: Path, watcher: Watcher
    ) -> Generator[Result, None, None]:
        """Carry out works; closing the iterator stops all that is under way.

        Args:
            works: taken when a worker is free for them.
            job: what to do with each.
            folder: an empty folder that all workers see, in which each item gets one of its own.
            watcher: hears how it goes on.

        Yields:
            A result an item, in the order in which they are ready.

        Raises:
            StarbridgeError: what concerns all items.
        """
