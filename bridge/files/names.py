"""File names made of any text."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

_REFUSED = re.compile(r'[\x00-\x1f<>:"/\\|?*]')


def safe_name(text: str) -> str:
    """Replace what Windows refuses in a file name, or what would lead out of a folder.

    Returns:
        The name, which may be empty.

    >>> safe_name("CD3+: T cell/1 ")
    'CD3+_ T cell_1'
    """
    return _REFUSED.sub("_", text).strip(" .")


_SYSTEM_NAMES = {"__macosx", ".ds_store", "thumbs.db", "desktop.ini"}


def is_system_file(path: str) -> bool:
    """Tell whether an operating system left a file beside those that a user made.

    Args:
        path: relative, with slashes.

    >>> is_system_file("model/._weights_best.h5"), is_system_file("model/weights_best.h5")
    (True, False)
    """
    parts = PurePosixPath(path.lower()).parts
    return any(part in _SYSTEM_NAMES or part.startswith("._") for part in parts)
