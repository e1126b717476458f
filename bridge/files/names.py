"""File names made of any text."""

from __future__ import annotations

import re

_REFUSED = re.compile(r'[\x00-\x1f<>:"/\\|?*]')


def safe_name(text: str) -> str:
    """Replace what Windows refuses in a file name, or what would lead out of a folder.

    Returns:
        The name, which may be empty.

    >>> safe_name("CD3+: T cell/1 ")
    'CD3+_ T cell_1'
    """
    return _REFUSED.sub("_", text).strip(" .")
