"""The user's cache folder, where everything is kept that was downloaded or unpacked."""

from __future__ import annotations

import os
from pathlib import Path

from bridge.errors import BadInputError
from bridge.files.atomic import write_error

CACHE_VARIABLE = "STARBRIDGE_CACHE"
"""Environment variable that moves the cache folder."""


def cache_folder() -> Path:
    """Return the user's cache folder of starbridge, which may not exist yet."""
    if folder := os.environ.get(CACHE_VARIABLE):
        return Path(folder).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("starbridge", appauthor=False)


def cache_error(folder: Path, error: OSError) -> BadInputError:
    """Return an error that says why the cache cannot be written, and how to move it.

    >>> print(cache_error(Path("/home/me/.cache"), PermissionError(13, "")))
    /home/me/.cache: cannot be written: you may not write here; set STARBRIDGE_CACHE to a folder \
that you may write to
    """
    explained = write_error(folder, error)
    return BadInputError(
        explained.source,
        explained.problem,
        f"set {CACHE_VARIABLE} to a folder that you may write to",
    )
