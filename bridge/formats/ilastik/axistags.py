"""Axes as ilastik stores them: VIGRA's ``axistags``, JSON with a key for each axis.

:func:`bridge.formats.hdf5.axistags` writes them.
"""

from __future__ import annotations

import json

from bridge.errors import BadInputError

LETTERS = "TZYXC"
"""Letters of the axes, in the order in which ilastik prefers them."""


def read_axes(source: str, text: str) -> str:
    """Return the axes that a text of axistags names.

    Args:
        source: the file, for errors.
        text: the JSON.

    Returns:
        Letters of ``TZYXC``, each once.

    Raises:
        BadInputError: it names no axes, others, or one of them twice.

    >>> read_axes("a.ilp", '{"axes": [{"key": "y"}, {"key": "x"}]}')
    'YX'
    """
    try:
        keys = [str(axis["key"]).upper() for axis in json.loads(text)["axes"]]
    except (KeyError, TypeError, ValueError, RecursionError):
        keys = []
    if not keys or len(set(keys)) < len(keys) or not set(keys) <= set(LETTERS):
        raise BadInputError(
            source, f"does not name the axes of an image ({text[:60]!r})", "save it again"
        )
    return "".join(keys)


def ordered(axes: str) -> str:
    """Return axes in the order in which ilastik keeps brush strokes, the channel last.

    >>> ordered("CXYZ")
    'ZYXC'
    """
    return "".join(letter for letter in LETTERS if letter in axes)
