"""How much memory Java may take."""

from __future__ import annotations

import re

from bridge.errors import BadInputError

_AMOUNT = re.compile(r"[1-9][0-9]*[kmgKMG]")


def heap_option(heap: str | None) -> str:
    """The option by which Java is told.

    Args:
        heap: as ``-Xmx`` takes it (``"4g"``); half of the machine's memory where ``None``.

    Raises:
        BadInputError: it is no amount of memory.
    """
    if heap is None:
        return "-XX:MaxRAMPercentage=50"
    if not _AMOUNT.fullmatch(heap):
        raise BadInputError("heap", f"{heap!r} is no amount of memory", 'give one like "4g"')
    return f"-Xmx{heap}"
