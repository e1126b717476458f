"""Gzip is unpacked no further than a file of its size honestly goes."""

from __future__ import annotations

import gzip
import tracemalloc

import pytest

from bridge.errors import BadInputError
from bridge.files.gzipped import NEVER_TOO_LARGE, read_gzip


def test_text_is_unpacked() -> None:
    text = bytes(range(256)) * 2**12

    assert read_gzip("a.gz", gzip.compress(text)) == text
    assert read_gzip("a.gz", gzip.compress(text[:9]) + gzip.compress(text[9:])) == text


def test_a_small_file_takes_little_memory() -> None:
    packed = gzip.compress(b"text")
    tracemalloc.start()
    try:
        read_gzip("a.gz", packed)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_what_says_that_it_is_too_large_is_refused_before_it_is_kept() -> None:
    packed = gzip.compress(bytes(16 * NEVER_TOO_LARGE), 1)
    tracemalloc.start()
    try:
        with pytest.raises(BadInputError, match="unpacks to far more than an honest file"):
            read_gzip("a.gz", packed)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_what_hides_its_size_is_refused_too() -> None:
    packed = gzip.compress(bytes(16 * NEVER_TOO_LARGE), 1) + gzip.compress(b"text")

    with pytest.raises(BadInputError, match="unpacks to far more than an honest file"):
        read_gzip("a.gz", packed)
