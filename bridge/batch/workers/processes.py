"""Several processes of this machine, each with one item at a time.

They are plain processes with a pipe each. A pool of :mod:`concurrent.futures` gives up all items
that are under way when one process dies, and does not say which one it had.
"""

from __future__ import annotations

import logging
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection, get_context
from typing import TYPE_CHECKING, Any

from bridge.batch.carry_out import AbandonedError, Result, carry_out, failure
from bridge.batch.workers.interrupts import shielded
from bridge.errors import BadInputError, StarbridgeError
from bridge.files.threads import inherited, thread_limits

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from multiprocessing.connection import Connection
    from pathlib import Path

    from bridge.batch.job import Job, Work
    from bridge.batch.workers.base import Watcher

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
        """Name of the workers, for the record of the run."""
        return f"{self.count} processes"

    def run(
        self, works: Iterable[Work[Any]], job: Job[Any], folder: Path, watcher: Watcher
    ) -> Generator[Result, None, None]:
        """Carry out works, see :meth:`bridge.batch.workers.base.Workers.run`.

        The item of a process that dies, most often for lack of memory, is tried once more when
        all others are done, alone.
        """
        lost: list[Work[Any]] = []
        yield from self._run(works, self.count, job, folder, watcher, lost)
        for work in lost:
            watcher.remark(
                f"{work.source}: the process that worked on it was ended; it is tried again, alone"
            )
            again: list[Work[Any]] = []
            yield from self._run([work], 1, job, folder, watcher, again)
            if again:
                yield failure(work, _too_large(work, job))

    def _run(
        self,
        works: Iterable[Work[Any]],
        count: int,
        job: Job[Any],
        folder: Path,
        watcher: Watcher,
        lost: list[Work[Any]],
    ) -> Generator[Result, None, None]:
        waiting = iter(works)
        busy: dict[Connection, tuple[_Worker, Work[Any]]] = {}
        idle: list[_Worker] = []
        try:
            while True:
                while len(busy) < count and (work := next(waiting, None)) is not None:
                    worker = idle.pop() if idle else _Worker(job, folder, count)
                    busy[worker.connection] = worker, work
                    worker.give(work)
                    watcher.started(work.number)
                if not busy:
                    return
                for ready in connection.wait(list(busy)):
                    worker, work = busy[ready]  # type: ignore[index]
                    reply = worker.reply()
                    if isinstance(reply, _Step):
                        watcher.progress(work.number, reply.done, reply.total)
                        continue
                    del busy[worker.connection]
                    if isinstance(reply, _Unusable):
                        raise StarbridgeError(reply.error)
                    if reply is None:
                        worker.end()
                        lost.append(work)
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


def _too_large(work: Work[Any], job: Job[Any]) -> BadInputError:
    return BadInputError(
        work.source,
        "ended the process that worked on it, twice; most likely it needs more memory than is free",
        f"{job.memory_remedy}, or use a machine with more memory",
    )


@dataclass(frozen=True)
class _Step:
    done: int
    total: int


@dataclass(frozen=True)
class _Unusable:
    """The job cannot be prepared: no item can be worked on."""

    error: str


class _Worker:
    """A process and the pipe to it."""

    def __init__(self, job: Job[Any], folder: Path, count: int) -> None:
        # TensorFlow does not survive a fork.
        context = get_context("spawn")
        self.connection, theirs = context.Pipe()
        level = logging.getLogger("bridge").getEffectiveLevel()
        self._process = context.Process(
            target=_serve, args=(theirs, job, folder, level), daemon=True
        )
        with shielded(), inherited(thread_limits(count)):
            self._process.start()
        theirs.close()  # so that the end of the process is the end of the pipe

    def give(self, work: Work[Any]) -> None:
        """Hand over an item; where the process is dead, the reply will say so."""
        with suppress(OSError):
            self.connection.send(work)

    def reply(self) -> Result | _Step | _Unusable | None:
        """Return what the process sent; ``None`` where it is dead."""
        try:
            reply: Result | _Step | _Unusable = self.connection.recv()
        except (EOFError, OSError):
            return None
        return reply

    def dismiss(self) -> None:
        """Let the process end when it has nothing to do."""
        with suppress(OSError):
            self.connection.send(None)

    def end(self, patience: float = 0.0) -> None:
        """Wait for the end of the process, then kill it.

        Args:
            patience: seconds that it has to do so by itself.
        """
        self._process.join(patience)
        self._process.kill()
        self._process.join()
        self.connection.close()


def _serve(pipe: Connection, job: Job[Any], folder: Path, level: int) -> None:
    """Carry out works until there are no more, or the process that asked is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(2, 1)  # what a library prints must not get among the results
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    logging.getLogger("bridge").setLevel(level)

    def send_progress(done: int, total: int) -> None:
        pipe.send(_Step(done, total))

    # These errors mean that the process that asked is gone.
    with suppress(EOFError, OSError, AbandonedError):
        while (work := pipe.recv()) is not None:
            reply: Result | _Unusable
            try:
                reply = carry_out(work, job, folder, send_progress)
            except StarbridgeError as error:
                reply = _Unusable(str(error))
            pipe.send(reply)
