"""Texts of people as names of files."""

from __future__ import annotations

import re

_REFUSED = re.compile(r'[\x00-\x1f<>:"/\\|?*]')


def safe_name(text: str) -> str:
    """A text without what Windows refuses in a file name, or what could leave a folder.

    Returns:
        The name, which may be empty.
    """
    return _REFUSED.sub("_", text).strip(" .")
