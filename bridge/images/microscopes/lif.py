"""Leica LIF: series in a tree of folders, read with liffile.

Source of the format: Leica's "Leica Image File Format" 2.0 as liffile implements it. A series with
tiles that are not merged is refused: LAS X merges them.
"""

from __future__ import annotations

import math
import threading
from pathlib import Path
from typing import Any

import liffile
import numpy as np
from numpy.typing import NDArray

from bridge.images.microscopes.reading import Series, SeriesFile
from bridge.images.units import micrometres, pixel_size_of

_STACKED = "TCZ"
_KNOWN = "TCZYXS"
_OTHERS = {"M": "tiles that are not merged", "λ": "wavelengths", "A": "rotations", "L": "loops"}


def read_series(path: Path) -> SeriesFile:
    """Open a file; its images are its series, called by their folders and names."""
    file = liffile.LifFile(path, squeeze=False)
    try:
        lock, size = threading.Lock(), path.stat().st_size
        return SeriesFile([_series(image, lock, size) for image in file.images], file.close)
    except BaseException:
        file.close()
        raise


def _series(image: Any, lock: threading.Lock, file_size: int) -> Series:
    def unreadable(problem: str) -> Series:
        nothing = np.zeros((1, 1), np.uint8)
        return Series(image.path, (1,) * 5, nothing.dtype, lambda *_: nothing, problem=problem)

    if image.is_flim:
        return unreadable("is a lifetime (FLIM) series, not an image")
    sizes = dict(image.sizes)
    for letter, size in sizes.items():
        if letter not in _KNOWN and size > 1:
            return unreadable(f"has {size} {_OTHERS.get(letter, f'positions along axis {letter}')}")
    if "Y" not in sizes or "X" not in sizes:
        return unreadable("is no image: it has no rows and columns")
    dtype = np.dtype(image.dtype)
    block = image.memory_block
    expected = math.prod(sizes.values()) * dtype.itemsize
    # Of a file that is cut short, liffile leaves out blocks, or gives those that end beyond it.
    if block.offset < 0 or expected > block.size or block.offset + block.size > file_size:
        raise ValueError(f"the pixels of {image.name!r} are not all there")
    colours = (sizes["S"],) if sizes.get("S", 1) > 1 else ()
    frame_letters = tuple(image.frames.frame_dims)
    order = [letter for letter in ("Y", "X", "S") if letter in frame_letters]
    if len(order) != len(frame_letters) or "Y" not in order:
        return unreadable(f"was scanned in the order {''.join(sizes)}, without whole planes")

    def read(t: int, c: int, z: int) -> NDArray[Any]:
        at = {d: i for d, i in zip(_STACKED, (t, c, z), strict=True) if d in sizes}
        with lock:
            frame = np.asarray(image.frame(**at))
        frame = frame.transpose([frame_letters.index(letter) for letter in order])
        return frame if colours or "S" not in order else frame[..., 0]

    steps = _steps(image)
    return Series(
        name=image.path,
        shape=(*(sizes.get(d, 1) for d in (*_STACKED, "Y", "X")), *colours),
        dtype=dtype,
        read=read,
        pixel_size=pixel_size_of(steps.get("Y"), steps.get("X"), steps.get("Z")),
        channels=_channel_names(image.xml_element, sizes.get("C", 1) * sizes.get("S", 1)),
    )


def _steps(image: Any) -> dict[str, float]:
    """Return the distances of pixels in µm: a length is that between the first and last centre."""
    steps = {}
    for dimension in image.xml_element.iterfind(
        "./Data/Image/ImageDescription/Dimensions/DimensionDescription"
    ):
        letter = {"1": "X", "2": "Y", "3": "Z"}.get(dimension.get("DimID", ""))
        unit = micrometres(dimension.get("Unit", ""))
        count = int(dimension.get("NumberOfElements", "1"))
        if letter and unit and count > 1:
            steps[letter] = abs(float(dimension.get("Length", "0"))) / (count - 1) * unit
    return steps


def _channel_names(element: Any, count: int) -> tuple[str, ...]:
    """Return the dyes of the channels, or the names of their colours where there are none."""
    found = []
    for channel in element.iterfind("./Data/Image/ImageDescription/Channels/ChannelDescription"):
        properties = {
            item.findtext("Key"): item.findtext("Value") or ""
            for item in channel.iterfind("ChannelProperty")
        }
        found.append((int(channel.get("BytesInc", "0")), properties.get("DyeName"), channel))
    found.sort(key=lambda each: each[0])
    names = tuple(dye or channel.get("LUTName", "") for _, dye, channel in found)
    return names if len(names) == count else ()
