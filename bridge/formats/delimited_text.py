"""Text tables as programs and spreadsheets write them: encodings, delimiters, quotes, titles."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from bridge.errors import BadInputError
from bridge.files.gzipped import MAGIC, bounded_gzip

_DELIMITERS = (",", ";", "\t")
_LONGEST_HEADER = 1 << 24
_RAGGED = re.compile(r"(?:Row #(\d+): )?Expected \d+ columns, got (\d+)")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_UTF8_MARK = b"\xef\xbb\xbf"


class RaggedError(ValueError):
    """A row that has not as many cells as the header.

    Args:
        row: its number, from 1, without the header.
        found: number of its cells.
    """

    def __init__(self, row: int | None, found: int) -> None:
        super().__init__(row, found)
        self.row, self.found = row, found


def ragged_row(message: str) -> RaggedError | None:
    """Return the row that pyarrow's reader of CSV refused for its number of cells, if that was it.

    Its own handler of such rows fails on texts that are not UTF-8.

    >>> ragged_row("CSV parse error: Row #2: Expected 2 columns, got 3: 2,B,3").found
    3
    """
    match = _RAGGED.search(message)
    return None if match is None else RaggedError(int(match[1] or 0) or None, int(match[2]))


class DamagedTextError(ValueError):
    """A text that cannot be split into cells safely; its message says why."""


def decoded(value: bytes) -> str:
    """Decode a text of UTF-8, or of Windows-1252 where it is none."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("cp1252", errors="replace")


class CheckedText(io.RawIOBase):
    """A CSV file's bytes, of which NUL bytes and misplaced quotes are refused.

    Quotes divide the text into parts outside and inside of quoted cells. A part outside must begin
    and end with a delimiter or line end, where a quote is before or behind it; or else be empty,
    between the two quotes that stand for one (RFC 4180, section 2).
    """

    def __init__(self, stream: io.BufferedIOBase, delimiter: str) -> None:
        super().__init__()
        self._stream = stream
        self._borders = f"{delimiter}\r\n".encode()
        self._part = b"\n"  # first and last byte of the part that goes on
        self._inside = False

    def readable(self) -> bool:
        """Return ``True``: the text can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer, and check what was read.

        Raises:
            DamagedTextError: NUL bytes, a quote that is never closed or that is inside a cell.
        """
        size: int = self._stream.readinto(buffer)
        data = bytes(memoryview(buffer)[:size])
        if b"\0" in data:
            raise DamagedTextError("it holds NUL bytes")
        if b'"' in data:
            self._check_quotes(data)
        else:
            self._keep_ends(self._part + data)
        if not size and self._inside:
            raise DamagedTextError("a quote is never closed")
        if not size:
            self._check(self._part + b"\n")
        return size

    def _check_quotes(self, data: bytes) -> None:
        parts = data.split(b'"')
        parts[0] = self._part + parts[0]
        for part in parts[self._inside : -1 : 2]:
            self._check(part)
        self._inside ^= len(parts) % 2 == 0
        self._keep_ends(parts[-1])

    def _keep_ends(self, part: bytes) -> None:
        self._part = part[:1] + part[-1:]

    def _check(self, part: bytes) -> None:
        if part and not (part[0] in self._borders and part[-1] in self._borders):
            raise DamagedTextError("a quote stands in the middle of a cell")


def check_text(data: bytes, delimiter: str) -> None:
    """Refuse what :class:`CheckedText` refuses, in a text that is in memory as a whole.

    Args:
        data: the rows of a CSV file.
        delimiter: between the cells.

    Raises:
        DamagedTextError: NUL bytes, a quote that is never closed or that is inside a cell.
    """
    if b"\0" in data:
        raise DamagedTextError("it holds NUL bytes")
    letters = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero(letters == ord('"'))
    if len(quotes) % 2:
        raise DamagedTextError("a quote is never closed")
    is_border = np.zeros(256, np.bool_)
    is_border[list(f"{delimiter}\r\n".encode())] = True
    # The parts outside of quotes reach from before the text to an opening quote, …, and to its end.
    first, last = quotes[1::2] + 1, quotes[::2] - 1
    inner = first[:-1] <= last[1:]  # not empty
    start, end = last[:1], first[-1:]
    edges = (
        letters[start[start >= 0]],
        letters[end[end < len(data)]],
        letters[first[:-1][inner]],
        letters[last[1:][inner]],
    )
    if not all(is_border[each].all() for each in edges):
        raise DamagedTextError("a quote stands in the middle of a cell")


