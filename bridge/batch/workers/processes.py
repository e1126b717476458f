"""Several processes of this machine, each with one image at a time.

They are plain processes with a pipe each. A pool of :mod:`concurrent.futures` gives up all images
that are under way when one process dies, and does not say which one it had.
"""

from __future__ import annotations

import logging
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection, get_context
from typing import TYPE_CHECKING

from bridge.batch.task import AbandonedError, Result, carry_out, failure
from bridge.batch.workers.interrupts import shielded
from bridge.batch.workers.portable import PortableSegmenter
from bridge.errors import BadInputError, StarbridgeError
from bridge.files.threads import inherited, thread_limits

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from multiprocessing.connection import Connection
    from pathlib import Path

    from bridge.batch.task import Task
    from bridge.batch.workers.base import Watcher
    from bridge.segment.segmenter import Segmenter

_PATIENCE = 5.0  # seconds that a process has to end by itself


class LocalProcesses:
    """Processes of this machine that share out its cores.

    Args:
        count: how many at the same time.
    """

    def __init__(self, count: int) -> None:
        self.count = count

    @property
    def description(self) -> str:
        """What they are, for the record of the run."""
        return f"{self.count} processes"

    def run(
        self, tasks: Iterable[Task], segmenter: Segmenter, folder: Path, watcher: Watcher
    ) -> Generator[Result, None, None]:
        """See :meth:`bridge.batch.workers.base.Workers.run`.

        The image of a process that dies, most often for lack of memory, is tried once more when
        all others are done, alone.
        """
        portable = PortableSegmenter.of(segmenter)
        lost: list[Task] = []
        yield from self._run(tasks, self.count, portable, folder, watcher, lost)
        for task in lost:
            watcher.remark(
                f"{task.image}: the process that segmented it was ended; it is tried again, alone"
            )
            again: list[Task] = []
            yield from self._run([task], 1, portable, folder, watcher, again)
            if again:
                yield failure(task, _deadly(task))

    def _run(
        self,
        tasks: Iterable[Task],
        count: int,
        portable: PortableSegmenter,
        folder: Path,
        watcher: Watcher,
        lost: list[Task],
    ) -> Generator[Result, None, None]:
        waiting = iter(tasks)
        busy: dict[Connection, tuple[_Worker, Task]] = {}
        idle: list[_Worker] = []
        try:
            while True:
                while len(busy) < count and (task := next(waiting, None)) is not None:
                    worker = idle.pop() if idle else _Worker(portable, folder, count)
                    busy[worker.connection] = worker, task
                    worker.give(task)
                    watcher.started(task.number)
                if not busy:
                    return
                for ready in connection.wait(list(busy)):
                    worker, task = busy[ready]  # type: ignore[index]
                    reply = worker.reply()
                    if isinstance(reply, _TileDone):
                        watcher.tile_done(task.number, reply.done, reply.total)
                        continue
                    del busy[worker.connection]
                    if isinstance(reply, _Unusable):
                        raise StarbridgeError(reply.error)
                    if reply is None:
                        worker.end()
                        lost.append(task)
                    else:
                        idle.append(worker)
                        yield reply
        finally:
            for worker, _ in busy.values():
                worker.end()
            for worker in idle:
                worker.dismiss()
            for worker in idle:
                worker.end(_PATIENCE)


def _deadly(task: Task) -> BadInputError:
    return BadInputError(
        task.image,
        "ended the process that segmented it, twice; most likely it needs more memory than is free",
        "use more --tiles, or a machine with more memory",
    )


@dataclass(frozen=True)
class _TileDone:
    done: int
    total: int


@dataclass(frozen=True)
class _Unusable:
    """The model cannot be loaded: no image can be segmented."""

    error: str


class _Worker:
    """A process and the pipe to it."""

    def __init__(self, portable: PortableSegmenter, folder: Path, count: int) -> None:
        # TensorFlow does not survive a fork.
        context = get_context("spawn")
        self.connection, theirs = context.Pipe()
        level = logging.getLogger("bridge").getEffectiveLevel()
        self._process = context.Process(
            target=_serve, args=(theirs, portable, folder, level), daemon=True
        )
        with shielded(), inherited(thread_limits(count)):
            self._process.start()
        theirs.close()  # so that the end of the process is the end of the pipe

    def give(self, task: Task) -> None:
        """Hand over a task; where the process is dead, the reply will say so."""
        with suppress(OSError):
            self.connection.send(task)

    def reply(self) -> Result | _TileDone | _Unusable | None:
        """What the process says; ``None`` where it is dead."""
        try:
            reply: Result | _TileDone | _Unusable = self.connection.recv()
        except (EOFError, OSError):
            return None
        return reply

    def dismiss(self) -> None:
        """Let the process end when it has nothing to do."""
        with suppress(OSError):
            self.connection.send(None)

    def end(self, patience: float = 0.0) -> None:
        """See to it that the process ends.

        Args:
            patience: seconds that it has to do so by itself.
        """
        self._process.join(patience)
        self._process.kill()
        self._process.join()
        self.connection.close()


def _serve(pipe: Connection, portable: PortableSegmenter, folder: Path, level: int) -> None:
    """Carry out tasks until there are no more, or nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(2, 1)  # what a library prints must not get among the results
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    logging.getLogger("bridge").setLevel(level)

    def tell(done: int, total: int) -> None:
        pipe.send(_TileDone(done, total))

    # These errors mean that the process that asked is gone.
    with suppress(EOFError, OSError, AbandonedError):
        while (task := pipe.recv()) is not None:
            reply: Result | _Unusable
            try:
                reply = carry_out(task, portable.load(), folder, tell)
            except StarbridgeError as error:
                reply = _Unusable(str(error))
            pipe.send(reply)
