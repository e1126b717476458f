"""Counting the values of some columns of a CSV file."""

from __future__ import annotations

import csv
import io
from collections import Counter
from typing import Any, cast

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.aggregate import tally as tally_module
from bridge.aggregate.tally import MISSING, Tally, TooManyValuesError, tally_csv
from bridge.formats.delimited_text import DamagedTextError, RaggedError

CELLS = st.text(st.sampled_from("ab ,;\"'\n\t0é核-"), max_size=12)


def tally(data: bytes, **plan: Any) -> Tally:
    """The tally of a file's bytes behind the header."""
    return tally_csv(io.BufferedReader(cast("io.RawIOBase", io.BytesIO(data))), **plan)


def written(rows: list[list[str]], delimiter: str, line_end: str) -> bytes:
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter, lineterminator=line_end).writerows(rows)
    return file.getvalue().encode()


@given(
    rows=st.lists(st.tuples(CELLS, CELLS, st.integers(-(2**62), 2**62), CELLS), max_size=30),
    delimiter=st.sampled_from(",;\t"),
    line_end=st.sampled_from(["\n", "\r\n"]),
)
def test_every_row_is_counted_whatever_the_cells_hold(
    rows: list[tuple[str, str, int, str]], delimiter: str, line_end: str
) -> None:
    data = written([[a, b, str(n), c] for a, b, n, c in rows], delimiter, line_end)

    found = tally(data, fields=4, texts=[3, 1], integers=[2], delimiter=delimiter)

    expected = Counter((c.encode(), b.encode()) for _, b, _, c in rows)
    assert found.counts == dict(expected)
    assert found.rows == len(rows)
    if rows:
        assert found.integers[0] is not None
        assert found.integers[0].tolist() == [n for _, _, n, _ in rows]


@given(
    fields=st.integers(1, 5),
    widths=st.lists(st.integers(0, 70), min_size=1, max_size=40),
    last_newline=st.booleans(),
)
def test_lines_of_any_length_and_place(fields: int, widths: list[int], last_newline: bool) -> None:
    lines = [",".join(["k" + "x" * (width % 3)] + ["y" * width] * (fields - 1)) for width in widths]
    data = "\n".join(lines).encode() + b"\n" * last_newline

    found = tally(data, fields=fields, texts=[0])

    assert found.counts == Counter(((line.split(",")[0]).encode(),) for line in lines)


@given(place=st.integers(0, 20), extra=st.sampled_from([-1, 1, 3]), quoted=st.booleans())
def test_a_row_of_another_length_is_refused(place: int, extra: int, quoted: bool) -> None:
    rows = [["A", "1", "2", "3"] for _ in range(21)]
    rows[place] = ["A", "1", "2", "3", "4", "5", "6"][: 4 + extra]
    data = "".join(",".join(row) + "\n" for row in rows)
    data = data.replace("A", '"A"', 1) if quoted else data

    with pytest.raises(RaggedError) as refused:
        tally(data.encode(), fields=4, texts=[0])

    assert refused.value.found == 4 + extra
    assert refused.value.row == place + 1


@given(
    rows=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=20),
    place=st.integers(min_value=0),
    quotes=st.sampled_from([-1, 1]),
)
def test_a_quote_too_many_or_too_few_is_refused(
    rows: list[tuple[str, str]], place: int, quotes: int
) -> None:
    data = written([list(row) for row in rows], ",", "\n")
    if quotes < 0 and b'"' in data:
        places = [at for at, byte in enumerate(data) if byte == ord('"')]
        at = places[place % len(places)]
        damaged = data[:at] + data[at + 1 :]
    else:
        at = place % len(data)
        damaged = data[:at] + b'"' + data[at:]

    with pytest.raises((DamagedTextError, RaggedError)):
        tally(damaged, fields=2, texts=[0])


