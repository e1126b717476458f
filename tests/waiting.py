"""Wait for conditions, so that no test's verdict depends on how fast the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 300.0
"""Seconds after which something counts as hanging; nothing that works takes a tenth of it."""


def wait_until(condition: Callable[[], object], what: str, every: float = 0.01) -> None:
    """Wait until a condition holds.

    Args:
        condition: asked again and again.
        what: what is waited for, as the failure's message says it.
        every: seconds between two looks.

    Raises:
        AssertionError: if it does not hold after :data:`PATIENCE` seconds.
    """
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"{what}: not after {PATIENCE:g} s"
        time.sleep(every)
