"""Zip archives of many entries, read by Python's own zipfile."""

from __future__ import annotations

import io
import json
import zipfile

from hypothesis import given
from hypothesis import strategies as st

from bridge.formats.small_entries import write_entries

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0/\\:"), min_size=1, max_size=9)


def archive(*blocks: list[tuple[str, bytes]], comment: bytes = b"") -> zipfile.ZipFile:
    stream = io.BytesIO()
    write_entries(stream, blocks, comment)
    return zipfile.ZipFile(stream)


@given(st.lists(st.dictionaries(NAMES, st.binary()), max_size=3), st.text(max_size=50))
def test_every_entry_is_read_back(blocks: list[dict[str, bytes]], comment: str) -> None:
    numbered = [
        [(f"{number} {name}", content) for name, content in block.items()]
        for number, block in enumerate(blocks)
    ]
    written = [entry for block in numbered for entry in block]

    with archive(*numbered, comment=json.dumps(comment).encode()) as found:
        assert found.namelist() == [name for name, _ in written]
        assert [found.read(name) for name, _ in written] == [content for _, content in written]
        assert json.loads(found.comment) == comment
        assert found.testzip() is None


def test_entries_are_compressed() -> None:
    with archive([("a", bytes(10_000))]) as found:
        assert found.getinfo("a").compress_size < 200


def test_more_entries_than_the_first_zips_could_count() -> None:
    block = [(str(number), b"x") for number in range(70_000)]

    with archive(block) as found:
        assert len(found.namelist()) == 70_000
        assert found.read("69999") == b"x"


def test_the_same_entries_give_the_same_bytes_however_they_are_cut_into_blocks() -> None:
    entries = [(str(number), bytes([number]) * 99) for number in range(50)]
    streams = [io.BytesIO(), io.BytesIO()]

    write_entries(streams[0], [entries])
    write_entries(streams[1], [entries[:20], entries[20:]])

    assert streams[0].getvalue() == streams[1].getvalue()
