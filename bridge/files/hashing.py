"""Tell by its content whether a file is the one that it was."""

from __future__ import annotations

import hashlib
from pathlib import Path

from bridge.errors import BadInputError


def file_hash(path: Path) -> str | None:
    """Return the SHA-256 of a file in hexadecimal digits, ``None`` where there is none.

    Raises:
        BadInputError: it cannot be read.

    >>> print(file_hash(Path("none.zip")))
    None
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadInputError(
            path,
            f"cannot be read ({error.strerror})",
            "check its permissions, and close the program that has it open",
        ) from error
