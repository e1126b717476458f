"""Gzip files, which are unpacked no further than a file of their size honestly goes."""

from __future__ import annotations

import gzip
import io
import zlib
from functools import partial
from os import PathLike
from typing import IO, Any

from bridge.errors import BadInputError

MAGIC = b"\x1f\x8b"
"""First bytes of a gzip file (RFC 1952, section 2.3.1)."""

LARGEST_RATIO = 100
"""Bytes that a packed byte may become: text of numbers becomes 3 to 10, that of few numbers 50."""

NEVER_TOO_LARGE = 8 * 2**20
"""Bytes that any file may unpack to."""

_PIECE = 2**18  # bytes
_SIZE = 4  # last bytes of the file: how much the data is, modulo 2³² (RFC 1952, section 2.3.1)
_AGAIN = "copy or export it again"


def read_gzip(path: str | PathLike[str], data: bytes) -> bytes:
    """Unpack the content of a gzip file.

    Args:
        path: the file, for errors.
        data: its content.

    Raises:
        BadInputError: damaged, cut short, or far larger than a table or GeoJSON of its size.

    >>> read_gzip("a.gz", gzip.compress(b"text"))
    b'text'
    """
    try:
        with bounded_gzip(path, io.BytesIO(data), len(data)) as stream:
            # In pieces: asked for all at once, gzip sets aside as much as is allowed.
            return b"".join(iter(partial(stream.read, _PIECE), b""))
    except (OSError, EOFError, zlib.error) as error:
        raise BadInputError(path, f"is damaged gzip ({error})", _AGAIN) from error


def bounded_gzip(path: str | PathLike[str], stream: IO[bytes], packed: int) -> gzip.GzipFile:
    """Open a gzip stream that stops with an error where it unpacks to far too much.

    Args:
        path: the file, for errors.
        stream: the packed bytes.
        packed: number of these bytes.

    Returns:
        A stream whose reading raises BadInputError at the limit.

    Raises:
        BadInputError: the file itself says that it is larger, and is.
        EOFError, OSError, zlib.error: it says so and is damaged.
    """
    largest = max(NEVER_TOO_LARGE, LARGEST_RATIO * packed)
    start = stream.tell()
    stream.seek(max(start, start + packed - _SIZE))
    says_more = int.from_bytes(stream.read(_SIZE), "little") > largest
    stream.seek(start)
    if says_more:  # or is cut short: unpacked once without keeping anything, it tells
        whole = _BoundedGzip(path, stream, largest)
        while whole.read(_PIECE):
            pass
        stream.seek(start)
    return _BoundedGzip(path, stream, largest)


class _BoundedGzip(gzip.GzipFile):
    def __init__(self, path: str | PathLike[str], stream: IO[bytes], largest: int) -> None:
        super().__init__(fileobj=stream, mode="rb")
        self._path, self._largest = path, largest

    def read(self, size: int | None = -1) -> bytes:
        wanted = -1 if size is None else size
        # One byte more than is allowed tells that there is more.
        left = self._largest - self.tell() + 1
        data = super().read(left if wanted < 0 else min(wanted, left))
        self._check()
        return data

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def readline(self, size: int | None = -1) -> bytes:
        line = super().readline(self._largest + 1 if size is None or size < 0 else size)
        self._check()
        return line

    def _check(self) -> None:
        if self.tell() > self._largest:
            raise _too_large(self._path)


def _too_large(path: str | PathLike[str]) -> BadInputError:
    return BadInputError(path, "unpacks to far more than an honest file of its size", _AGAIN)
