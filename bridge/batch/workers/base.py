"""Where the images of a batch are worked on: here, in several processes, or on a Dask cluster.

One image is a :class:`~bridge.batch.task.Task`; whatever works on it gives a
:class:`~bridge.batch.task.Result` and leaves the files in a hidden folder, from which the
batch puts them in place. :class:`Workers` is what all three places offer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from pathlib import Path

    from bridge.batch.task import Result, Task
    from bridge.segment.segmenter import Segmenter


class Watcher(Protocol):
    """Is told how the work goes on, always in the thread that asks for the results."""

    def started(self, number: int) -> None:
        """Somebody works on the task of this number."""

    def tile_done(self, number: int, done: int, total: int) -> None:
        """So many tiles of it are done."""

    def remark(self, line: str) -> None:
        """Something a person wants to know."""


class Workers(Protocol):
    """Those who carry out tasks."""

    @property
    def description(self) -> str:
        """What they are, for the record of the run."""

    def run(
        self, tasks: Iterable[Task], segmenter: Segmenter, folder: Path, watcher: Watcher
    ) -> Generator[Result, None, None]:
        """Carry out tasks; closing the iterator stops all that is under way.

        Args:
            tasks: taken when somebody is free for them.
            segmenter: the model and its recipe.
            folder: an empty folder that all workers see, in which each task gets one of its own.
            watcher: is told how it goes on.

        Yields:
            A result a task, in the order in which they are ready.

        Raises:
            StarbridgeError: what concerns all tasks.
        """
