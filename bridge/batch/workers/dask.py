"""A Dask cluster: one that is there, on any number of machines, or one made for this run.

Dask gives the tasks of a worker that is lost to another one. Trust between the scheduler, its
workers and this process is the cluster's affair: whoever can talk to a scheduler can run code on
its workers, so a scheduler belongs behind a firewall or to ``tls://``.
"""

from __future__ import annotations

import logging
import platform
import queue
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import bridge
from bridge.batch.task import AbandonedError, Result, carry_out, failure
from bridge.batch.workers.interrupts import shielded
from bridge.batch.workers.portable import PortableSegmenter
from bridge.errors import BadInputError, MissingPartError, StarbridgeError
from bridge.files.threads import inherited, suitable_processes, thread_limits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.batch.task import Task
    from bridge.batch.workers.base import Watcher
    from bridge.segment.segmenter import Segmenter

LOCAL = "local"
"""Address that stands for a cluster of this machine, made for the run: ``local`` or ``local:4``."""

_PROTOCOLS = ("tcp://", "tls://", "ucx://", "ws://", "wss://")
_CONNECTING = 20  # seconds
_ANOTHER_WORKER = 2  # times that a task is tried elsewhere after a worker could not take it
_TURN = 1.0  # seconds that a task waits for its turn before it asks for another worker
_TELLING = 0.5  # seconds between two messages about the tiles of an image


class DaskCluster:
    """Workers of a Dask cluster, each with one image at a time.

    Args:
        address: of the scheduler (``tcp://host:8786``), or the JSON file that it wrote, or
            ``local`` or ``local:N`` for a cluster of N processes of this machine.

    Raises:
        MissingPartError: Dask's distributed is not installed.
        BadInputError: not an address.
    """

    def __init__(self, address: str) -> None:
        if find_spec("distributed") is None:
            raise MissingPartError("cluster", "use a Dask cluster", "distributed")
        self._count = _local_count(address)
        self._address = address
        if self._count is None and not address.startswith(_PROTOCOLS):
            if not address.endswith(".json"):
                raise BadInputError(
                    "--scheduler",
                    f"{address!r} is no address of a Dask scheduler",
                    "give tcp://HOST:8786, the scheduler's JSON file, or local",
                )
            if not Path(address).is_file():
                raise BadInputError(address, "does not exist", "start the scheduler first")

    @property
    def description(self) -> str:
        """What they are, for the record of the run."""
        return f"Dask cluster {self._address}"

    def run(
        self, tasks: Iterable[Task], segmenter: Segmenter, folder: Path, watcher: Watcher
    ) -> Generator[Result, None, None]:
        """See :meth:`bridge.batch.workers.base.Workers.run`.

        An image that Dask gives up, because several workers were lost that had it, is tried once
        more when all others are done, alone: Dask suspects all images that a lost worker had, also
        those that were only waiting there.
        """
        portable = PortableSegmenter.of(segmenter)
        with ExitStack() as stack:
            orders: _Orders | None = None
            for task in map(_findable, tasks):
                if orders is None:  # nothing to do needs no cluster
                    client = stack.enter_context(self._client())
                    with _in_one_line(self._address):
                        watcher.remark(_dashboard(client))
                        self._check_workers(client, folder, task, portable, watcher)
                    orders = _Orders(client, self._address, portable, folder, watcher)
                    stack.callback(orders.cancel)
                orders.give(task)
            if orders is None:
                return
            lost: list[Task] = []
            yield from orders.results(lost)
            for task in lost:
                watcher.remark(f"{task.image}: workers that had it were lost; tried again, alone")
                again: list[Task] = []
                orders.give(task)
                yield from orders.results(again)
                if again:
                    yield failure(task, _deadly(task))

    @contextmanager
    def _client(self) -> Iterator[Any]:
        """A connection to the cluster; one made for this run ends with it.

        Raises:
            BadInputError: there is no scheduler at the address.
        """
        from distributed import Client, LocalCluster

        _quieten()
        with ExitStack() as stack:
            if self._count is not None:
                # Dask sets some of these, to 1, for this process too; they go with the cluster.
                stack.enter_context(inherited(thread_limits(self._count)))
                with shielded():  # its threads and processes are all born here
                    cluster = LocalCluster(  # type: ignore[no-untyped-call]
                        n_workers=self._count,
                        threads_per_worker=1,
                        memory_limit=_memory() // self._count,
                        dashboard_address=":0",
                        silence_logs=logging.CRITICAL,
                    )
                stack.enter_context(cluster)
                where: dict[str, Any] = {"address": cluster}
            elif self._address.endswith(".json"):
                where = {"scheduler_file": self._address}
            else:
                where = {"address": self._address}
            try:
                with shielded():
                    client = Client(  # type: ignore[no-untyped-call]
                        **where, timeout=_CONNECTING, set_as_default=False, name="starbridge"
                    )
            except (OSError, ValueError) as error:
                raise BadInputError(
                    self._address,
                    f"is not a Dask scheduler that answers ({str(error)[:120]})",
                    "check that the scheduler runs and that this machine may reach it",
                ) from error
            yield stack.enter_context(client)

    def _check_workers(
        self, client: Any, folder: Path, task: Task, portable: PortableSegmenter, watcher: Watcher
    ) -> None:
        """Say at once what would keep every image from being segmented.

        Raises:
            BadInputError: a worker has another version, or does not see the files.
        """
        threads = client.nthreads().values()
        if not threads:
            watcher.remark("the cluster has no workers yet; waiting for them")
            return
        if max(threads) > 1:
            watcher.remark(
                "the cluster's workers have several threads each, and take one image at a time "
                "nevertheless; start them with --nthreads 1"
            )
        files = [str(folder)]
        files += [str(task.image)] if isinstance(task.image, Path) else []
        files += [portable.model] if Path(portable.model).is_absolute() else []
        answers = client.run(_what_is_wrong, files, _versions(), on_error="return")
        for worker, answer in answers.items():
            if answer is None:
                continue
            if isinstance(answer, BaseException):
                raise BadInputError(
                    worker,
                    f"is a worker that cannot run starbridge ({type(answer).__name__}: {answer})",
                    f"install starbridge {bridge.__version__} with [cluster] on all workers",
                )
            raise BadInputError(worker, *answer)


