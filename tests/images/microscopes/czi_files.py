"""CZI files of tiles that are packed already: Zeiss's library writes only some of the compressions.

Source of the format: ZISRAW (CZI) File Format Design Specification 1.2.2.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

_HEADER = 32 + 512
_UNUSED = bytes(124)


class PackedTile(NamedTuple):
    """A tile as a CZI keeps it.

    Attributes:
        data: its bytes.
        compression: number of the compression.
        pixels: number of the type of its pixels: 0 and 1 grey of 8 and 16 bits, 3 and 4 blue,
            green and red of 8 and 16 bits each.
        size: width and height in pixels of the full image.
        stored: width and height of what is stored; smaller in a pyramid's level.
        at: x, y and channel.
    """

    data: bytes
    compression: int
    pixels: int
    size: tuple[int, int]
    stored: tuple[int, int]
    at: tuple[int, int, int] = (0, 0, 0)


def write_packed_czi(path: Path, tiles: Sequence[PackedTile]) -> None:
    """Write tiles, without names of channels or a pixel size."""
    blocks, entries = b"", []
    for tile in tiles:
        entry = _entry(tile, _HEADER + len(blocks))
        entries.append(entry)
        head = struct.pack("<iiq", 0, 0, len(tile.data)) + entry
        blocks += _segment(b"ZISRAWSUBBLOCK", head.ljust(256, b"\0") + tile.data)
    directory = struct.pack("<i", len(entries)) + _UNUSED + b"".join(entries)
    xml = b"<ImageDocument><Metadata/></ImageDocument>"
    metadata = struct.pack("<ii", len(xml), 0).ljust(256, b"\0") + xml
    at_directory = _HEADER + len(blocks)
    packed = _segment(b"ZISRAWDIRECTORY", directory)
    header = struct.pack(
        "<iiii16s16siqqiq", 1, 0, 0, 0, b"", b"", 0, at_directory, at_directory + len(packed), 0, 0
    )
    start = _segment(b"ZISRAWFILE", header.ljust(512, b"\0"))
    path.write_bytes(start + blocks + packed + _segment(b"ZISRAWMETADATA", metadata))


def _entry(tile: PackedTile, place: int) -> bytes:
    sides = zip("XY", tile.at, tile.size, tile.stored, strict=False)
    axes = [*sides, ("C", tile.at[2], 1, 1), ("S", 0, 1, 1)]
    is_level = int(tile.size != tile.stored)
    head = (b"DV", tile.pixels, place, 0, tile.compression, is_level, 0, b"", len(axes))
    return struct.pack("<2siqiiBB4si", *head) + b"".join(
        struct.pack("<4siifi", letter.encode(), start, size, float(start), stored)
        for letter, start, size, stored in axes
    )


def _segment(name: bytes, content: bytes) -> bytes:
    return struct.pack("<16sqq", name, len(content), len(content)) + content
