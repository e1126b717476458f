"""Measure what reading a file takes, by whoever allocates it."""

from __future__ import annotations

import ctypes
import gc
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_RESET_PEAK = "5"  # of the resident memory (proc(5), clear_refs)


@contextmanager
def measured() -> Iterator[Callable[[], int]]:
    """Measure the most bytes that the process has beyond those that it has now.

    The larger of two figures counts: what Python and NumPy allocate, touched or not, and by how
    much the process grows, since HDF5, Arrow, GEOS and codecs allocate by themselves.

    Yields:
        Function that returns the figure.
    """
    if not tracemalloc.is_tracing():  # never stopped: pools of threads may be allocating
        tracemalloc.start()
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what is free would be taken again unseen
    resident = _resident("VmRSS")
    Path("/proc/self/clear_refs").write_text(_RESET_PEAK)
    tracemalloc.reset_peak()
    traced, _ = tracemalloc.get_traced_memory()

    def peak() -> int:
        _, most = tracemalloc.get_traced_memory()
        return max(most - traced, _resident("VmHWM") - resident)

    yield peak


def _resident(key: str) -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{key}:")[2].split()[0]) * 1024
