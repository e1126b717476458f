"""Quotes of a text in memory are checked as those of a stream are."""

from __future__ import annotations

import io
from itertools import product

import pytest

from bridge.formats.delimited_text import CheckedText, DamagedTextError, check_text


def is_refused_by_stream(data: bytes, delimiter: str) -> bool:
    try:
        io.BufferedReader(CheckedText(io.BytesIO(data), delimiter)).read()
    except DamagedTextError:
        return True
    return False


def is_refused(data: bytes, delimiter: str) -> bool:
    try:
        check_text(data, delimiter)
    except DamagedTextError:
        return True
    return False


@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_every_short_text_is_refused_or_not_as_in_a_stream(delimiter: str) -> None:
    letters = f'"{delimiter}a\n\0'.encode()
    for length in range(1, 7):
        for text in product(letters, repeat=length):
            data = bytes(text)
            assert is_refused(data, delimiter) == is_refused_by_stream(data, delimiter), data
