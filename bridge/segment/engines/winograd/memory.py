"""Memory that is used again: to get new memory costs more than what is done with it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.segment.engines.winograd.vectors import LINE, WIDTH

_NUMBERS = LINE // 4  # float32 in a cache line

_ROOM = 1.5
"""Factor on the memory needed: a larger tile may follow, and untouched pages cost nothing."""

_LARGE = 1 << 21
"""Numbers that are enough for the operating system to use large pages."""


def allocate_aligned(count: int) -> NDArray[np.float32]:
    """Allocate uninitialised float32 aligned to a cache line."""
    memory = np.empty(count + _NUMBERS, np.float32)
    first = -memory.ctypes.data % LINE // 4
    return memory[first : first + count]


def copy_aligned(numbers: NDArray[Any]) -> NDArray[np.float32]:
    """Copy numbers of one axis to float32 aligned to a cache line."""
    memory = allocate_aligned(numbers.size)
    memory[:] = numbers
    return memory


class Workspace:
    """Memory for layers, by name."""

    def __init__(self) -> None:
        self._free: list[NDArray[np.float32]] = []
        self._taken: dict[str, NDArray[np.float32]] = {}

    def allocate(self, name: str, *shape: int) -> NDArray[np.float32]:
        """Return an uninitialised array, in memory that was released if some is large enough."""
        count = int(np.prod(shape))
        self._free.sort(key=len)
        fitting = next((i for i, memory in enumerate(self._free) if len(memory) >= count), None)
        if fitting is not None:
            memory = self._free.pop(fitting)
        else:
            if self._free:
                self._free.pop()  # what is too small now would be so for the next tile
            memory = allocate_aligned(int(_ROOM * count))
        self._taken[name] = memory
        return memory[:count].reshape(shape)

    def release(self, name: str) -> None:
        """Release the memory of a name."""
        self._free.append(self._taken.pop(name))

    def release_all(self) -> None:
        """Release all memory."""
        self._free += self._taken.values()
        self._taken.clear()


class Scratch:
    """A thread's memory for the squares that it computes.

    All in one piece: the system puts large pieces into large pages, and a transform writes to 36
    places at once, more than the processor remembers of small ones.
    """

    def __init__(self) -> None:
        self._memory = allocate_aligned(_LARGE)

    def __call__(self, *counts: int) -> list[NDArray[np.float32]]:
        """Return uninitialised arrays of these lengths, each aligned to a vector."""
        begins = np.cumsum([0, *(-(-count // WIDTH) * WIDTH for count in counts)])
        if begins[-1] > len(self._memory):
            self._memory = allocate_aligned(int(begins[-1]))
        return [self._memory[b : b + n] for b, n in zip(begins[:-1], counts, strict=True)]
