"""Settings of the export of objects' tables, as ilastik keeps them: a pickle in ``numpy.void``.

ilastik exports no table without its window unless a project has ``ExportSettings``. The bytes are
those of protocol 0 of Python's pickle for plain values, written opcode by opcode: nothing is
pickled and nothing unpickled here.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

import numpy as np

Plain = bool | int | str | list["Plain"] | dict[str, "Plain"]
"""Values that :func:`plain_pickle` writes."""

TABLE = "{dataset_dir}/{nickname}.csv"
"""Path of a table when nothing else is chosen in ilastik."""


def export_settings(features: Sequence[str]) -> np.void:
    r"""Return the settings of a CSV table with some features of objects.

    Args:
        features: names of the features.

    >>> export_settings(["Count"]).tobytes()[:19]
    b'((dp0\nVnormalize\np1'
    """
    settings: dict[str, Plain] = {
        "normalize": True,
        "file type": "csv",
        "file path": TABLE,
        "margin": 10,
        "compression": {},
        "include raw": False,
    }
    return np.void(plain_pickle(settings, list(features)))


def plain_pickle(*values: Plain) -> bytes:
    r"""Return a pickle of protocol 0 of a tuple of two or more plain values.

    >>> plain_pickle(True, 2)
    b'(I01\nI2\ntp0\n.'
    """
    memo = count()
    parts = [b"("]
    for value in values:
        parts += _opcodes(value, memo)
    return b"".join([*parts, b"tp%d\n." % next(memo)])


def _opcodes(value: Plain, memo: count[int]) -> list[bytes]:
    if isinstance(value, bool):
        return [b"I01\n" if value else b"I00\n"]
    if isinstance(value, int):
        return [b"I%d\n" % value]
    if isinstance(value, str):
        text = value.replace("\\", "\\u005c").replace("\0", "\\u0000").replace("\n", "\\u000a")
        text = text.replace("\r", "\\u000d").replace("\x1a", "\\u001a")
        return [b"V%s\np%d\n" % (text.encode("raw-unicode-escape"), next(memo))]
    if isinstance(value, list):
        parts = [b"(lp%d\n" % next(memo)]
        for item in value:
            parts += [*_opcodes(item, memo), b"a"]
        return parts
    parts = [b"(dp%d\n" % next(memo)]
    for key, item in value.items():
        parts += [*_opcodes(key, memo), *_opcodes(item, memo), b"s"]
    return parts