def test_quotes_are_checked_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [['a "b"', "c\n,d"]] * 50
    data = written(rows, ",", "\n")
    for block in range(32, 64):
        monkeypatch.setattr(tally_module, "_BLOCK", block)
        assert tally(data, fields=2, texts=[0, 1]).counts == {(b'a "b"', b"c\n,d"): 50}
        with pytest.raises((DamagedTextError, RaggedError)):
            tally(data.replace(b'c\n,d"', b"c\n,d", 1), fields=2, texts=[0])


def test_blank_lines_and_rows_of_bare_delimiters_are_no_rows() -> None:
    plain = b"1,A\n\n2,\n,\n\r\n3,A\r\n,\r\n"
    quoted = plain.replace(b"A", b'"A"')

    for data in (plain, quoted):
        found = tally(data, fields=2, texts=[1], integers=[0])
        assert found.counts == {(b"A",): 2, (b"",): 1}


def test_without_integers_an_empty_class_is_a_row() -> None:
    found = tally(b"1,A\n2,\n,\n", fields=2, texts=[1])

    assert found.counts == {(b"A",): 1, (b"",): 2}


@pytest.mark.parametrize("cell", ["1.5", "x", "1 2", "12345678901234567890", "-"])
def test_a_column_with_anything_but_integers_is_none(cell: str) -> None:
    data = f"1,A\n{cell},B\n3,C\n".encode()

    for content in (data, data.replace(b"A", b'"A"')):
        assert tally(content, fields=2, texts=[1], integers=[0]).integers == [None]


def test_a_column_of_measurements_is_no_column_of_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    data = "".join(f"{number},x\n" for number in range(tally_module.MOST_VALUES + 1)).encode()

    with pytest.raises(TooManyValuesError):
        tally(data, fields=2, texts=[0])
    just = data[: data.rindex(b"\n", 0, -1) + 1]
    assert len(tally(just, fields=2, texts=[0]).counts) == tally_module.MOST_VALUES


def test_long_classes_need_no_room_of_their_own() -> None:
    names = [letter * 50_000 for letter in "abcd"]
    data = "".join(f"{name},1\n" for name in names * 3).encode()

    found = tally(data, fields=2, texts=[0])

    assert found.counts == {(name.encode(),): 3 for name in names}


def test_tables_of_any_type_are_added_up() -> None:
    added = Tally()
    for _ in range(2):
        table = pa.table(
            {
                "class": pa.array(["A", None, "A"]).dictionary_encode(),
                "number": [1, 2, 1],
                "label": pa.array([4.0, 5.0, 6.0]),
            }
        )
        added.add_table(table, ["class", "number"], ["label"])

    assert added.counts == {(b"A", b"1"): 4, (b"", b"2"): 2}
    assert added.integers[0] is not None
    assert added.integers[0].tolist() == [4, 5, 6, 4, 5, 6]


def test_integers_are_told_apart_by_a_column() -> None:
    found = tally(
        b"b,1,x\n a ,2,x\nb,3,y\n,4,x\na,5,x\n", fields=3, texts=[2, 0], integers=[1], group=0
    )

    parts = {
        name: part.tolist()
        for name, (part,) in found.integers_by_group().items()
        if part is not None
    }
    assert parts == {"b": [1, 3], "a": [2, 5], "": [4]}


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        ([b"1", b"2"], [1, 2]),
        ([b"1.0", b"2"], [1, 2]),
        ([b"1.5", b"2"], None),
        ([b"1", b""], [1, MISSING]),
        ([b"1.0", b" ", b"nan"], [1, MISSING, MISSING]),
        ([b"9007199254740993", b"2"], [9007199254740993, 2]),
    ],
)
def test_whole_numbers(cells: list[bytes], numbers: list[int] | None) -> None:
    data = b"".join(b"A," + cell + b"\n" for cell in cells)

    (found,) = tally(data, fields=2, texts=[0], integers=[1]).integers

    assert (None if found is None else found.tolist()) == numbers
