"""Outputs of an earlier run that belong to nothing any more."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

_SHOWN = 5


def remove_leftovers(
    out: Path, owned: Mapping[str, str], found: Collection[str], written: Collection[str]
) -> str | None:
    """Remove the outputs of an earlier run that the last one did not write, where unchanged.

    Args:
        out: the output folder.
        owned: SHA-256 by path of what the earlier run wrote.
        found: paths of further files that look like such outputs.
        written: paths of what the last run wrote.

    Returns:
        A note for the user that names the files which were left: changed since, or of unknown
        origin; ``None`` where there are none.
    """
    left = []
    for relative in sorted({*owned, *found} - {*written}):
        file = out / relative
        if not file.is_file() or not file.resolve().is_relative_to(out.resolve()):
            continue
        if _hash(file) == owned.get(relative):
            with suppress(OSError):
                file.unlink()
                continue
        left.append(relative)
    if not left:
        return None
    names = ", ".join(left[:_SHOWN]) + (" …" if len(left) > _SHOWN else "")
    return (
        f"{len(left)} files of an earlier run belong to nothing any more, and were not removed "
        f"because this run's record does not know them as they are: {names}"
    )


def _hash(file: Path) -> str | None:
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return None
