"""Zip archives of very many small entries.

Python's `zipfile` writes the same archives, but takes longer over an entry than its compression.
The format is PKWARE's (APPNOTE 6.3.10), in that part which Java and every other program reads:
deflated entries whose sizes stand before them, and ZIP64 records only where they are needed.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import IO, NamedTuple

import numba

from bridge.formats.compressing import zlib_bytes

_VERSION, _VERSION_ZIP64 = 20, 45
_MADE_BY = bytes((_VERSION_ZIP64, 3))  # Unix, whose file modes stand below
_DEFLATED = 8
_UTF8 = 0x800
_TIME, _DATE = 0, 33  # 1 January 1980: equal entries give equal archives
_MODE = 0o600 << 16
_SHARED = struct.Struct("<5H3IH")
_REST = struct.Struct("<4H2I")
_LOCAL_BYTES = 30
_END = struct.Struct("<4s4H2IH")
_END64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR64 = struct.Struct("<4sIQI")
_MAX16, _MAX32 = 0xFFFF, 0xFFFFFFFF
_LEVEL = 1


class _Packed(NamedTuple):
    """Compressed entries one after another, and what the listing at the end says of each.

    Attributes:
        data: local headers and contents.
        names: as they stand in the archive.
        shared: the part of each header that the listing repeats.
        sizes: bytes of each entry in ``data``.
    """

    data: bytes
    names: list[bytes]
    shared: list[bytes]
    sizes: list[int]


def write_entries(
    stream: IO[bytes], blocks: Iterable[Sequence[tuple[str, bytes]]], comment: bytes = b""
) -> None:
    """Write an archive, compressing by all processors.

    Args:
        stream: where to, from its beginning.
        blocks: names and contents, some thousands at a time; entries of less than 4 GiB.
        comment: the archive's comment, printable text of less than 64 KiB.
    """
    listing: list[bytes] = []
    offset = 0
    workers = numba.get_num_threads()
    with ThreadPoolExecutor(workers) as pool:
        for block in blocks:
            share = max(1, -(-len(block) // workers))
            shares = [block[start : start + share] for start in range(0, len(block), share)]
            for packed in pool.map(_pack, shares):
                stream.write(packed.data)
                for name, shared, size in zip(*packed[1:], strict=True):
                    listing.append(_listed(name, shared, offset))
                    offset += size
    central = b"".join(listing)
    stream.write(central)
    stream.write(_end(len(listing), len(central), offset, comment))


def _pack(entries: Sequence[tuple[str, bytes]]) -> _Packed:
    parts: list[bytes] = []
    packed = _Packed(b"", [], [], [])
    for name, content in entries:
        data = zlib_bytes(content, _LEVEL)[2:-4]  # without zlib's own frame
        encoded = name.encode()
        shared = _SHARED.pack(
            _VERSION,
            0 if name.isascii() else _UTF8,
            _DEFLATED,
            _TIME,
            _DATE,
            zlib.crc32(content),
            len(data),
            len(content),
            len(encoded),
        )
        parts += (b"PK\3\4", shared, b"\0\0", encoded, data)
        packed.names.append(encoded)
        packed.shared.append(shared)
        packed.sizes.append(_LOCAL_BYTES + len(encoded) + len(data))
    return packed._replace(data=b"".join(parts))


def _listed(name: bytes, shared: bytes, offset: int) -> bytes:
    """An entry of the listing; an offset beyond 32 bits stands in an extra field."""
    extra = struct.pack("<2HQ", 1, 8, offset) if offset >= _MAX32 else b""
    rest = _REST.pack(len(extra), 0, 0, 0, _MODE, min(offset, _MAX32))
    return b"".join((b"PK\1\2", _MADE_BY, shared, rest, name, extra))


def _end(count: int, size: int, offset: int, comment: bytes) -> bytes:
    records = b""
    if count >= _MAX16 or size >= _MAX32 or offset >= _MAX32:
        counts = (count, count, size, offset)
        records = _END64.pack(b"PK\6\6", 44, _VERSION_ZIP64, _VERSION_ZIP64, 0, 0, *counts)
        records += _LOCATOR64.pack(b"PK\6\7", 0, offset + size, 1)
    count = min(count, _MAX16)
    where = (min(size, _MAX32), min(offset, _MAX32), len(comment))
    return records + _END.pack(b"PK\5\6", 0, 0, count, count, *where) + comment
