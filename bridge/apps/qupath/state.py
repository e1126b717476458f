"""Tell whether a file of objects was saved since it was read."""

from __future__ import annotations

import hashlib
from pathlib import Path

from bridge.errors import BadInputError

NOTHING = "nothing"
"""State of a file that is not there."""


def file_state(file: Path) -> str:
    """Return a hash of a file's content, or :data:`NOTHING`.

    Raises:
        BadInputError: it cannot be read.

    >>> file_state(Path("none.qpdata"))
    'nothing'
    """
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        return NOTHING
    except OSError as error:
        raise BadInputError(
            file, f"cannot be read ({error.strerror})", "check its permissions"
        ) from error
