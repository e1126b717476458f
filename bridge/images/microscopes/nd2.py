"""Nikon ND2: positions, read with the package nd2.

Frames that are compressed without loss are unpacked here: nd2 does it without a limit.
"""

from __future__ import annotations

import logging
import math
import struct
import threading
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import nd2
import numpy as np
from numpy.typing import NDArray

from bridge.images.info import PixelSize
from bridge.images.microscopes.reading import Series, SeriesFile
from bridge.images.units import pixel_size_of

_log = logging.getLogger(__name__)

_STACKED = "TCZ"
_KNOWN = "PTCZYXS"
_MAP_END = b"ND2 CHUNK MAP SIGNATURE 0000001!"
_FRAME = b"ImageDataSeq|"
_PIXELS_FROM = 4096  # bytes behind the start of a frame's part
_CHUNK_HEADER = struct.Struct("<IIQ")  # magic, length of the name, length of the data
_PLACE = struct.Struct("<QQ")
_TIME = 8  # bytes of a frame before its pixels
_LARGEST_RATIO = 1_032  # bytes that a byte may become (deflate)


def read_series(path: Path) -> SeriesFile:
    """Open a file; its images are its positions on the stage."""
    with path.open("rb") as opened:
        places = frame_places(opened)
        length = opened.seek(0, 2)
    file = nd2.ND2File(path)
    try:
        expected = math.prod(loop.count for loop in file.experiment)
        if expected > len(places):
            raise ValueError(f"it has {len(places)} of its {expected} frames")
        sizes = dict(file.sizes)
        positions = sizes.get("P", 1)
        lock = threading.Lock()
        numbers = _frame_numbers(file)
        names = _position_names(file, positions)
        needed = _bytes_of_a_frame(file)
        if _is_packed(file):
            needed = math.ceil(needed / _LARGEST_RATIO)
        for number in numbers.values():
            # nd2 shows frames that are not there as zeros.
            if length - places.get(number, length) - _PIXELS_FROM < needed:
                raise ValueError(f"frame {number} of {len(numbers)} is not all there")
        about = _channels(path, file)
        series = [
            _series(file, about, names[p], p, numbers, places, lock) for p in range(positions)
        ]
        return SeriesFile(series, file.close)
    except BaseException:
        file.close()
        raise


def frame_places(file: BinaryIO) -> dict[int, int]:
    """Return where each frame begins, by the map at the file's end."""
    length = file.seek(0, 2)
    file.seek(max(0, length - 40))
    signature, place = struct.unpack("<32sQ", file.read(40))
    if signature != _MAP_END:
        raise ValueError("the map of its parts is missing")
    data = file.read(_check_part(file, place, length))
    found, others = {}, []
    start = 0
    while (end := data.find(b"!", start)) >= 0 and data[start : end + 1] != _MAP_END:
        name = data[start : end + 1]
        offset, _ = _PLACE.unpack_from(data, end + 1)
        start = end + 1 + _PLACE.size
        if name.startswith(_FRAME) and name[len(_FRAME) : -1].isdigit():
            found[int(name[len(_FRAME) : -1])] = offset
        else:
            others.append(offset)
    for offset in others:
        _check_part(file, offset, length)
    return found


def _check_part(file: BinaryIO, place: int, length: int) -> int:
    """Go to the data of a part and return its bytes; nd2 makes room for as many as it claims."""
    file.seek(place)
    _, name_length, data_length = _CHUNK_HEADER.unpack(file.read(_CHUNK_HEADER.size))
    start = place + _CHUNK_HEADER.size + name_length
    if start + data_length > length:
        raise ValueError(f"a part of it claims {data_length:,} bytes beyond its end")
    file.seek(start)
    return int(data_length)


def _bytes_of_a_frame(file: Any) -> int:
    about = file.attributes
    row = about.widthPx * about.componentCount * about.bitsPerComponentInMemory // 8
    if min(about.widthPx, about.heightPx, row) < 1 or row > about.widthBytes:
        raise ValueError("its rows are longer than is written of them")
    return int(about.heightPx * about.widthBytes)


def _is_packed(file: Any) -> bool:
    if file.attributes.compressionType == "lossy":
        raise ValueError("its frames are compressed with loss")
    return file.attributes.compressionType is not None


