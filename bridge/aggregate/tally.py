"""How often each value stands in a column of a large CSV file.

Tables of objects have some twenty columns of numbers, of which counting needs two or three. A
compiled loop looks at the wanted columns only and passes over the rest eight bytes at a time; files
with quotes, which can hide delimiters and line ends, go through pyarrow. Either way every line must
have as many fields as the header, and memory does not grow with the file, but for 8 bytes a row
and column of integers.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numba
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK = 1 << 20
"""Bytes that are read at a time."""
MOST_VALUES = 1 << 15
"""Different values that are counted in one file."""

_NEWLINE, _RETURN, _MINUS, _ZERO, _NINE = 10, 13, 45, 48, 57
_ONES = np.uint64(0x0101010101010101)
_LOW = np.uint64(0x7F7F7F7F7F7F7F7F)
_ONE, _SEVEN, _TOP = np.uint64(1), np.uint64(7), np.uint64(56)
_FNV_START, _FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_SLOTS = 4 * MOST_VALUES
_FULL = -2


class ByteStream(Protocol):
    """What is read from: a binary file, or anything like it."""

    def readinto(self, buffer: Any, /) -> int | None:
        """Read into a buffer, and say how many bytes; none at the end."""


class RaggedError(ValueError):
    """A row that has not as many fields as the header.

    Args:
        row: which, from 1, without the header and blank lines; ``None`` where not known.
        found: how many fields it has.
    """

    def __init__(self, row: int | None, found: int) -> None:
        super().__init__(row, found)
        self.row, self.found = row, found


class TooManyValuesError(ValueError):
    """A column with more than :data:`MOST_VALUES` different values."""


@dataclass
class Tally:
    """What was found in some columns of a table.

    Attributes:
        counts: how many rows have each combination of values of the columns of text.
        integers: the values of each column of integers; ``None`` for one that holds other things.
    """

    counts: dict[tuple[bytes, ...], int] = field(default_factory=dict)
    integers: list[NDArray[np.int64] | None] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(self.counts.values())

    def add_table(self, table: pa.Table, texts: Sequence[str], integers: Sequence[str]) -> None:
        """Add the rows of a table.

        Args:
            table: with columns of any type.
            texts: titles of the columns of text.
            integers: titles of the columns of integers.

        Raises:
            TooManyValuesError: as it says.
        """
        import pyarrow as pa

        narrow = pa.table({str(n): _as_bytes(table[title]) for n, title in enumerate(texts)})
        grouped = narrow.group_by(narrow.column_names).aggregate([([], "count_all")])
        values = [grouped[str(n)].to_pylist() for n in range(len(texts))]
        for key, count in zip(
            zip(*values, strict=True), grouped["count_all"].to_pylist(), strict=True
        ):
            known = tuple(value or b"" for value in key)
            self.counts[known] = self.counts.get(known, 0) + count
        if len(self.counts) > MOST_VALUES:
            raise TooManyValuesError
        self._add_integers([_as_integers(table[title]) for title in integers])

    def _add_integers(self, columns: Sequence[NDArray[np.int64] | None]) -> None:
        if not self.integers:
            self.integers = list(columns)
            return
        self.integers = [
            None if known is None or more is None else np.concatenate([known, more])
            for known, more in zip(self.integers, columns, strict=True)
        ]


def tally_csv(
    stream: ByteStream,
    *,
    fields: int,
    texts: Sequence[int],
    integers: Sequence[int] = (),
    delimiter: str = ",",
    block: int = BLOCK,
) -> Tally:
    """Count the values of some columns of a CSV file.

    A row in which all these columns are empty is none, where there are columns of integers: Excel
    leaves such rows of bare delimiters.

    Args:
        stream: bytes of an encoding that keeps ASCII (UTF-8, Windows-1252), behind the header.
        fields: how many columns the header has.
        texts: places, from 0, of the columns whose values are counted.
        integers: places of columns of integers that are wanted as such.
        delimiter: one ASCII character.
        block: bytes that are read at a time; a longer line is read all the same.

    Raises:
        RaggedError: a line with more or fewer fields.
        TooManyValuesError: no column of classes.
    """
    places = sorted({*texts, *integers})
    plan = _Plan(places, [*texts], [*integers], fields, delimiter)
    counter = _Counter(plan)
    data, filled = bytearray(-(-block // 8) * 8), 0  # whole words
    while True:
        read = stream.readinto(memoryview(data)[filled:]) or 0
        if data.find(b'"', filled, filled + read) >= 0:
            head = io.BytesIO(bytes(memoryview(data)[: filled + read]))
            return _tally_quoted(_Chained(head, stream), plan, counter.tally())
        if not read and filled:  # the last line has no newline
            data[filled] = _NEWLINE
            read = 1
        elif not read:
            return counter.tally()
        filled += read
        end = data.rfind(b"\n", 0, filled) + 1
        if end:
            counter.count(data, end)
            data[: filled - end] = data[end:filled]
            filled -= end
        if filled == len(data):
            data.extend(bytes(len(data)))


@dataclass(frozen=True)
class _Plan:
    """Which columns are wanted, and how."""

    places: list[int]
    texts: list[int]
    integers: list[int]
    fields: int
    delimiter: str


class _Counter:
    """The compiled loop's memory: the values that were met, in a hash table."""

    def __init__(self, plan: _Plan) -> None:
        self._plan = plan
        self._places = np.array(plan.places, np.int64)
        texts = [place for place in plan.places if place in plan.texts]
        # For each wanted column: -1 for text, else the row of `found` that it fills.
        self._roles = np.array(
            [-1 if p in plan.texts else plan.integers.index(p) for p in plan.places], np.int64
        )
        self._order = [texts.index(place) for place in plan.texts]
        self._slots = np.full(_SLOTS, -1, np.int32)
        self._starts = np.zeros(MOST_VALUES + 1, np.int64)
        self._counts = np.zeros(MOST_VALUES, np.int64)
        self._keys = np.empty(1 << 16, np.uint8)
        self._state = np.zeros(2, np.int64)  # different values, rows
        self._whole = np.ones(len(plan.integers), np.bool_)
        self._found: list[NDArray[np.int64]] = []

    def count(self, data: bytearray, end: int) -> None:
        """Count the lines of ``data[:end]``."""
        buffer = np.frombuffer(data, np.uint8)
        words = buffer[: len(data) // 8 * 8].view(np.uint64)
        room = end // self._plan.fields + 1
        found = np.empty((len(self._plan.integers), room), np.int64)
        start = 0
        while True:
            rows = self._state[1]
            start, lines, status = _count(
                buffer,
                words,
                start,
                end,
                self._places,
                self._roles,
                self._plan.fields,
                ord(self._plan.delimiter),
                self._slots,
                self._starts,
                self._counts,
                self._keys,
                self._state,
                self._whole,
                found,
            )
            self._found.append(found[:, :lines].copy())
            if status == _FULL:
                if self._state[0] >= MOST_VALUES:
                    raise TooManyValuesError
                self._keys = np.concatenate([self._keys, np.empty_like(self._keys)])
                continue
            if status >= 0:
                raise RaggedError(int(rows + lines + 1), int(status))
            return

    def tally(self) -> Tally:
        """What was counted up to now."""
        result = Tally()
        keys = self._keys.tobytes()
        for number in range(self._state[0]):
            key = keys[self._starts[number] : self._starts[number + 1]]
            values = key.split(b"\n")[:-1]
            result.counts[tuple(values[place] for place in self._order)] = int(self._counts[number])
        if self._found:
            joined = np.concatenate(self._found, axis=1)
            result.integers = [
                column if whole else None for column, whole in zip(joined, self._whole, strict=True)
            ]
        return result


@numba.njit(cache=True, nogil=True)
def _count(  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    buffer,
    words,
    start,
    end,
    places,
    roles,
    fields,
    delimiter,
    slots,
    starts,
    counts,
    keys,
    state,
    whole,
    found,
):
    """Count the lines of ``buffer[start:end]``, which ends with a newline.

    The wanted texts of a line, each with a newline behind it, are its key, found again by its
    FNV-1a hash (G. Fowler, L. C. Noll, K.-P. Vo) and compared byte by byte. The rest of the line
    is compared with delimiter and newline eight bytes at a time: a byte of ``x`` is zero exactly
    where the top bit of ``~(((x & 0x7f) + 0x7f) | x | 0x7f)`` is set (H. S. Warren, Hacker's
    Delight, section 6-1); words are little-endian.

    Returns:
        Where it stopped, how many lines were counted, and -1 for all is well, ``_FULL`` where
        there is no room for another key, or the number of fields of a line that has not as many
        as it should.
    """
    newlines = _ONES * np.uint64(_NEWLINE)
    delimiters = _ONES * np.uint64(delimiter)
    pos: Any = start
    lines = 0
    while pos < end:
        line = pos
        byte = buffer[pos]
        if byte == _NEWLINE:
            pos += 1
            continue
        if byte == _RETURN and buffer[pos + 1] == _NEWLINE:
            pos += 2
            continue
        column: Any = 0
        met = 0
        empty = True
        begin = starts[state[0]]
        last = begin
        key_hash = _FNV_START
        while met < len(places):
            byte = buffer[pos]
            if column != places[met]:
                while byte not in (delimiter, _NEWLINE):
                    pos += 1
                    byte = buffer[pos]
            elif roles[met] < 0:
                while byte not in (delimiter, _NEWLINE):
                    if last + 2 > len(keys):
                        return line, lines, _FULL
                    if byte != _RETURN or buffer[pos + 1] != _NEWLINE:
                        keys[last] = byte
                        last += 1
                        key_hash = (key_hash ^ np.uint64(byte)) * _FNV_PRIME
                        empty = False
                    pos += 1
                    byte = buffer[pos]
                if last + 2 > len(keys):
                    return line, lines, _FULL
                keys[last] = _NEWLINE
                last += 1
                key_hash = (key_hash ^ np.uint64(_NEWLINE)) * _FNV_PRIME
                met += 1
            else:
                first = pos
                negative = byte == _MINUS
                if negative:
                    pos += 1
                    byte = buffer[pos]
                digits = pos
                value: Any = 0
                while _ZERO <= byte <= _NINE:
                    value = value * 10 + (np.int64(byte) - _ZERO)
                    pos += 1
                    byte = buffer[pos]
                sound = 0 < pos - digits < 19
                if byte == _RETURN and buffer[pos + 1] == _NEWLINE:
                    pos += 1
                    byte = buffer[pos]
                while byte not in (delimiter, _NEWLINE):
                    sound = False
                    pos += 1
                    byte = buffer[pos]
                if pos > first:
                    empty = False
                if not sound:
                    value = np.iinfo(np.int64).min
                found[roles[met], lines] = -value if negative else value
                met += 1
            pos += 1
            column += 1
            if byte == _NEWLINE:
                break
        if byte != _NEWLINE:
            column += 1
            while pos & 7 and byte != _NEWLINE:
                byte = buffer[pos]
                pos += 1
                if byte == delimiter:
                    column += 1
            while byte != _NEWLINE:
                word = words[pos >> 3]
                x = word ^ newlines
                at_newline = ~(((x & _LOW) + _LOW) | x | _LOW)
                x = word ^ delimiters
                at_delimiter = ~(((x & _LOW) + _LOW) | x | _LOW)
                if at_newline == 0:
                    pos += 8
                else:
                    before = (at_newline & (~at_newline + _ONE)) - _ONE
                    at_delimiter &= before
                    pos += np.int64((((before >> _SEVEN) & _ONES) * _ONES) >> _TOP) + 1
                    byte = np.uint8(_NEWLINE)
                column += np.int64(((at_delimiter >> _SEVEN) * _ONES) >> _TOP)
        if column != fields:
            return line, lines, column
        if empty and len(found):
            continue
        slot = np.int64(key_hash & np.uint64(len(slots) - 1))
        while True:
            number = slots[slot]
            if number < 0:
                if state[0] == len(counts):
                    return line, lines, _FULL
                slots[slot] = state[0]
                counts[state[0]] = 1
                state[0] += 1
                starts[state[0]] = last
                break
            same = starts[number + 1] - starts[number] == last - begin
            place: Any = 0
            while same and place < last - begin:
                same = keys[starts[number] + place] == keys[begin + place]
                place += 1
            if same:
                counts[number] += 1
                break
            slot = (slot + 1) & (len(slots) - 1)
        for place in range(len(found)):
            if found[place, lines] == np.iinfo(np.int64).min:
                whole[place] = False
        lines += 1
        state[1] += 1
    return pos, lines, -1


def _tally_quoted(stream: _Chained, plan: _Plan, tally: Tally) -> Tally:
    """Add the rest of a file that has quotes."""
    import pyarrow as pa
    import pyarrow.csv as pacsv

    names = [str(place) for place in range(plan.fields)]
    texts, integers = [str(p) for p in plan.texts], [str(p) for p in plan.integers]
    bad: list[int] = []

    def refuse(row: Any) -> str:
        bad.append(row.actual_columns)
        return "error"

    try:
        with pacsv.open_csv(
            stream,
            read_options=pacsv.ReadOptions(column_names=names, use_threads=False),
            parse_options=pacsv.ParseOptions(
                delimiter=plan.delimiter, newlines_in_values=True, invalid_row_handler=refuse
            ),
            convert_options=pacsv.ConvertOptions(
                include_columns=[str(place) for place in plan.places],
                column_types={str(place): pa.binary() for place in plan.places},
            ),
        ) as reader:
            for batch in reader:
                table = pa.Table.from_batches([batch])
                tally.add_table(_without_blank_rows(table, integers), texts, integers)
    except pa.ArrowInvalid:
        if bad:
            raise RaggedError(None, bad[0]) from None
        raise
    return tally


def _without_blank_rows(table: pa.Table, integers: Sequence[str]) -> pa.Table:
    import functools

    import pyarrow.compute as pc

    if not integers:
        return table
    filled = [pc.greater(pc.binary_length(column), 0) for column in table.columns]
    return table.filter(functools.reduce(pc.or_, filled))


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

    try:
        if pa.types.is_binary(column.type):
            column = column.cast(pa.string())
        if column.null_count:
            return None
        return np.asarray(column.cast(pa.int64()).to_numpy(), np.int64)
    except pa.ArrowException:
        return None


class _Chained(io.RawIOBase):
    """Bytes that were read already, then the rest of a stream."""

    def __init__(self, head: io.BytesIO, rest: ByteStream) -> None:
        super().__init__()
        self._head, self._rest = head, rest

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read on."""
        return self._head.readinto(buffer) or self._rest.readinto(buffer) or 0
