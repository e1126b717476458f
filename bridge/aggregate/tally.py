"""Count the values of some columns of a large CSV file.

Tables of objects have some twenty columns of numbers, of which counting needs two or three: pyarrow
reads the file block by block and converts these only. It refuses rows that are shorter or longer
than the header (polars fills short rows with nulls, so that a truncated table would look whole).
Quotes are checked by RFC 4180 before it sees them: to pyarrow, as to pandas, a quote that is never
closed hides all rows that follow. Memory does not grow with the file, but for 8 bytes a row and
column of integers, and 4 where rows are told apart by a group.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bridge.formats.delimited_text import CheckedText, decoded, ragged_row

if TYPE_CHECKING:
    import pyarrow as pa

MOST_VALUES = 1 << 15
"""Combinations of values that are counted in one file."""

MISSING = -(2**63)
"""Value of an empty cell in a column of integers."""

_BLOCK, _BYTES_A_CELL = 1 << 20, 64


class TooManyValuesError(ValueError):
    """A column with more than :data:`MOST_VALUES` different values."""


class Tally:
    """The counted values of a table's columns of text, and the numbers of its columns of integers.

    Attributes:
        counts: number of rows by their combination of texts (bytes, as the file has them).

    >>> import pyarrow as pa
    >>> tally = Tally()
    >>> table = pa.table({"class": ["A", "B", "A"], "label": [1, 2, 3]})
    >>> tally.add_table(table, ["class"], ["label"])
    >>> tally.counts
    {(b'A',): 2, (b'B',): 1}
    """

    def __init__(self) -> None:
        self.counts: dict[tuple[bytes, ...], int] = {}
        self._parts: list[list[NDArray[np.int64] | None]] = []
        self._groups: dict[str, int] = {}
        self._group_parts: list[NDArray[np.int32]] = []

    @property
    def rows(self) -> int:
        """Number of rows."""
        return sum(self.counts.values())

    @property
    def integers(self) -> list[NDArray[np.int64] | None]:
        """Values (int64) of each column of integers; ``None`` for one that holds other things.

        Whole numbers may be written as floats (``7.0``); an empty cell is :data:`MISSING`.
        """
        return [
            None if any(part is None for part in parts) else np.concatenate(parts)
            for parts in zip(*self._parts, strict=True)
        ]

    def integers_by_group(self) -> dict[str, list[NDArray[np.int64] | None]]:
        """Return :attr:`integers` of each group; empty where the rows were added without one.

        >>> import pyarrow as pa
        >>> tally = Tally()
        >>> table = pa.table({"image": ["a", "b", "a"], "label": [1, 1, 2]})
        >>> tally.add_table(table, ["image"], ["label"], group="image")
        >>> {name: columns[0].tolist() for name, columns in tally.integers_by_group().items()}
        {'a': [1, 2], 'b': [1]}
        """
        if not self._group_parts:
            return {}
        numbers = np.concatenate(self._group_parts)
        order = np.argsort(numbers, kind="stable")
        ends = np.cumsum(np.bincount(numbers, minlength=len(self._groups))).tolist()
        columns = self.integers
        return {
            name: [None if column is None else column[order[start:end]] for column in columns]
            for name, start, end in zip(self._groups, [0, *ends], ends, strict=False)
        }

    def add_table(
        self,
        table: pa.Table,
        texts: Sequence[str],
        integers: Sequence[str],
        group: str | None = None,
    ) -> None:
        """Add the rows of a table.

        Args:
            table: with columns of any type.
            texts: titles of the columns of text.
            integers: titles of the columns of integers.
            group: title of a column of text by which rows are told apart, such as their image.

        Raises:
            TooManyValuesError: no column of classes.
        """
        import pyarrow as pa

        narrow = pa.table({str(n): _as_bytes(table[title]) for n, title in enumerate(texts)})
        groups = narrow.group_by(narrow.column_names, use_threads=False)
        grouped = groups.aggregate([([], "count_all")])
        values = [grouped[str(n)].to_pylist() for n in range(len(texts))]
        for key, count in zip(
            zip(*values, strict=True), grouped["count_all"].to_pylist(), strict=True
        ):
            self.counts[key] = self.counts.get(key, 0) + count
        if len(self.counts) > MOST_VALUES:
            raise TooManyValuesError
        self._parts.append([_as_integers(table[title]) for title in integers])
        if group is not None:
            self._group_parts.append(self._numbered(table[group]))

    def rename_texts(self, name: Callable[[bytes], bytes]) -> None:
        """Replace every counted text, of which no two may become one.

        >>> tally = Tally()
        >>> tally.counts[(b"a",)] = 1
        >>> tally.rename_texts(bytes.upper)
        >>> tally.counts
        {(b'A',): 1}
        """
        self.counts = {tuple(map(name, key)): count for key, count in self.counts.items()}
        self._groups = {name(key.encode()).decode(): row for key, row in self._groups.items()}

    def _numbered(self, column: pa.ChunkedArray) -> NDArray[np.int32]:
        """Return the number of each row's group."""
        encoded = _as_bytes(column).combine_chunks().dictionary_encode()
        numbers = [
            self._groups.setdefault(decoded(value).strip(), len(self._groups))
            for value in encoded.dictionary.to_pylist()
        ]
        return np.asarray(np.array(numbers, np.int32)[encoded.indices.to_numpy()], np.int32)