class _Orders:
    """The tasks that are at a cluster, and what is heard of them.

    Everything arrives in one queue, so that the batch hears it in its own thread.
    """

    def __init__(
        self,
        client: Any,
        address: str,
        portable: PortableSegmenter,
        folder: Path,
        watcher: Watcher,
    ) -> None:
        self._client = client
        self._address = address
        self._order = (portable, folder)
        self._watcher = watcher
        self._topic = f"starbridge-{uuid4()}"
        self._news: queue.SimpleQueue[_Started | _TileDone | _Finished] = queue.SimpleQueue()
        self._tasks: dict[int, tuple[Task, Any]] = {}
        client.subscribe_topic(self._topic, lambda event: self._news.put(_heard(event[1])))

    def give(self, task: Task) -> None:
        """Hand over a task.

        Raises:
            BadInputError: the cluster is gone.
        """
        with _in_one_line(self._address):
            future = self._client.submit(
                _on_worker,
                task,
                *self._order,
                self._topic,
                key=f"segment-{task.number}-{uuid4()}",
                pure=False,
                retries=_ANOTHER_WORKER,
            )
        self._tasks[task.number] = task, future
        future.add_done_callback(lambda _: self._news.put(_Finished(task.number)))

    def results(self, lost: list[Task]) -> Generator[Result, None, None]:
        """Results until there are no more tasks; those that Dask gave up go to ``lost``.

        Raises:
            StarbridgeError: the model cannot be loaded, or the cluster is gone.
        """
        while self._tasks:
            message = self._next()
            if message.number not in self._tasks:
                continue
            if isinstance(message, _Started):
                self._watcher.started(message.number)
            elif isinstance(message, _TileDone):
                self._watcher.tile_done(message.number, message.done, message.total)
            else:
                task, future = self._tasks.pop(message.number)
                result = self._result(task, future)
                if result is None:
                    lost.append(task)
                else:
                    yield result

    def cancel(self) -> None:
        """Take back what is still to do, where the run ends early."""
        if self._tasks:
            with suppress(Exception):
                self._client.cancel([future for _, future in self._tasks.values()], force=True)

    def _next(self) -> _Started | _TileDone | _Finished:
        while True:
            # Without a limit, Windows does not hear Ctrl-C while it waits.
            with suppress(queue.Empty):
                return self._news.get(timeout=1)

    def _result(self, task: Task, future: Any) -> Result | None:
        from distributed import CancelledError, KilledWorker

        try:
            answer: Result | _Unusable = future.result()
        except CancelledError as error:
            raise _gone(self._address) from error
        except KilledWorker:
            return None
        except Exception as error:  # starbridge's own are in the result
            unknown = BadInputError(
                task.image,
                f"could not be segmented on the cluster ({type(error).__name__}: {error})",
                "look at the log of its workers",
            )
            return failure(task, unknown)
        if isinstance(answer, _Unusable):
            raise StarbridgeError(answer.error)
        return answer


