"""Tell whether a file of objects is whole, and whether it was saved since it was read."""

from __future__ import annotations

from pathlib import Path

from bridge.files.hashing import file_hash

NOTHING = "nothing"
"""State of a file that is not there."""

_FIRST_BYTES = b"\xac\xed\x00\x05"
"""Beginning of every file that Java's serialization writes."""
_LAST_BYTES = b"t\x00\x03EOF"
"""Java's text EOF, which QuPath writes last (``PathIO.writeImageData``)."""


def file_state(file: Path) -> str:
    """Return a hash of a file's content, or :data:`NOTHING`.

    Raises:
        BadInputError: it cannot be read.

    >>> file_state(Path("none.qpdata"))
    'nothing'
    """
    return file_hash(file) or NOTHING


def is_whole(file: Path) -> bool:
    """Tell whether QuPath wrote a file of objects (``data.qpdata``) to its end.

    QuPath opens a file that was cut off as an image without objects, and says so in its log only.

    Raises:
        OSError: it cannot be read.

    Example:
        >>> is_whole(Path("PROJECT/data/1/data.qpdata"))  # doctest: +SKIP
        True
    """
    with file.open("rb") as stream:
        first = stream.read(len(_FIRST_BYTES))
        stream.seek(0, 2)
        stream.seek(max(stream.tell() - len(_LAST_BYTES), 0))
        return first == _FIRST_BYTES and stream.read() == _LAST_BYTES