def tally_csv(
    stream: io.BufferedReader | gzip.GzipFile,
    *,
    fields: int,
    texts: Sequence[int],
    integers: Sequence[int] = (),
    group: int | None = None,
    delimiter: str = ",",
    more: Sequence[int] = (),
    choose: Callable[[pa.Table], pa.Table] | None = None,
) -> Tally:
    r"""Count the values of some columns of a CSV file.

    A row in which all these columns are empty is none, where there are columns of integers: Excel
    leaves such rows of bare delimiters.

    Args:
        stream: bytes of an encoding that keeps ASCII (UTF-8, Windows-1252), behind the header.
        fields: number of columns of the header.
        texts: places, from 0, of the columns whose values are counted.
        integers: places of the columns of integers.
        group: place, one of ``texts``, of the column by which rows are told apart.
        delimiter: one ASCII character.
        more: places of further columns that ``choose`` needs.
        choose: returns the rows to count of all rows, whose columns are called like their places;
            all are in memory then.

    Raises:
        RaggedError: a row with more or fewer cells than the header.
        TooManyValuesError: no column of classes.
        DamagedTextError: NUL bytes, a quote that is never closed or that is inside a cell.

    >>> stream = io.BufferedReader(io.BytesIO(b"1,A\n2,B\n3,A\n"))
    >>> tally_csv(stream, fields=2, texts=[1], integers=[0]).counts
    {(b'A',): 2, (b'B',): 1}
    """
    import pyarrow as pa
    import pyarrow.csv as pacsv

    tally = Tally()
    name = None if group is None else str(group)
    checked = io.BufferedReader(CheckedText(stream, delimiter), _BLOCK)
    if not checked.peek(1):
        return tally
    text_names, integer_names = [str(p) for p in texts], [str(p) for p in integers]
    wanted = list(dict.fromkeys([*text_names, *integer_names, *map(str, more)]))
    whole: list[pa.Table] = []
    try:
        with pacsv.open_csv(
            checked,
            read_options=pacsv.ReadOptions(
                column_names=[str(place) for place in range(fields)],
                use_threads=False,  # many files are read at a time; and so rows have numbers
                block_size=max(_BLOCK, _BYTES_A_CELL * fields),
            ),
            parse_options=pacsv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=pacsv.ConvertOptions(
                include_columns=wanted, column_types=dict.fromkeys(wanted, pa.binary())
            ),
        ) as reader:
            for batch in reader:
                table = pa.Table.from_batches([batch])
                rows = _without_blank_rows(table) if integers else table
                if choose is None:
                    tally.add_table(rows, text_names, integer_names, name)
                else:
                    whole.append(rows)
    except pa.ArrowInvalid as error:
        raise (ragged_row(str(error)) or error) from None
    if whole and choose is not None:
        tally.add_table(choose(pa.concat_tables(whole)), text_names, integer_names, name)
    return tally


def _without_blank_rows(table: pa.Table) -> pa.Table:
    import pyarrow.compute as pc

    filled: Any = False
    for column in reversed(table.columns):  # integers first: most tables have them in every row
        filled = pc.or_(pc.greater(pc.binary_length(column), 0), filled)
        if pc.all(filled).as_py():
            return table
    return table.filter(filled)


def _as_bytes(column: pa.ChunkedArray) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not (pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type)):
        column = column.cast(pa.string()).cast(pa.binary())
    return pc.fill_null(column, b"")


def _as_integers(column: pa.ChunkedArray) -> NDArray[np.int64] | None:
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        if pa.types.is_binary(column.type):
            column = column.cast(pa.string())
        if pa.types.is_string(column.type):
            column = pc.utf8_trim_whitespace(column)
            column = pc.if_else(pc.equal(column, ""), None, column)
        try:
            whole = column.cast(pa.int64())
        except pa.ArrowInvalid:
            # pandas writes 7.0 where it has met an empty cell while it joined tables.
            whole = pc.if_else(pc.is_nan(f := column.cast(pa.float64())), None, f).cast(pa.int64())
        return np.asarray(pc.fill_null(whole, MISSING).to_numpy(), np.int64)
    except pa.ArrowException:
        return None
