"""Java's options for memory."""

from __future__ import annotations

import re

from bridge.errors import BadInputError

_AMOUNT = re.compile(r"[1-9][0-9]*[kmgKMG]")


def heap_option(heap: str | None) -> str:
    """Return the option for the most memory that Java may take.

    Args:
        heap: as ``-Xmx`` takes it (``"4g"``); half of the machine's memory where ``None``.

    Raises:
        BadInputError: it is no amount of memory.

    Example:
        >>> heap_option("4g")
        '-Xmx4g'
    """
    if heap is None:
        return "-XX:MaxRAMPercentage=50"
    if not _AMOUNT.fullmatch(heap):
        raise BadInputError("heap", f"{heap!r} is no amount of memory", 'give one like "4g"')
    return f"-Xmx{heap}"


def initial_heap_option(heap: str | None, amount: str) -> str:
    """Return the option for the memory that Java takes at its start.

    Args:
        heap: the most that it may take, as in :func:`heap_option`; an upper bound of the result.
        amount: memory to start with (``"512m"``), less than half of any machine's memory.

    Raises:
        BadInputError: ``heap`` is no amount of memory.

    Example:
        >>> initial_heap_option("256m", "512m")
        '-Xms256m'
    """
    heap_option(heap)
    small = heap is not None and _bytes(heap) < _bytes(amount)
    return f"-Xms{heap if small else amount}"


def _bytes(amount: str) -> int:
    return int(amount[:-1]) << {"k": 10, "m": 20, "g": 30}[amount[-1].lower()]
