"""Find the macros and scripts that come with starbridge."""

from __future__ import annotations

from pathlib import Path

from bridge.errors import BadInputError

PACKAGE = Path(__file__).parents[1]
"""Folder of the package ``bridge``, which holds them when it is installed."""


def own_folder(name: str, ending: str, noun: str) -> Path:
    """Return a folder of starbridge's own files, in a checkout or an installed package.

    Args:
        name: the folder's name, ``macros`` or ``groovy``.
        ending: ending of its files.
        noun: what a user calls one of them.

    Raises:
        BadInputError: it holds no file with this ending.

    >>> own_folder("macros", ".ijm", "macro").name
    'macros'
    """
    for folder in (PACKAGE / name, PACKAGE.parent / name):
        if any(folder.glob(f"*{ending}")):
            return folder
    raise BadInputError(PACKAGE / name, f"holds no {noun}", "install starbridge again")
