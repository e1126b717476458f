"""Memory that is used again and again: new memory costs more than what is done with it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.segment.engines.winograd.vectors import LINE, WIDTH

_NUMBERS = LINE // 4  # float32 in a line

_ROOM = 1.5
"""What is asked for, of what is needed: a larger tile may follow, and what nobody touches costs
nothing."""

_LARGE = 1 << 21
"""Numbers that are enough for the system to give them large pages."""


def aligned(count: int) -> NDArray[np.float32]:
    """So many numbers of any content, from the beginning of a line of memory."""
    memory = np.empty(count + _NUMBERS, np.float32)
    first = -memory.ctypes.data % LINE // 4
    return memory[first : first + count]


def aligned_copy(numbers: NDArray[Any]) -> NDArray[np.float32]:
    """The same numbers, one axis, from the beginning of a line of memory."""
    memory = aligned(numbers.size)
    memory[:] = numbers
    return memory


class Workspace:
    """Memory for layers."""

    def __init__(self) -> None:
        self._free: list[NDArray[np.float32]] = []
        self._taken: dict[str, NDArray[np.float32]] = {}

    def take(self, name: str, *shape: int) -> NDArray[np.float32]:
        """An array of any content."""
        count = int(np.prod(shape))
        self._free.sort(key=len)
        fitting = next((i for i, memory in enumerate(self._free) if len(memory) >= count), None)
        if fitting is not None:
            memory = self._free.pop(fitting)
        else:
            if self._free:
                self._free.pop()  # what is too small now would be so for the next tile
            memory = aligned(int(_ROOM * count))
        self._taken[name] = memory
        return memory[:count].reshape(shape)

    def give(self, name: str) -> None:
        """What was taken by that name is not needed any more."""
        self._free.append(self._taken.pop(name))

    def give_all(self) -> None:
        """The same for all."""
        self._free += self._taken.values()
        self._taken.clear()


class Scratch:
    """A thread's memory for the squares that it is at.

    All in one piece: the system gives large pieces in large pages, and a transform writes to 36
    places at once, more than the processor remembers of small ones.
    """

    def __init__(self) -> None:
        self._memory = aligned(_LARGE)

    def __call__(self, *counts: int) -> list[NDArray[np.float32]]:
        """Arrays of so many numbers, of any content."""
        begins = np.cumsum([0, *(-(-count // WIDTH) * WIDTH for count in counts)])
        if begins[-1] > len(self._memory):
            self._memory = aligned(int(begins[-1]))
        return [self._memory[b : b + n] for b, n in zip(begins[:-1], counts, strict=True)]
