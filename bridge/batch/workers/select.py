"""Choose the workers for ``--jobs`` and ``--scheduler``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.batch.workers.here import Here
from bridge.batch.workers.threads import Threads
from bridge.errors import BadInputError
from bridge.files.threads import cores, suitable_processes

if TYPE_CHECKING:
    from bridge.batch.workers.base import Workers

_MOST_THREADS = 4  # more wait for the disk, and each takes memory

AUTO = "auto"
"""Number of jobs that stands for as many as suit the machine."""


def choose_workers(
    jobs: str = "1", scheduler: str | None = None, *, threads: bool = False
) -> Workers:
    """Return the workers that a user asked for.

    Args:
        jobs: how many images or tables at the same time on this machine, or ``auto``.
        scheduler: address of a Dask cluster (see
            :class:`bridge.batch.workers.dask.DaskCluster`), in place of jobs.
        threads: whether the work suits threads, so that no process has to start.

    Raises:
        BadInputError: neither a number nor ``auto``, no address, or both.
        MissingPartError: a cluster, and Dask's distributed is not installed.

    Example:
        >>> choose_workers("4").description
        '4 processes'
    """
    if jobs != AUTO and not (jobs.isdecimal() and int(jobs) > 0):
        raise BadInputError("--jobs", f"{jobs!r} is no number of processes", "give 4, or auto")
    if scheduler is not None:
        if jobs not in ("1", AUTO):
            raise BadInputError("--jobs and --scheduler", "contradict each other", "give one")
        from bridge.batch.workers.dask import DaskCluster

        return DaskCluster(scheduler)
    suitable = min(cores(), _MOST_THREADS) if threads else suitable_processes()
    count = suitable if jobs == AUTO else int(jobs)
    if count == 1:
        return Here()
    if threads:
        return Threads(count)
    from bridge.batch.workers.processes import LocalProcesses

    return LocalProcesses(count)
