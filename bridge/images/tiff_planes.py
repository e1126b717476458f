"""Single planes of TIFF files, with an error where data is missing.

tifffile decodes strips and tiles. It also puts zeros where they are missing and reads whole pages,
so what is read, and whether all of it is there, is decided here.
"""

from __future__ import annotations

import logging
import math
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.errors import BadInputError
from bridge.images.contents import listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from tifffile import TiffFile, TiffPageSeries

    from bridge.images.contents import Index
    from bridge.images.locations import Location

_log = logging.getLogger(__name__)

JPEG = (6, 7, 34892, 33007)
"""Compressions of which tifffile decodes YCbCr colours to RGB."""

_READ_AT_ONCE = 16 * 2**20  # bytes of compressed data


class TiffStore:
    """A TIFF series, read in parts, with errors where tifffile would put zeros.

    Args:
        path: the file, named in errors.
        file: the open file, owned from here on.
        levels: the series, and its smaller versions if it is a pyramid.
        missing: files of the set that are not there.
    """

    def __init__(
        self,
        path: Location,
        file: TiffFile,
        levels: Sequence[TiffPageSeries],
        missing: Sequence[str],
    ) -> None:
        self._path = path
        self._file = file
        self._levels = levels
        self._missing = missing

    def close(self) -> None:
        """Close the file, and those of its set."""
        self._file.close()

    def read(self, level: int, index: Index) -> NDArray[Any]:
        """Read an index of the unsqueezed series into a new array."""
        with quiet():
            series = self._levels[level]
            shape = tuple(series.get_shape(squeeze=False))
            # Of a set of files, the pages may all lie in a file that is not the opened one.
            here = not series.is_multifile and series.keyframe.parent is self._file
            offset = series.dataoffset if here else None
            if offset is not None:
                return self._read_region(series.keyframe, self._file, offset, shape, index)
            return self._read_pages(series, shape, index)

    def _read_pages(
        self, series: TiffPageSeries, shape: tuple[int, ...], index: Index
    ) -> NDArray[Any]:
        # Dimensions of size 1 come and go between series and page, so only the others are matched.
        page_shape = tuple(series.keyframe.shaped)
        long = [i for i, size in enumerate(shape) if size > 1]
        in_page = [i for i, size in enumerate(page_shape) if size > 1]
        split = len(long) - len(in_page)
        if split < 0 or [shape[i] for i in long[split:]] != [page_shape[i] for i in in_page]:
            raise ValueError("its pages do not have the size that its description says")
        page_index: list[int | slice] = [slice(None) for _ in page_shape]
        for place, i in zip(in_page, long[split:], strict=True):
            page_index[place] = index[i]
        over = [shape[i] for i in long[:split]]
        ranges = [
            range(size) if isinstance(at, slice) else (at,)
            for size, at in zip(over, (index[i] for i in long[:split]), strict=True)
        ]
        numbers = [int(np.ravel_multi_index(at, over)) if over else 0 for at in product(*ranges)]
        parts = [self._read_page(series, number, tuple(page_index)) for number in numbers]
        wanted = [size for size, at in zip(shape, index, strict=True) if isinstance(at, slice)]
        return (parts[0] if len(parts) == 1 else np.stack(parts)).reshape(wanted)

    def _read_page(self, series: TiffPageSeries, number: int, index: Index) -> NDArray[Any]:
        page: Any = series[number]
        if page is None:
            names = f" ({listed(dict.fromkeys(self._missing, ()))})" if self._missing else ""
            raise BadInputError(
                self._path,
                f"lacks this plane: a file of its set is missing{names}"
                if self._missing
                else "lacks this plane: it has fewer pages than its description says",
                "put all files of the set into one folder"
                if self._missing
                else "copy or export the file again",
            )
        keyframe = page.keyframe
        handle = page.parent.filehandle
        with handle.lock:
            was_closed = handle.closed
            if was_closed:
                # tifffile closes the other files of a set, so that sets of thousands work.
                handle.open()
            try:
                if keyframe.is_final and _in_one_piece(page):
                    offset = page.dataoffsets[0]
                    return self._read_region(
                        keyframe, page.parent, offset, tuple(keyframe.shaped), index
                    )
                return self._decode(page, keyframe, handle, index)
            finally:
                if was_closed:
                    handle.close()

    def _read_region(
        self,
        keyframe: Any,
        file: TiffFile,
        offset: int,
        shape: tuple[int, ...],
        index: Index,
    ) -> NDArray[Any]:
        """Read uncompressed data that lies in one piece."""
        dtype = np.dtype(file.byteorder + keyframe.dtype.char)
        needed = math.prod(shape) * dtype.itemsize
        handle: Any = file.filehandle
        self._check_end(handle, offset + needed)
        if not handle.is_file:
            return _fetched(handle, dtype, offset, shape, index)
        # The mapping lives as long as this call: only the pages of the plane are loaded.
        mapped = np.memmap(handle._fh, dtype, "r", offset, shape)
        return np.array(mapped[index], dtype=dtype.newbyteorder("="), order="C")

    def _decode(self, page: Any, keyframe: Any, handle: Any, index: Index) -> NDArray[Any]:
        """Decode the strips or tiles that the index needs; allocate no more than the plane."""
        samples, depth, length, width, _ = keyframe.shaped
        sample, contiguous = index[0], index[4]
        count = math.prod(page.chunked)
        if min(len(page.dataoffsets), len(page.databytecounts)) < count:
            raise ValueError(f"{count} tiles or strips are needed, {len(page.dataoffsets)} listed")
        per_sample = count // samples
        first, last = (
            (sample * per_sample, (sample + 1) * per_sample)
            if isinstance(sample, int)
            else (0, count)
        )
        offsets = page.dataoffsets[first:last]
        sizes = page.databytecounts[first:last]
        if 0 in offsets or 0 in sizes:
            raise ValueError("a tile or strip was never written")
        self._check_end(handle, max(map(sum, zip(offsets, sizes, strict=True))))

        taken = slice(None) if isinstance(contiguous, slice) else slice(contiguous, contiguous + 1)
        result = np.empty(
            (
                1 if isinstance(sample, int) else samples,
                *(depth, length, width),
                1 if isinstance(contiguous, int) else keyframe.shaped[4],
            ),
            keyframe.dtype,
        )
        settings: dict[str, Any] = {"_fullsize": False}
        if int(keyframe.compression) in JPEG:
            settings |= {"jpegtables": page.jpegtables, "jpegheader": keyframe.jpegheader}

        def decode(segment: tuple[bytes | None, int]) -> None:
            data, number = segment
            pixels, (s, d, y, x, _), (deep, high, wide, _) = keyframe.decode(
                data, first + number, **settings
            )
            if pixels is None:
                raise ValueError("a tile or strip is missing")
            target = result[
                s if isinstance(sample, slice) else 0, d : d + deep, y : y + high, x : x + wide
            ]
            target[...] = pixels[: depth - d, : length - y, : width - x, taken]

        with ThreadPoolExecutor(max(1, keyframe.maxworkers)) as workers:
            for segments in handle.read_segments(
                offsets,
                sizes,
                sort=True,
                buffersize=_READ_AT_ONCE,
                flat=False,
            ):
                list(workers.map(decode, segments))
        rest = tuple(slice(None) if isinstance(at, slice) else at for at in index[1:4])
        return result[
            (
                slice(None) if isinstance(sample, slice) else 0,
                *rest,
                slice(None) if isinstance(contiguous, slice) else 0,
            )
        ]

    def _check_end(self, handle: Any, end: int) -> None:
        if end > handle.size:
            raise BadInputError(
                self._path,
                f"is cut short: {end - handle.size} of {end} bytes are missing",
                "copy or export the file again",
            )