@contextmanager
def _in_one_line(address: str) -> Iterator[None]:
    """Say in one line that the cluster is gone."""
    from distributed import CancelledError
    from distributed.comm.core import CommClosedError

    try:
        yield
    except (CommClosedError, TimeoutError, CancelledError) as error:
        raise _gone(address) from error


def _gone(address: str) -> BadInputError:
    return BadInputError(
        address,
        "is gone, or somebody took the images from it",
        "start the cluster and run the same command again; what is done is kept",
    )


def _findable(task: Task) -> Task:
    """The task for a process that is in another current folder."""
    image = task.image
    return replace(task, image=image.absolute()) if isinstance(image, Path) else task


def _deadly(task: Task) -> BadInputError:
    return BadInputError(
        task.image,
        "ended the workers that segmented it, again and again; most likely it needs more memory "
        "than a worker has",
        "use more --tiles, or workers with more memory",
    )


@dataclass(frozen=True)
class _Started:
    number: int


@dataclass(frozen=True)
class _TileDone:
    number: int
    done: int
    total: int


@dataclass(frozen=True)
class _Finished:
    number: int


@dataclass(frozen=True)
class _Unusable:
    """The model cannot be loaded: no image can be segmented."""

    error: str


def _heard(message: Any) -> _Started | _TileDone:
    number, done, total = message
    return _TileDone(number, done, total) if total else _Started(number)


_one_at_a_time = threading.Lock()


def _on_worker(
    task: Task, portable: PortableSegmenter, folder: Path, topic: str
) -> Result | _Unusable:
    """Carry out a task on a worker.

    A worker with several threads is given several tasks. They take turns, because each would use
    the memory and the cores of the whole worker; one that has to wait asks for another worker.
    """
    from distributed import Reschedule, get_worker

    if not _one_at_a_time.acquire(timeout=_TURN):
        raise Reschedule
    try:
        if wrong := _what_is_wrong([str(folder)], _versions()):
            raise AbandonedError(f"worker {platform.node()} {wrong[0]}")
        worker = get_worker()
        worker.log_event(topic, (task.number, 0, 0))
        told = time.monotonic()

        def tell(done: int, total: int) -> None:
            nonlocal told
            if time.monotonic() - told > _TELLING:
                told = time.monotonic()
                worker.log_event(topic, (task.number, done, total))

        try:
            return carry_out(task, portable.load(), folder, tell)
        except StarbridgeError as error:
            return _Unusable(str(error))
    finally:
        _one_at_a_time.release()


def _versions() -> dict[str, str]:
    return {
        "starbridge": bridge.__version__,
        "Python": ".".join(platform.python_version_tuple()[:2]),
    }


def _what_is_wrong(files: list[str], versions: dict[str, str]) -> tuple[str, str] | None:
    """Why this process cannot work for a run, as problem and remedy.

    Args:
        files: what it must see.
        versions: what it must have.
    """
    here = _versions()
    for name, wanted in versions.items():
        if here[name] != wanted:
            return (
                f"is a worker with {name} {here[name]}, and this machine has {wanted}",
                "install the same on all of them",
            )
    for file in files:
        if not Path(file).exists():
            return (
                f"is a worker that does not see {file}",
                "put images, model and results into folders that all machines share, "
                "under the same path",
            )
    return None


def _local_count(address: str) -> int | None:
    """How many processes of this machine an address means; ``None`` for another cluster."""
    word, colon, number = address.partition(":")
    if word != LOCAL:
        return None
    if not colon:
        return suitable_processes()
    if not number.isdecimal() or int(number) < 1:
        raise BadInputError(
            "--scheduler", f"{number!r} is no number of processes", "give local, or local:4"
        )
    return int(number)


def _memory() -> int:
    import psutil

    return int(psutil.virtual_memory().total)


def _dashboard(client: Any) -> str:
    """Where a person can watch the cluster at work."""
    try:
        client.run_on_scheduler(version, "bokeh")
    except PackageNotFoundError:
        return "the cluster has no dashboard: its scheduler lacks the package bokeh"
    return f"the cluster's dashboard: {client.dashboard_link}"


def _quieten() -> None:
    """What concerns a person is said by starbridge; Dask tells much more, of each worker."""
    if logging.getLogger("bridge").isEnabledFor(logging.DEBUG):
        return
    for name in [*logging.root.manager.loggerDict, "distributed"]:
        if name.partition(".")[0] in ("distributed", "tornado"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
