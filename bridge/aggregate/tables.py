"""Read the classes from tables of objects as ilastik, QuPath, Fiji and starbridge write them."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, cast

from bridge.aggregate.hdf5_tables import HDF5_ENDINGS, is_hdf5, may_hold_table, open_table
from bridge.aggregate.layouts import Layout, layout_of
from bridge.aggregate.tally import (
    MOST_VALUES,
    DamagedTextError,
    RaggedError,
    Tally,
    TooManyValuesError,
    decoded,
    tally_csv,
)
from bridge.errors import BadInputError
from bridge.formats import existing_file
from bridge.formats.naming import natural_key

TABLE_ENDINGS = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".parquet", *HDF5_ENDINGS)
OBJECT_ENDINGS = (".geojson", ".geojson.gz")
_NOT_OBJECTS = ("_changes.csv", "_conflicts.csv", "_classes.csv")
_FOLDERS = ("tables", "geojson")

_DELIMITERS = (",", ";", "\t")
_LONGEST_HEADER = 1 << 24
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_UTF8_MARK = b"\xef\xbb\xbf"
_DAMAGED = (EOFError, gzip.BadGzipFile, zlib.error, UnicodeError, csv.Error, DamagedTextError)


def find_tables(paths: Iterable[str | PathLike[str]]) -> list[Path]:
    """Find the tables of files and folders.

    Args:
        paths: files, taken as they are, in their order; folders, searched for tables directly
            inside, or else in their folder ``tables``, as ``starbridge segment`` writes them; a
            folder without any is searched for GeoJSON in the same way.

    Returns:
        Files, each once; those of a folder in natural order, without hidden ones, without
        ``…_changes.csv``, ``…_conflicts.csv`` and ``…_classes.csv``, which hold no objects, and
        without HDF5 files that have no table, such as label images.

    Raises:
        BadInputError: for a path that does not exist or a folder without tables.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("s10.csv", "s2.csv", "s2_changes.csv", "s2.tif"):
    ...         (Path(folder) / name).touch()
    ...     [path.name for path in find_tables([folder])]
    ['s2.csv', 's10.csv']
    """
    found: list[Path] = []
    for path in map(Path, paths):
        try:
            if not path.exists():
                raise BadInputError(path, "does not exist", "check the spelling and the folder")
            found += _inside(path) if path.is_dir() else [path]
        except OSError as error:
            raise BadInputError(
                path,
                f"cannot be read ({error.strerror or error})",
                "check that you may open it and that the disk is connected",
            ) from error
    once: dict[Path, Path] = {}
    for path in found:
        once.setdefault(path.resolve(), path)
    return list(once.values())


def _inside(folder: Path) -> list[Path]:
    for endings in (TABLE_ENDINGS, OBJECT_ENDINGS):
        for place in (folder, *(folder / name for name in _FOLDERS)):
            files = [
                path
                for path in (place.iterdir() if place.is_dir() else ())
                if path.name.lower().endswith(endings)
                and not path.name.lower().endswith(_NOT_OBJECTS)
                and not path.name.startswith(".")
                and path.is_file()
                and (not is_hdf5(path) or may_hold_table(path))
            ]
            if files:
                return sorted(files, key=lambda path: natural_key(path.name))
    is_passed_over = any(is_hdf5(path) for path in folder.iterdir())
    raise BadInputError(
        folder,
        f"is a folder without tables{' (its HDF5 files hold none)' if is_passed_over else ''}",
        f"give a folder with files that end in {', '.join((*TABLE_ENDINGS, *OBJECT_ENDINGS))}",
    )


@dataclass(frozen=True)
class Columns:
    """The counted columns of a table.

    Attributes:
        layout: the columns by their role.
        texts: titles of the columns of text that ``tally`` has counted, in its order.
        tally: their counted values.
    """

    layout: Layout
    texts: tuple[str, ...]
    tally: Tally


def read_columns(
    path: str | PathLike[str], *, class_column: str | None = None, fields: Sequence[str] = ()
) -> Columns:
    """Read the columns of a table that are needed to count its objects.

    CSV with commas, semicolons or tabs, in UTF-8, UTF-16 or Windows-1252, with or without byte
    order mark, gzipped or not; Parquet; HDF5 as ilastik exports it.

    Args:
        path: the table.
        class_column: as in :func:`bridge.aggregate.layouts.layout_of`.
        fields: as in :func:`bridge.aggregate.layouts.layout_of`.

    Raises:
        BadInputError: no such file, no table, damaged, no column of classes, rows that are not as
            long as the header, quotes that are not closed, NUL bytes.
    """
    file = existing_file(path)
    try:
        if is_hdf5(file):
            return _read_hdf5(file, class_column, fields)
        if file.name.lower().endswith(".parquet"):
            return _read_parquet(file, class_column, fields)
        return _read_text(file, class_column, fields)
    except RaggedError as error:
        where = f" (row {error.row})" if error.row else ""
        raise BadInputError(
            file,
            f"has a row of {error.found} cells under a header of another number{where}",
            "export it again; numbers with decimal commas need semicolons between the columns",
        ) from error
    except TooManyValuesError as error:
        raise BadInputError(
            file,
            f"has more than {MOST_VALUES} different classes, or classes and images",
            "say which column holds the classes with --class-column, or split the table",
        ) from error
    except _DAMAGED as error:
        raise BadInputError(file, f"is damaged ({error})", "export it again") from error
    except OSError as error:
        raise BadInputError(
            file, f"cannot be read ({error.strerror or error})", "check the disk, and try again"
        ) from error
    except ValueError as error:  # pyarrow's errors too
        line = str(error).splitlines()[0][:200]
        raise BadInputError(file, f"is not a table ({line})", "export it again") from error


def _texts_of(layout: Layout) -> tuple[str, ...]:
    wanted = (
        layout.classes,
        layout.user_label,
        layout.object_type,
        layout.geometry_type,
        layout.image,
        *layout.fields.values(),
    )
    return tuple(dict.fromkeys(title for title in wanted if title is not None))


def _group_of(layout: Layout) -> str | None:
    """Return the column by which objects are told apart: their labels begin anew in each image."""
    return layout.image if layout.ids else None


def _read_hdf5(file: Path, class_column: str | None, fields: Sequence[str]) -> Columns:
    tally = Tally()
    with open_table(file) as content:
        layout = layout_of(file, content.titles, class_column, fields)
        texts = _texts_of(layout)
        for block in content.blocks([*texts, *layout.ids]):
            tally.add_table(block, texts, layout.ids, _group_of(layout))
    return Columns(layout, texts, tally)


def _read_parquet(file: Path, class_column: str | None, fields: Sequence[str]) -> Columns:
    import pyarrow as pa
    import pyarrow.parquet as pq

    tally = Tally()
    with pq.ParquetFile(file) as content:
        layout = layout_of(file, content.schema_arrow.names, class_column, fields)
        texts = _texts_of(layout)
        for batch in content.iter_batches(columns=[*texts, *layout.ids], use_threads=False):
            block = pa.Table.from_batches([batch])
            tally.add_table(block, texts, layout.ids, _group_of(layout))
    return Columns(layout, texts, tally)


def _read_text(file: Path, class_column: str | None, fields: Sequence[str]) -> Columns:
    with _opened(file) as stream:
        line = _header_line(file, stream)
        delimiter, header = _dialect(line, class_column)
        layout = layout_of(file, header, class_column, fields)
        texts = _texts_of(layout)
        group = _group_of(layout)
        tally = tally_csv(
            cast("io.BufferedReader", stream),
            fields=len(header),
            texts=[header.index(title) for title in texts],
            integers=[header.index(title) for title in layout.ids],
            group=None if group is None else header.index(group),
            delimiter=delimiter,
        )
    return Columns(layout, texts, tally)


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    """Open a table as bytes of an encoding that keeps ASCII, with newlines, without its mark."""
    with file.open("rb") as raw:
        gzipped = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        stream: Any = gzip.GzipFile(fileobj=raw) if gzipped else raw
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


def _header_line(file: Path, stream: BinaryIO) -> str:
    """Read the line of titles; Excel may put ``sep=;`` before it."""
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


def _dialect(line: str, class_column: str | None) -> tuple[str, list[str]]:
    """Return the delimiter of a table, and the titles of its columns."""
    wanted = {class_column} if class_column else {"Predicted Class", "class", "Classification"}
    ways = []
    for delimiter in _DELIMITERS:
        cells = next(csv.reader(io.StringIO(line, newline=""), delimiter=delimiter))
        ways.append((delimiter, [title.strip() for title in cells]))
    # The one that gives a column of classes; with none, or several, the most frequent one.
    return max(ways, key=lambda way: (bool(wanted & set(way[1])), len(way[1])))
