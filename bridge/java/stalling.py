"""Tell a process that is slow from one that does not move any more."""

from __future__ import annotations

import time
from collections.abc import Callable

_BUSY = 0.02
"""Part of the limit that a process must compute to count as moving; an idle Java uses less."""
_AT_MOST = 20
"""Limits after which even a process that computes is given up: it may run in a circle."""


class StallWatch:
    """A watch over a process that starts: stalled when it shows no progress for some time.

    Progress is a step that it reports, or that it computes. On a machine with much else to do, the
    same start takes many times as long.

    Args:
        limit: seconds without progress after which it is stalled.
        cpu: returns the seconds that it has computed so far; ``None`` where that is unknown.
        clock: returns seconds from any moment.

    >>> now = [0.0]
    >>> watch = StallWatch(60, lambda: None, lambda: now[0])
    >>> now[0] = 50.0; watch.seconds_left()
    10.0
    >>> watch.note_step("compiling"); watch.seconds_left(), watch.last_step
    (60.0, 'compiling')
    """

    def __init__(
        self,
        limit: float,
        cpu: Callable[[], float | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limit = limit
        self.last_step = ""
        self._cpu = cpu
        self._clock = clock
        self._began = clock()
        self._moved = self._began
        self._computed = cpu() or 0.0

    def note_step(self, step: str) -> None:
        """Note a step that the process reports."""
        self.last_step = step
        self._move(self._cpu())

    def seconds_left(self) -> float:
        """Return how long to wait still; 0 or less where it is stalled."""
        computed = self._cpu()
        if computed is not None and computed - self._computed >= _BUSY * self.limit:
            self._move(computed)
        now = self._clock()
        return min(self._moved + self.limit, self._began + _AT_MOST * self.limit) - now

    def _move(self, computed: float | None) -> None:
        self._moved = self._clock()
        if computed is not None:
            self._computed = computed