def _unpacked(file: Any, place: int) -> NDArray[Any]:
    """Return a frame of zlib's as nd2 gives it, (C, Y, X) or (C, Y, X, S)."""
    size = _bytes_of_a_frame(file)
    with Path(file.path).open("rb") as opened:
        opened.seek(place)
        _, name_length, length = _CHUNK_HEADER.unpack(opened.read(_CHUNK_HEADER.size))
        opened.seek(name_length + _TIME, 1)
        unpacking = zlib.decompressobj()
        data = unpacking.decompress(opened.read(length - _TIME), size + 1)
    if len(data) != size or not unpacking.eof:
        raise ValueError(f"a frame does not unpack to the {size:,} bytes of its plane")
    about = file.attributes
    dtype = np.dtype(file.dtype)
    row = about.widthPx * about.componentCount
    rows = np.frombuffer(data, np.uint8).reshape(about.heightPx, about.widthBytes)
    channels = about.channelCount or 1
    shape = (about.heightPx, about.widthPx, channels, about.componentCount // channels)
    pixels: NDArray[Any] = rows[:, : row * dtype.itemsize].copy().view(dtype).reshape(shape)
    return pixels.transpose(2, 0, 1, 3)


def _frame_numbers(file: Any) -> dict[tuple[int, int, int], int]:
    """Return the number of each frame by (position, t, z)."""
    loops: Sequence[Mapping[str, int]] = file.loop_indices or ({},)
    return {
        (at.get("P", 0), at.get("T", 0), at.get("Z", 0)): number for number, at in enumerate(loops)
    }


def _position_names(file: Any, count: int) -> list[str]:
    for loop in file.experiment:
        if loop.type == "XYPosLoop" and len(loop.parameters.points) == count:
            return [point.name or "" for point in loop.parameters.points]
    return [""] * count


def _series(
    file: Any,
    about: Sequence[Any],
    name: str,
    position: int,
    numbers: Mapping[tuple[int, int, int], int],
    places: Mapping[int, int],
    lock: threading.Lock,
) -> Series:
    sizes: Mapping[str, int] = file.sizes
    others = [f"{size} positions along axis {d}" for d, size in sizes.items() if d not in _KNOWN]
    colours = (sizes["S"],) if sizes.get("S", 1) > 1 else ()
    shape = (*(sizes.get(d, 1) for d in (*_STACKED, "Y", "X")), *colours)
    missing = shape[0] * shape[2] - sum(p == position for p, _, _ in numbers)
    problem = f"has {others[0]}" if others else ""
    if colours and shape[1] > 1:
        problem = "has colours in every channel"
    elif missing and not problem:
        problem = f"lacks {missing} of its {shape[0] * shape[2]} frames"

    packed = _is_packed(file)

    def read(t: int, c: int, z: int) -> NDArray[Any]:
        with lock:
            number = numbers[position, t, z]
            # A copy: nd2 gives a view of the mapped file, which is gone when it is closed.
            frame = _unpacked(file, places[number]) if packed else np.array(file.read_frame(number))
        stored = (shape[1], *shape[3:5], *colours)
        plane: NDArray[Any] = frame.reshape(stored)[c]
        return plane

    return Series(
        name=name,
        shape=shape,
        dtype=np.dtype(file.dtype),
        read=read,
        pixel_size=_pixel_size(about, sizes),
        channels=_channel_names(about, shape[1]),
        problem=problem,
    )


def _channels(path: Path, file: Any) -> Sequence[Any]:
    """Return the metadata of the channels: the pixels of a file can be read without them."""
    try:
        return file.metadata.channels or ()
    except Exception as error:
        _log.warning(
            "%s: the names of its channels and its pixel size cannot be read (%s)", path, error
        )
        return ()


def _pixel_size(about: Sequence[Any], sizes: Mapping[str, int]) -> PixelSize | None:
    """Return the pixel size where the microscope was calibrated; nd2 gives 1 µm where not."""
    if not about:
        return None
    volume = about[0].volume
    x, y, z = (
        size if known else None
        for size, known in zip(volume.axesCalibration, volume.axesCalibrated, strict=True)
    )
    return pixel_size_of(y, x, z if sizes.get("Z", 1) > 1 else None)


def _channel_names(about: Sequence[Any], count: int) -> tuple[str, ...]:
    names = tuple(each.channel.name or "" for each in about)
    return names if len(names) == count else ()
