"""Evident (Olympus) OIR of FluoView, read with oirfile.

There is no public specification; oirfile follows from sample files. It reads an image as a whole,
so that its planes are kept in a temporary file, made when the first one is asked for.
"""

from __future__ import annotations

import logging
import math
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import oirfile
from numpy.typing import NDArray

from bridge.images.microscopes.reading import Series, SeriesFile
from bridge.images.units import pixel_size_of

_STACKED = "TCZ"
_SIZES = struct.Struct("<QQ")  # of the file, and where its index begins
_SIZES_FROM = 32


def read_series(path: Path) -> SeriesFile:
    """Open a file, and the files beside that hold more of its planes; it is one image."""
    with path.open("rb") as opened:
        length = opened.seek(0, 2)
        opened.seek(_SIZES_FROM)
        if _SIZES.unpack(opened.read(_SIZES.size))[0] > length:
            raise ValueError("it ends too early")
    with _refusing_gaps():
        file = oirfile.OirFile(path, squeeze=False)
    try:
        return SeriesFile([_image(file)], file.close)
    except BaseException:
        file.close()
        raise


def _image(file: Any) -> Series:
    sizes = dict(file.sizes)
    if not sizes:
        raise ValueError("there are no planes in it")
    colours = (sizes["S"],) if sizes.get("S", 1) > 1 else ()
    shape = (*(sizes.get(d, 1) for d in (*_STACKED, "Y", "X")), *colours)
    lock, kept = threading.Lock(), _Kept(file)

    def read(t: int, c: int, z: int) -> NDArray[Any]:
        at = {"T": t, "C": c, "Z": z}
        with lock:
            plane = kept.values()[tuple(at.get(d, slice(None)) if d != "L" else 0 for d in sizes)]
        plane = np.array(plane)
        if "S" in sizes:
            return np.moveaxis(plane, 0, -1) if colours else plane[0]
        return plane

    steps = file.coord_scales
    return Series(
        name="",
        shape=shape,
        dtype=np.dtype(file.dtype),
        read=read,
        pixel_size=pixel_size_of(steps.get("Y"), steps.get("X"), abs(steps.get("Z", 0)) or None),
        channels=tuple(channel.name for channel in file.channels) if not colours else (),
        problem=_problem(file, sizes),
    )


def _problem(file: Any, sizes: dict[str, int]) -> str:
    if file.is_linescan:
        return "is a line scan, not an image"
    if sizes.get("L", 1) > 1:
        return f"has {sizes['L']} wavelengths of every plane"
    expected = math.prod(size for axis, size in sizes.items() if axis not in "YX")
    # oirfile gives zeros for planes that are missing, and has no public way to ask for them.
    found = len(getattr(file, "_pixel_map", ())) or expected
    return "" if found == expected else f"has {found} of its {expected} planes"


class _Kept:
    """The values of an image in a temporary file, which oirfile removes with the array."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._values: NDArray[Any] | None = None

    def values(self) -> NDArray[Any]:
        """Return the whole array, in the order of the sizes."""
        if self._values is None:
            with _refusing_gaps():
                self._values = self._file.asarray(out="memmap")
        return self._values


class _Raising(logging.Handler):
    """Make an error of what oirfile only warns of: planes that it fills up with zeros."""

    def emit(self, record: logging.LogRecord) -> None:
        raise ValueError(record.getMessage())


@contextmanager
def _refusing_gaps() -> Iterator[None]:
    logger, handler = logging.getLogger("oirfile"), _Raising(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
