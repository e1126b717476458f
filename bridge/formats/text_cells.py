"""Columns of a text table as numbers and texts, with errors that name the row and the column."""

from __future__ import annotations

import logging
import math
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.formats.delimited_text import (
    check_text,
    open_text,
    ragged_row,
    read_header_line,
    split_header,
    translated_errors,
)
from bridge.formats.spreadsheet_text import unguard_text

log = logging.getLogger(__name__)

_MISSING = ("", "nan", "NaN", "NA")
"""Words for a number that is not known."""

_YES = ("true", "1", "1.0", "wahr", "vrai")
_NO = ("", "false", "0", "0.0", "falsch", "faux")
"""Truth values as programs write them, and as Excel does in German and French."""

_LONGEST_BLOCK = 2**31 - 1  # pyarrow counts bytes so
_MOST_COLUMNS = 16_384  # of a sheet in Excel
_LONGEST_TITLE = 1_024  # pandas makes all titles as wide as the longest
_WITH_DECIMAL_COMMA = r"\A[+-]?[0-9]+,[0-9]+\z"
_TRUTHS = ("true", "false")
_SHOWN = 40


@dataclass(frozen=True)
class TextCells:
    """The cells of a text table.

    Attributes:
        file: the table.
        columns: texts (pyarrow's large strings) by title.
        has_decimal_commas: numbers may have a comma for a point.
    """

    file: Path
    columns: dict[str, pa.Array]
    has_decimal_commas: bool

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def texts(self, title: str) -> list[str | None]:
        """Return a column of texts, ``None`` where a cell is empty."""
        return [unguard_text(text) if text else None for text in self.columns[title].to_pylist()]

    def numbers(self, title: str, *, complete: bool = False) -> NDArray[np.float64]:
        """Return a column of numbers, NaN where they are missing.

        Args:
            title: the column.
            complete: whether none may be missing.

        Raises:
            BadInputError: a cell that holds no number, or none where ``complete``.
        """
        values, words = self._parsed(title)
        if words.any():
            self._refuse(title, words, "which is no number")
        missing = np.isnan(values)
        if complete and missing.any():
            self._refuse(title, missing, "where a number is needed")
        return values

    def whole_numbers(self, title: str, lowest: int, highest: int) -> list[int]:
        """Return a column of whole numbers.

        Raises:
            BadInputError: a cell that holds no whole number between these.
        """
        values = self.numbers(title, complete=True)
        odd = ~((values >= lowest) & (values <= highest) & (values == np.floor(values)))
        if odd.any():
            self._refuse(title, odd, f"which is no whole number from {lowest} to {highest}")
        return [int(value) for value in values]

    def truths(self, title: str) -> list[bool]:
        """Return a column of true and false; an empty cell is false.

        Raises:
            BadInputError: a cell that holds anything else.
        """
        words = [text.strip().lower() for text in self.columns[title].to_pylist()]
        odd = np.array([word not in _YES and word not in _NO for word in words], np.bool_)
        if odd.any():
            self._refuse(title, odd, "where true or false is needed")
        return [word in _YES for word in words]

    def guessed(self, title: str) -> NDArray[Any]:
        """Return a column as numbers where all its cells hold numbers, else as texts.

        Returns:
            int64, float64, bool, or objects that are texts and ``None``.
        """
        cells = self.columns[title]
        first = cells[0].as_py() if len(cells) else ""
        truths = pa.array(_TRUTHS, cells.type)
        if first in _TRUTHS and pc.all(pc.is_in(cells, truths)).as_py():
            return np.asarray(pc.equal(cells, "true").to_numpy(zero_copy_only=False), np.bool_)
        # A cast that fails takes several times as long as one that does not.
        if first.lstrip("-").isdecimal():
            with suppress(pa.ArrowInvalid):
                return np.asarray(cells.cast(pa.int64()).to_numpy(), np.int64)
        values, words = self._parsed(title)
        if not words.any():
            return values
        if 2 * np.isfinite(values).sum() > len(values):
            row = int(np.flatnonzero(words)[0])
            log.warning(
                "%s: the column %r is read as text, since it holds %r in row %d",
                self.file,
                title,
                cells[row].as_py()[:_SHOWN],
                row + 1,
            )
        return np.array([*self.texts(title), None], object)[:-1]

    def _parsed(self, title: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return numbers, NaN where there is none, and which cells hold anything else."""
        cells = self.columns[title]
        is_missing = pc.is_in(cells, pa.array(_MISSING, cells.type))
        numbers = pc.if_else(is_missing, "nan", cells)
        if self.has_decimal_commas:
            # Of cells in any other form, one is no number to Arrow, and each is looked at below.
            has_comma = pc.match_substring_regex(numbers, _WITH_DECIMAL_COMMA)
            numbers = pc.if_else(has_comma, pc.replace_substring(numbers, ",", "."), numbers)
        with suppress(pa.ArrowInvalid):
            numbers = numbers.cast(pa.float64())
            return np.array(numbers.to_numpy(), np.float64), np.zeros(len(cells), np.bool_)
        found = [self._number(text) for text in cells.to_pylist()]
        words = np.array([value is None for value in found], np.bool_)
        return np.array(found, np.float64), words

    def _number(self, text: str) -> float | None:
        text = text.strip()
        if text in _MISSING:
            return math.nan
        if self.has_decimal_commas and text.count(",") == 1 and "." not in text:
            text = text.replace(",", ".")
        try:
            return None if "_" in text else float(text)
        except ValueError:
            return None

    def _refuse(self, title: str, odd: NDArray[np.bool_], problem: str) -> NoReturn:
        row = int(np.flatnonzero(odd)[0])
        text = self.columns[title][row].as_py()
        what = repr(text[:_SHOWN]) if text.strip() else "nothing"
        raise BadInputError(
            self.file,
            f"has {what} in row {row + 1} of the column {title!r}, {problem}",
            "correct the cell, or export the table again",
        )


def read_cells(file: Path, wanted: Collection[str]) -> TextCells:
    """Read a text table with commas, semicolons or tabs, in UTF-8, UTF-16 or Windows-1252.

    Args:
        file: the table, gzipped or not.
        wanted: titles of which it is expected to have one.

    Raises:
        BadInputError: no table, damaged, rows that are not as long as the header, two columns of
            one title.
    """
    with translated_errors(file), open_text(file) as stream:
        line = read_header_line(file, stream)
        delimiter, titles = split_header(line, wanted)
        data = stream.read()
    if len(titles) > _MOST_COLUMNS:
        raise BadInputError(file, f"has {len(titles)} columns", "export it again")
    longest = max(map(len, titles))
    if longest > _LONGEST_TITLE:
        raise BadInputError(file, f"has a title of {longest:,} letters", "export it again")
    twice = next((title for title in titles if titles.count(title) > 1), None)
    if twice is not None:
        raise BadInputError(file, f"has two columns {twice!r}", "rename or remove one")
    with translated_errors(file):
        columns = _columns(_utf8(data), delimiter, len(titles))
    names = [unguard_text(title) for title in titles]
    return TextCells(file, dict(zip(names, columns, strict=True)), delimiter == ";")


def _utf8(data: bytes) -> bytes:
    try:
        data.decode()
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace").encode()
    return data


def _columns(data: bytes, delimiter: str, count: int) -> list[pa.Array]:
    if not data.strip(b"\r\n"):
        return [pa.array([], pa.large_string())] * count
    if len(data) > _LONGEST_BLOCK:
        raise ValueError("over 2 GB of text")
    check_text(data, delimiter)
    names = [str(place) for place in range(count)]
    try:
        table = pa.csv.read_csv(
            pa.BufferReader(data),
            read_options=pa.csv.ReadOptions(
                column_names=names,
                use_threads=False,  # so that rows have numbers
                block_size=max(len(data), 1),
            ),
            parse_options=pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.large_string())
            ),
        )
    except pa.ArrowInvalid as error:
        raise (ragged_row(str(error)) or error) from None
    columns: list[pa.Array] = [column.combine_chunks() for column in table.columns]
    # Excel leaves rows of bare delimiters.
    filled = pc.greater(pc.binary_length(columns[0]), 0)
    for column in columns[1:]:
        if pc.all(filled).as_py():
            return columns
        filled = pc.or_(filled, pc.greater(pc.binary_length(column), 0))
    return [column.filter(filled) for column in columns]