def _fetched(
    handle: Any, dtype: np.dtype[Any], offset: int, shape: tuple[int, ...], index: Index
) -> NDArray[Any]:
    """Read an index of uncompressed data from a stream, and little more than it needs."""
    # The leading dimensions with one index each say where the smallest run of values begins.
    lead = next((i for i, at in enumerate(index) if isinstance(at, slice)), len(index))
    first = sum(
        int(at) * math.prod(shape[i + 1 :])
        for i, at in enumerate(index[:lead])
        if not isinstance(at, slice)
    )
    count = math.prod(shape[lead:])
    handle.seek(offset + first * dtype.itemsize)
    data = handle.read(count * dtype.itemsize)
    values = np.frombuffer(data, dtype, count).reshape(shape[lead:])
    return np.array(values[index[lead:]], dtype=dtype.newbyteorder("="), order="C")


def _in_one_piece(page: Any) -> bool:
    """Return whether a page's strips follow each other; tifffile checks only the first page."""
    offsets, sizes = page.dataoffsets, page.databytecounts
    return bool(offsets) and all(
        offset + size == following
        for offset, size, following in zip(offsets, sizes, offsets[1:], strict=False)
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Keep tifffile's messages from the screen: those that matter become errors here."""
    logger = logging.getLogger("tifffile")

    def to_debug(record: logging.LogRecord) -> bool:
        _log.debug("tifffile: %s", record.getMessage())
        return False

    logger.addFilter(to_debug)
    try:
        yield
    finally:
        logger.removeFilter(to_debug)
