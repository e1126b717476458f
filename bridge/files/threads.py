"""How many cores there are for us, and how libraries are kept from taking all of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_LIMITS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
_MEMORY_FOR_A_PROCESS = 4 * 2**30


def cores() -> int:
    """Return the number of cores that this process may use; fewer than all on a shared machine."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def suitable_processes() -> int:
    """Return how many processes suit this machine: two cores and 4 GB of free memory for each."""
    import psutil

    memory = psutil.virtual_memory().available // _MEMORY_FOR_A_PROCESS
    return int(max(1, min(cores() // 2, memory)))


def thread_limits(processes: int) -> dict[str, str]:
    """Return environment variables that share out the cores; those that are set already are kept.

    Args:
        processes: how many there are at the same time.
    """
    threads = str(max(1, cores() // processes))
    return {name: os.environ.get(name, threads) for name in _LIMITS}


@contextmanager
def inherited(variables: dict[str, str]) -> Iterator[None]:
    """Set environment variables for the processes that are started in this block.

    Most libraries read them once, when they are loaded: a process must start with them.
    """
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def allowed_threads() -> int:
    """Return the limit that ``OMP_NUM_THREADS`` sets; 0 where it sets none.

    Clusters and parallel runs set it. ONNX Runtime has threads of its own and does not read it.
    """
    limit = os.environ.get("OMP_NUM_THREADS", "")
    return int(limit) if limit.isdecimal() else 0
