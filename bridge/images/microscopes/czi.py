"""Zeiss CZI: scenes of tiles, read with czifile.

Source of the format: ZISRAW (CZI) File Format Design Specification 1.2.2, and for the compressions
5 and 6 the documentation of libCZI. czifile finds the tiles; they are decoded and put together
here, so that one plane is read at a time and one code serves the two interfaces that czifile has:
that of 2019 for Python 3.11, and that of 2026 for newer ones.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import czifile
import imagecodecs
import numpy as np
from numpy.typing import NDArray

from bridge.files.hdf5_claims import LARGEST_EMPTY
from bridge.images.microscopes.reading import Series, SeriesFile
from bridge.images.units import METRE, pixel_size_of

_DIRECTORY = b"ZISRAWDIRECTORY"
_PIXELS = {
    "GRAY8": ("<u1", 1),
    "GRAY16": ("<u2", 1),
    "GRAY32": ("<u4", 1),
    "GRAY32FLOAT": ("<f4", 1),
    "BGR24": ("<u1", 3),
    "BGR48": ("<u2", 3),
    "BGRA32": ("<u1", 4),
}
_STACKED = "TCZ"
_OTHERS = {
    "R": "rotations",
    "I": "illuminations",
    "B": "blocks",
    "H": "phases",
    "V": "views",
}
_RAW, _JPEG, _LZW, _JPEG_XR, _ZSTD0, _ZSTD1 = 0, 1, 2, 4, 5, 6
_READ = (_RAW, _JPEG, _LZW, _JPEG_XR, _ZSTD0, _ZSTD1)
_JPEG_XR_START = b"II\xbc"
_LARGEST_RATIO = 1_100  # bytes that a stored byte may become, over all tiles of a file
_LARGEST_GAPS = 64  # times the area of the tiles: beyond, a tile's place is damaged


@dataclass(frozen=True)
class Tile:
    """A rectangle of one plane.

    Attributes:
        at: start along every dimension but X, Y.
        sizes: size along every dimension.
        stored: stored width and height.
        pixels: name of the type of its pixels.
        compression: number of the compression.
        load: reads its bytes.
    """

    at: Mapping[str, int]
    sizes: Mapping[str, int]
    stored: tuple[int, int]
    pixels: str
    compression: int
    load: Callable[[], bytes]

    @property
    def claimed(self) -> int:
        """Bytes of its pixels; none of pixels of an unknown type."""
        code, samples = _PIXELS.get(self.pixels, ("u1", 0))
        return math.prod(self.stored) * samples * np.dtype(code).itemsize


def read_series(path: Path) -> SeriesFile:
    """Open a file; its images are its scenes."""
    file = czifile.CziFile(path)
    try:
        position = file.header.directory_position
        with path.open("rb") as opened:
            opened.seek(position)
            # Without its directory czifile would show the tiles that it comes across.
            if not position or opened.read(len(_DIRECTORY)) != _DIRECTORY:
                raise ValueError("its list of tiles is missing")
        tiles = list(_tiles(file))
        _check_claims(tiles, path.stat().st_size)
        about = _About.read(file.metadata())
        scenes = sorted({tile.at.get("S", 0) for tile in tiles})
        series = [
            _scene([tile for tile in tiles if tile.at.get("S", 0) == scene], scene, about)
            for scene in scenes
        ]
        return SeriesFile(series, file.close)
    except BaseException:
        file.close()
        raise


def _tiles(file: Any) -> Iterable[Tile]:
    """Yield the tiles of the full image, without those of its smaller versions."""
    lock = threading.Lock()
    for entry in file.subblock_directory:
        if entry.file_part:
            raise ValueError("it is one of several files of an image")
        if hasattr(entry, "dimension_entries"):
            found = {d.dimension: (d.start, d.size, d.stored_size) for d in entry.dimension_entries}
            pixels = entry.pixel_type
        else:
            entries = entry.read_dimension_entries(file).values()
            found = {str(d.dimension): (d.start, d.size, d.stored_size or d.size) for d in entries}
            pixels = entry.pixel_type.name
        if min(min(size, stored) for _, size, stored in found.values()) < 1:
            raise ValueError("a tile has no size")
        if any(size != stored for _, size, stored in found.values()):
            continue
        yield Tile(
            at={letter: start for letter, (start, _, _) in found.items()},
            sizes={letter: size for letter, (_, size, _) in found.items()},
            stored=(found["Y"][2], found["X"][2]),
            pixels=str(pixels).upper(),
            compression=int(entry.compression),
            load=_loader(file, entry, lock),
        )


def _check_claims(tiles: Sequence[Tile], size: int) -> None:
    """Refuse tiles that claim more bytes than a file of so many can hold."""
    raw = sum(tile.claimed for tile in tiles if tile.compression == _RAW)
    packed = sum(tile.claimed for tile in tiles if tile.compression != _RAW)
    if raw > size or packed > max(LARGEST_EMPTY, _LARGEST_RATIO * size):
        raise ValueError(f"its tiles claim {raw + packed:,} bytes, of which it has {size:,}")


def _loader(file: Any, entry: Any, lock: threading.Lock) -> Callable[[], bytes]:
    def load() -> bytes:
        with lock:
            if hasattr(entry, "data_segment"):
                segment = entry.data_segment()
            else:
                segment = entry.read_segment_data(file)
            data = bytes(segment.data(raw=True))
        if len(data) != segment.data_size:
            raise ValueError("a tile is cut short")
        return data

    return load


def _scene(tiles: Sequence[Tile], scene: int, about: _About) -> Series:
    first = {d: min(tile.at.get(d, 0) for tile in tiles) for d in (*_STACKED, "Y", "X")}
    sizes = {
        d: max(tile.at.get(d, 0) + tile.sizes.get(d, 1) for tile in tiles) - first[d] for d in first
    }
    types = {tile.pixels for tile in tiles}
    known = [_PIXELS[name] for name in sorted(types & set(_PIXELS))]
    samples = {min(count, 3) for _, count in known}
    colours = (3,) if samples == {3} else ()
    # Tiles of several types have the smallest type that holds all of them.
    dtype = np.result_type(*(code for code, _ in known)) if known else np.dtype(np.uint8)
    shape = (*(sizes[d] for d in (*_STACKED, "Y", "X")), *colours)
    planes: dict[tuple[int, ...], list[Tile]] = {}
    for tile in sorted(tiles, key=lambda tile: tile.at.get("M", 0)):
        at = tuple(tile.at.get(d, 0) - first[d] for d in _STACKED)
        planes.setdefault(at, []).append(tile)

    def read(*at: int) -> NDArray[Any]:
        plane = np.zeros(shape[len(_STACKED) :], dtype)
        for tile in planes[at]:
            pixels = _decode(tile)
            y, x = tile.at["Y"] - first["Y"], tile.at["X"] - first["X"]
            plane[y : y + pixels.shape[0], x : x + pixels.shape[1]] = pixels
        return plane

    return Series(
        name=about.scenes.get(scene, ""),
        shape=shape,
        dtype=dtype,
        read=read,
        pixel_size=pixel_size_of(*(about.steps.get(axis) for axis in "YXZ")),
        channels=about.channels[first["C"] : first["C"] + sizes["C"]],
        problem=_problem(tiles, types, len(samples), shape, planes),
    )


def _problem(
    tiles: Sequence[Tile],
    types: set[str],
    kinds: int,
    shape: tuple[int, ...],
    planes: Mapping[tuple[int, ...], Sequence[Tile]],
) -> str:
    """Return why a scene cannot be read, as a clause, or nothing."""
    if unknown := sorted(types - set(_PIXELS)):
        return f"stores pixels of type {unknown[0].lower()}"
    if others := sorted({tile.compression for tile in tiles} - set(_READ)):
        return f"uses compression {others[0]}, which is not known"
    if kinds > 1:
        return "has grey channels and colours in one scene"
    for letter, what in _OTHERS.items():
        starts = {tile.at.get(letter, 0) for tile in tiles}
        if len(starts) > 1:
            return f"has {len(starts)} {what} of every plane"
    if any(tile.sizes[d] > 1 for tile in tiles for d in tile.sizes if d not in ("Y", "X")):
        return "has tiles of several planes"
    expected = shape[0] * shape[1] * shape[2]
    if len(planes) != expected:
        return f"has {len(planes)} of the {expected} planes that its sizes make"
    most = max(sum(t.stored[0] * t.stored[1] for t in each) for each in planes.values())
    if shape[3] * shape[4] > _LARGEST_GAPS * most:
        return f"claims to be {shape[4]} × {shape[3]} pixels large, with tiles for few of them"
    return ""


def _decode(tile: Tile) -> NDArray[Any]:
    """Return the pixels of a tile: (Y, X), or (Y, X, S) in the order red, green, blue."""
    code, samples = _PIXELS[tile.pixels]
    shape = (*tile.stored, samples) if samples > 1 else tile.stored
    expected = tile.claimed
    data: bytes | bytearray = tile.load()
    compression = tile.compression
    if compression == _JPEG_XR and not data.startswith(_JPEG_XR_START) and len(data) == expected:
        compression = _RAW  # some of ZEN's tiles are stored so
    if compression in (_JPEG, _JPEG_XR):
        decode = imagecodecs.jpeg8_decode if compression == _JPEG else imagecodecs.jpegxr_decode
        # Given where to decode to, it refuses pictures of another size.
        pixels = np.asarray(decode(data, out=np.empty(shape, code)))
        return pixels[..., :3] if samples > 1 else pixels
    if compression == _LZW:
        data = imagecodecs.lzw_decode(data, out=expected)
    elif compression == _ZSTD0:
        data = imagecodecs.zstd_decode(data, out=expected)
    elif compression == _ZSTD1:
        data = _zstd1(data, expected)
    if len(data) != expected:
        raise ValueError("a tile has another size than is written of it")
    pixels = np.frombuffer(data, code).reshape(shape)
    return pixels[..., 2::-1] if samples > 1 else pixels


def _zstd1(data: bytes | bytearray, expected: int) -> bytes | bytearray:
    """Decode libCZI's variant: a short header, and maybe all low bytes before all high bytes."""
    length = data[0]
    if length not in (1, 3) or (length == 3 and data[1] != 1):
        raise ValueError("a tile has an unknown header")
    unpacked: bytes | bytearray = imagecodecs.zstd_decode(data[length:], out=expected)
    if length == 1 or not data[2] & 1:
        return unpacked
    halves = np.frombuffer(unpacked, np.uint8).reshape(2, -1)
    return halves.T.tobytes()


@dataclass(frozen=True)
class _About:
    """The parts of the XML metadata that are used: steps in µm, names of channels and scenes."""

    steps: Mapping[str, float]
    channels: tuple[str, ...]
    scenes: Mapping[int, str]

    @classmethod
    def read(cls, text: str | None) -> _About:
        nothing = cls({}, (), {})
        if not text or "<!ENTITY" in text:
            return nothing
        try:
            root = ET.fromstring(text)  # noqa: S314 - entities are refused above
            steps = {
                str(item.get("Id")): float(item.findtext("Value") or 0) * METRE
                for item in root.iterfind(".//Scaling/Items/Distance")
            }
            scenes = {
                int(item.get("Index") or 0): str(item.get("Name") or "")
                for item in root.iterfind(".//Information/Image/Dimensions/S/Scenes/Scene")
            }
        except (ET.ParseError, ValueError):
            return nothing
        channels = tuple(
            item.get("Name") or ""
            for item in root.iterfind(".//Information/Image/Dimensions/Channels/Channel")
        )
        return cls(steps, channels, scenes)