@contextmanager
def open_text(file: Path) -> Iterator[BinaryIO]:
    """Open a table as bytes of an encoding that keeps ASCII, with newlines, without its mark.

    Args:
        file: a text in UTF-8, UTF-16 or an encoding of single bytes, gzipped or not, with or
            without byte order mark.

    Raises:
        BadInputError: a binary file, or gzip that unpacks to far too much.
    """
    with file.open("rb") as raw:
        gzipped = raw.read(2) == MAGIC
        raw.seek(0)
        stream: Any = bounded_gzip(file, raw, file.stat().st_size) if gzipped else raw
        head = stream.read(4096)
        stream.seek(0)
        if head.startswith(_UTF16) or _looks_like_utf16(head):
            encoding = "utf-16" if head.startswith(_UTF16) else _utf16_order(head)
            yield io.BufferedReader(_Transcoded(stream, encoding))
            return
        if b"\0" in head:
            raise BadInputError(file, "is not a table, but a binary file", "give CSV or Parquet")
        if b"\r" in head and b"\n" not in head and head.rstrip(b"\r").count(b"\r"):
            yield io.BufferedReader(_Transcoded(stream, "latin-1"))  # line ends of an old Mac
            return
        if head.startswith(_UTF8_MARK):
            stream.seek(len(_UTF8_MARK))
        yield stream


def _looks_like_utf16(head: bytes) -> bool:
    return len(head) > 3 and (not any(head[0:64:2]) or not any(head[1:64:2]))


def _utf16_order(head: bytes) -> str:
    return "utf-16-le" if head[0] else "utf-16-be"


class _Transcoded(io.RawIOBase):
    """A text in another encoding as bytes of UTF-8; every line ends with a newline."""

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        super().__init__()
        # latin-1 stands for any encoding of single bytes, which go on as they are.
        self._encoding = encoding if encoding == "latin-1" else "utf-8"
        self._text = io.TextIOWrapper(stream, encoding)
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._left:
            self._left = self._text.read(1 << 18).encode(self._encoding)
        size = min(len(buffer), len(self._left))
        buffer[:size], self._left = self._left[:size], self._left[size:]
        return size


def read_header_line(file: Path, stream: BinaryIO) -> str:
    """Read the line of titles; Excel may put ``sep=;`` before it.

    Raises:
        BadInputError: there is none.
    """
    line = b""
    while not line.strip() or re.fullmatch(rb"\"?sep=.\"?\s*", line, re.IGNORECASE):
        line = stream.readline(_LONGEST_HEADER)
        if not line:
            raise BadInputError(file, "has no header", "export it again")
    while line.count(b'"') % 2 and len(line) < _LONGEST_HEADER:
        more = stream.readline(_LONGEST_HEADER)
        if not more:
            break
        line += more
    return decoded(line.rstrip(b"\r\n"))


def split_header(line: str, wanted: Collection[str]) -> tuple[str, list[str]]:
    """Return the delimiter of a table, and the titles of its columns.

    Args:
        line: the line of titles.
        wanted: titles of which the table is expected to have one.

    >>> split_header("id;class", {"class"})
    (';', ['id', 'class'])
    """
    ways = []
    for delimiter in _DELIMITERS:
        cells = next(csv.reader(io.StringIO(line, newline=""), delimiter=delimiter))
        ways.append((delimiter, [title.strip() for title in cells]))
    # The one that gives a wanted column; with none, or several, the most frequent one.
    return max(ways, key=lambda way: (bool(set(wanted) & set(way[1])), len(way[1])))


@contextmanager
def translated_errors(file: Path) -> Iterator[None]:
    """Say in the user's words what reading a damaged text table raises.

    Raises:
        BadInputError: for whatever is wrong with the file.
    """
    try:
        yield
    except RaggedError as error:
        where = f" (row {error.row})" if error.row else ""
        raise BadInputError(
            file,
            f"has a row of {error.found} cells under a header of another number{where}",
            "export it again; numbers with decimal commas need semicolons between the columns, and "
            "class names with commas another name in ilastik",
        ) from error
    except (
        EOFError,
        gzip.BadGzipFile,
        zlib.error,
        UnicodeError,
        csv.Error,
        DamagedTextError,
    ) as error:
        raise BadInputError(file, f"is damaged ({error})", "export it again") from error
    except OSError as error:
        raise BadInputError(
            file, f"cannot be read ({error.strerror or error})", "check the disk, and try again"
        ) from error
    except ValueError as error:  # pyarrow's errors too
        line = (str(error).splitlines() or [""])[0][:200]
        raise BadInputError(file, f"is not a table ({line})", "export it again") from error
