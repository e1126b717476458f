"""A Dask cluster, on any number of machines.

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
from bridge.batch.carry_out import AbandonedError, Result, carry_out, failure
from bridge.batch.workers.interrupts import shielded
from bridge.errors import BadInputError, MissingPartError, StarbridgeError
from bridge.images.series import split_series

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.batch.job import Job, Work
    from bridge.batch.workers.base import Watcher

_PROTOCOLS = ("tcp://", "tls://", "ucx://", "ws://", "wss://")
_CONNECTING = 20  # seconds
_ANOTHER_WORKER = 2  # times that an item is tried elsewhere after a worker could not take it
_ALONE = 2  # times that it is tried alone; a worker may be lost for another reason meanwhile
_TURN = 1.0  # seconds that an item waits for its turn before it asks for another worker
_INTERVAL = 0.5  # seconds between two messages about the progress of an item


class DaskCluster:
    """Workers of a Dask cluster, each with one item at a time.

    Args:
        address: of the scheduler (``tcp://host:8786``), or the JSON file that it wrote.

    Raises:
        MissingPartError: Dask's distributed is not installed.
        BadInputError: not an address.
    """

    def __init__(self, address: str) -> None:
        if find_spec("distributed") is None:
            raise MissingPartError("cluster", "use a Dask cluster", "distributed")
        self._address = address
        if not address.startswith(_PROTOCOLS):
            if not address.endswith(".json"):
                raise BadInputError(
                    "--scheduler",
                    f"{address!r} is no address of a Dask scheduler",
                    "give tcp://HOST:8786 or the scheduler's JSON file",
                )
            if not Path(address).is_file():
                raise BadInputError(address, "does not exist", "start the scheduler first")

    @property
    def description(self) -> str:
        """Name of the workers, for the record of the run."""
        return f"Dask cluster {self._address}"

    def run(
        self, works: Iterable[Work[Any]], job: Job[Any], folder: Path, watcher: Watcher
    ) -> Generator[Result, None, None]:
        """Carry out works, see :meth:`bridge.batch.workers.base.Workers.run`.

        An item that Dask gives up, because several workers were lost that had it, is tried again
        when all others are done, alone: Dask suspects all items that a lost worker had, also
        those that were only waiting there.
        """
        with ExitStack() as stack:
            orders: _Orders | None = None
            for work in works:
                portable = replace(work, item=job.absolute(work.item))
                if orders is None:  # nothing to do needs no cluster
                    client = stack.enter_context(self._client())
                    with _in_one_line(self._address):
                        watcher.remark(_dashboard(client))
                        files = [split_series(file)[0] for file in job.files(portable.item)]
                        self._check_workers(client, [folder, *files], watcher)
                    orders = _Orders(client, self._address, job, folder, watcher)
                    stack.callback(orders.cancel)
                orders.give(portable)
            if orders is None:
                return
            lost: list[Work[Any]] = []
            yield from orders.results(lost)
            for work in lost:
                watcher.remark(f"{work.source}: workers that had it were lost; tried again, alone")
                again = [work]
                for _ in range(_ALONE):
                    if again:
                        orders.give(again.pop())
                        yield from orders.results(again)
                if again:
                    yield failure(work, _too_large(work, job))

    @contextmanager
    def _client(self) -> Iterator[Any]:
        """Connect to the cluster.

        Raises:
            BadInputError: there is no scheduler at the address.
        """
        from distributed import Client

        _quieten()
        key = "scheduler_file" if self._address.endswith(".json") else "address"
        try:
            with shielded():
                client = Client(  # type: ignore[no-untyped-call]
                    **{key: self._address},
                    timeout=_CONNECTING,
                    set_as_default=False,
                    name="starbridge",
                )
        except (OSError, ValueError) as error:
            raise BadInputError(
                self._address,
                f"is not a Dask scheduler that answers ({str(error)[:120]})",
                "check that the scheduler runs and that this machine may reach it",
            ) from error
        with client:
            yield client

    def _check_workers(self, client: Any, files: list[Path], watcher: Watcher) -> None:
        """Check at once what would make every item fail.

        Args:
            client: the connection.
            files: what the workers must see.
            watcher: hears what a user wants to know.

        Raises:
            BadInputError: a worker has another version, or does not see the files.
        """
        threads = client.nthreads().values()
        if not threads:
            watcher.remark("the cluster has no workers yet; waiting for them")
            return
        if max(threads) > 1:
            watcher.remark(
                "the cluster's workers have several threads each, and take one file at a time "
                "nevertheless; start them with --nthreads 1"
            )
        answers = client.run(
            _what_is_wrong, [str(file) for file in files], _versions(), on_error="return"
        )
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
    """The works that are at a cluster, and the messages about them.

    All messages arrive in one queue, so that the runner gets them in its own thread.
    """

    def __init__(
        self,
        client: Any,
        address: str,
        job: Job[Any],
        folder: Path,
        watcher: Watcher,
    ) -> None:
        self._client = client
        self._address = address
        self._order = (job, folder)
        self._watcher = watcher
        self._topic = f"starbridge-{uuid4()}"
        self._news: queue.SimpleQueue[_Started | _Step | _Finished] = queue.SimpleQueue()
        self._works: dict[int, tuple[Work[Any], Any]] = {}
        client.subscribe_topic(self._topic, lambda event: self._news.put(_parse(event[1])))

    def give(self, work: Work[Any]) -> None:
        """Hand over an item.

        Raises:
            BadInputError: the cluster is gone.
        """
        with _in_one_line(self._address):
            future = self._client.submit(
                _on_worker,
                work,
                *self._order,
                self._topic,
                key=f"starbridge-{work.number}-{uuid4()}",
                pure=False,
                retries=_ANOTHER_WORKER,
            )
        self._works[work.number] = work, future
        future.add_done_callback(lambda _: self._news.put(_Finished(work.number)))

    def results(self, lost: list[Work[Any]]) -> Generator[Result, None, None]:
        """Yield results until no work is left; those that Dask gave up go to ``lost``.

        Raises:
            StarbridgeError: the job cannot be prepared, or the cluster is gone.
        """
        while self._works:
            message = self._next()
            if message.number not in self._works:
                continue
            if isinstance(message, _Started):
                self._watcher.started(message.number)
            elif isinstance(message, _Step):
                self._watcher.progress(message.number, message.done, message.total)
            else:
                work, future = self._works.pop(message.number)
                result = self._result(work, future)
                if result is None:
                    lost.append(work)
                else:
                    yield result

    def cancel(self) -> None:
        """Cancel what is still to do, where the run ends early."""
        if self._works:
            with suppress(Exception):
                self._client.cancel([future for _, future in self._works.values()], force=True)

    def _next(self) -> _Started | _Step | _Finished:
        while True:
            # Without a limit, Windows does not hear Ctrl-C while it waits.
            with suppress(queue.Empty):
                return self._news.get(timeout=1)

    def _result(self, work: Work[Any], future: Any) -> Result | None:
        from distributed import CancelledError, KilledWorker

        try:
            answer: Result | _Unusable = future.result()
        except CancelledError as error:
            raise _gone(self._address) from error
        except KilledWorker:
            return None
        except Exception as error:  # starbridge's own are in the result
            unknown = BadInputError(
                work.source,
                f"failed on the cluster ({type(error).__name__}: {error})",
                "look at the log of its workers",
            )
            return failure(work, unknown)
        if isinstance(answer, _Unusable):
            raise StarbridgeError(answer.error)
        return answer


@contextmanager
def _in_one_line(address: str) -> Iterator[None]:
    """Raise one line where the cluster is gone."""
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


def _too_large(work: Work[Any], job: Job[Any]) -> BadInputError:
    return BadInputError(
        work.source,
        "ended the workers that had it, again and again; most likely it needs more memory than a "
        "worker has",
        f"{job.memory_remedy}, or use workers with more memory",
    )


@dataclass(frozen=True)
class _Started:
    number: int


@dataclass(frozen=True)
class _Step:
    number: int
    done: int
    total: int


@dataclass(frozen=True)
class _Finished:
    number: int


@dataclass(frozen=True)
class _Unusable:
    """The job cannot be prepared: no item can be worked on."""

    error: str


def _parse(message: Any) -> _Started | _Step:
    number, done, total = message
    return _Step(number, done, total) if total else _Started(number)


_one_at_a_time = threading.Lock()


def _on_worker(work: Work[Any], job: Job[Any], folder: Path, topic: str) -> Result | _Unusable:
    """Carry out a work on a worker.

    A worker with several threads is given several works. They take turns, because each would use
    the memory and the cores of the whole worker; one that has to wait asks for another worker.
    """
    from distributed import Reschedule, get_worker

    if not _one_at_a_time.acquire(timeout=_TURN):
        raise Reschedule
    try:
        if wrong := _what_is_wrong([str(folder)], _versions()):
            raise AbandonedError(f"worker {platform.node()} {wrong[0]}")
        worker = get_worker()
        worker.log_event(topic, (work.number, 0, 0))
        sent = time.monotonic()

        def send_progress(done: int, total: int) -> None:
            nonlocal sent
            if time.monotonic() - sent > _INTERVAL:
                sent = time.monotonic()
                worker.log_event(topic, (work.number, done, total))

        try:
            return carry_out(work, job, folder, send_progress)
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
    """Return why this process cannot work for a run, as problem and remedy.

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


def _dashboard(client: Any) -> str:
    """Return a line that says where a user can watch the cluster at work."""
    try:
        client.run_on_scheduler(version, "bokeh")
    except PackageNotFoundError:
        return "the cluster has no dashboard: its scheduler lacks the package bokeh"
    return f"the cluster's dashboard: {client.dashboard_link}"


def _quieten() -> None:
    """Silence Dask, which reports on every worker; starbridge says what concerns a user."""
    if logging.getLogger("bridge").isEnabledFor(logging.DEBUG):
        return
    for name in [*logging.root.manager.loggerDict, "distributed"]:
        if name.partition(".")[0] in ("distributed", "tornado"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
