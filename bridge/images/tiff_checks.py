"""Checks that a TIFF file holds the pixels that its headers declare.

tifffile reads what is there and puts zeros, or another image, in place of what is not.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bridge.errors import BadInputError
from bridge.images.contents import listed
from bridge.images.locations import Location, RemotePath

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tifffile import TiffFile, TiffPageSeries

_AGAIN = "copy or export the file again"
_DESCRIPTION = 270
_PLACES = (273, 279, 324, 325)  # offsets and byte counts of strips and of tiles
_LARGEST_TABLE = 100_000  # entries; more are a damaged header
_LARGEST_RATIOS = {5: 1_366, 8: 1_032, 32_946: 1_032, 32_773: 64}
"""Bytes that a stored byte may become: LZW, deflate (two numbers), PackBits."""
_ANY_SIZE = 2**16  # bytes that any tile may claim


@dataclass(frozen=True)
class Headers:
    """The chain of page headers of a TIFF file.

    Attributes:
        offsets: where each header begins.
        empty: offsets of the headers whose pixels lie nowhere, or have no bytes.
    """

    offsets: tuple[int, ...] = ()
    empty: frozenset[int] = frozenset()


def check_headers(path: Location, file: TiffFile) -> Headers:
    """Follow the chain of pages to its end: tifffile takes a file without its last pages as whole.

    Of every page 2 (8) bytes say how many entries of 12 (20) bytes follow, and after them 4 (8)
    bytes where the next page is; in parentheses the sizes of BigTIFF. An entry is a tag, a type,
    a count, and the value or where it is.

    Args:
        path: the file, named in errors.
        file: the open file.

    Returns:
        The headers; none for Hamamatsu's NDPI, whose offsets are of its own kind.

    Raises:
        BadInputError: the chain, or the first page's description, goes on beyond the file's end.
        ValueError: the chain is a circle.
    """
    if file.is_ndpi:
        return Headers()
    order: Literal["little", "big"] = "little" if file.byteorder == "<" else "big"
    count_size, entry_size, offset_size = (8, 20, 8) if file.is_bigtiff else (2, 12, 4)
    handle = file.filehandle
    offset, seen, empty = file.pages.first.offset, dict[int, None](), set[int]()
    while offset:
        if offset in seen:
            raise ValueError("its pages form a circle")
        seen[offset] = None
        handle.seek(offset)
        entries = int.from_bytes(handle.read(count_size), order)
        end = offset + count_size + entries * entry_size + offset_size
        if end > handle.size:
            raise BadInputError(path, f"is cut short: it ends before its page {len(seen)}", _AGAIN)
        if entries > _LARGEST_TABLE:
            raise ValueError(f"its page {len(seen)} has {entries} entries")
        table = handle.read(entries * entry_size)
        for start in range(0, len(table), entry_size):
            tag, kind, length, place = (
                int.from_bytes(table[start + first : start + last], order)
                for first, last in pairwise((0, 2, 4, 4 + offset_size, 4 + 2 * offset_size))
            )
            if (
                tag == _DESCRIPTION
                and len(seen) == 1
                and length > offset_size
                and place + length > handle.size
            ):
                raise BadInputError(
                    path, "is cut short: its description is missing", "copy the file again"
                )
            # A value of zero is zero in any type and byte order.
            if tag in _PLACES and length == 1 and place == 0 and kind:
                empty.add(offset)
        offset = int.from_bytes(handle.read(offset_size), order)
    return Headers(tuple(seen), frozenset(empty))


def check_series(
    path: Location,
    file: TiffFile,
    series: TiffPageSeries,
    headers: Headers,
    missing: Sequence[str] = (),
) -> None:
    """Check that every plane of an image is in the file.

    Planes of a set of which files are missing may be missing: reading them says so. At a URL only
    the first and the last plane are looked up; reading checks each.

    Args:
        path: the file, named in errors.
        file: the open file.
        series: the image.
        headers: what :func:`check_headers` found.
        missing: files of the set that are not there.

    Raises:
        BadInputError: a plane has no header, no bytes, or lies beyond the end of the file.
    """
    _check_shape(path, file, series)
    shape = series.get_shape(squeeze=False)
    nbytes = math.prod(shape) * np.dtype(series.dtype).itemsize
    pages: list[Any] = list(series._pages)
    here = not series.is_multifile and series.keyframe.parent is file
    if here and series.keyframe.offset in headers.empty:
        raise _empty(path, 0)
    offset = series.dataoffset if here and len(pages) == 1 else None
    if offset is not None:
        _check_region(
            path, file, headers, offset, offset + nbytes, nbytes // series.keyframe.nbytes
        )
        return
    needed = math.prod(shape) // max(1, math.prod(series.keyframe.shape))
    held = sum(page is not None for page in pages)
    if held < needed and not missing:
        raise BadInputError(
            path,
            f"holds {held} of the {needed} planes that its description declares",
            f"{_AGAIN}, or save the part that is there as another file (in Fiji: File › Save As)",
        )
    if len(pages) > needed:
        raise BadInputError(
            path,
            f"holds {len(pages)} planes, but its description declares {needed}",
            "export the file again (in Fiji: File › Save As › Tiff…)",
        )
    chosen = pages if not isinstance(path, RemotePath) else [pages[0], pages[-1]]
    for number, page in enumerate(chosen):
        if page is None:
            continue
        if page.parent is file and page.offset in headers.empty:
            raise _empty(path, number)
        _check_page(path, page, number)


def _check_page(path: Location, page: Any, number: int) -> None:
    offsets, sizes = page.dataoffsets, page.databytecounts
    if not offsets or not sizes or 0 in offsets or 0 in sizes:
        raise _empty(path, number)
    if page.keyframe.is_final and len(offsets) == 1:
        # Without compression the byte count is that of the pixels, whatever it says.
        end = offsets[0] + page.nbytes
    else:
        end = max(map(sum, zip(offsets, sizes, strict=False)))
    size = page.parent.filehandle.size
    if end > size:
        raise _cut(path, size, end)
    ratio = _LARGEST_RATIOS.get(int(page.keyframe.compression))
    if ratio is not None:
        tile = math.prod(page.keyframe.chunks) * page.keyframe.dtype.itemsize
        bits = page.keyframe.bitspersample
        least = min(8, bits if isinstance(bits, int) else min(bits))
        # Bits of less than a byte become bytes when they are read.
        if tile > max(_ANY_SIZE, ratio * max(sizes) * 8 // least):
            raise BadInputError(
                path,
                f"declares {tile:,} bytes of pixels in each tile or strip of its plane "
                f"{number + 1}, which do not come from the {max(sizes):,} that it has",
                _AGAIN,
            )
    if page.keyframe.compression == 1 and len(offsets) > 1 and sum(sizes) < page.nbytes:
        raise BadInputError(
            path,
            f"declares {page.nbytes} bytes of pixels in its plane {number + 1} "
            f"but lists {sum(sizes)}",
            _AGAIN,
        )


def _check_region(
    path: Location, file: TiffFile, headers: Headers, start: int, end: int, planes: int
) -> None:
    """Check that planes behind one header fit into the file, without another header among them."""
    size = file.filehandle.size
    if start == 0:
        raise _empty(path, 0)
    if end > size:
        raise _cut(path, size, end)
    if any(start <= offset < end for offset in headers.offsets):
        raise BadInputError(
            path,
            f"declares {planes} planes in one piece, but the header of another page is among them",
            _AGAIN,
        )


def _check_shape(path: Location, file: TiffFile, series: TiffPageSeries) -> None:
    """Check the shape that tifffile itself wrote into the description of an image."""
    page = series.keyframe
    text = page.shaped_description if page.parent is file and not page.is_subifd else None
    if text is None or series.kind not in ("shaped", "generic", "uniform"):
        return
    try:
        noted = json.loads(text)
        declared = math.prod(int(size) for size in noted["shape"])
        is_single = noted.get("truncated") is True
    except (KeyError, TypeError, ValueError):
        return  # the older form, which tifffile reads itself
    # Planes behind a single header count as the series has them, which is checked by its bytes.
    planes = series.size // page.size if is_single else len(file.pages) - page.index
    if declared > planes * page.size:
        raise BadInputError(
            path,
            f"declares {_times(noted['shape'])} values, but its planes are {planes} of "
            f"{_times(page.shape)}",
            _AGAIN,
        )


def _cut(path: Location, size: int, end: int) -> BadInputError:
    return BadInputError(path, f"is cut short: {end - size} of {end} bytes are missing", _AGAIN)


def _empty(path: Location, number: int) -> BadInputError:
    return BadInputError(
        path,
        f"lacks pixels: a tile or strip of its plane {number + 1} was never written",
        _AGAIN,
    )


def missing_planes(path: Location, declared: dict[str, int], held: int) -> BadInputError:
    """Return the error for a file with fewer planes than the sizes of its axes multiply to.

    Args:
        path: the file.
        declared: size of each declared axis, in words (``{"channels": 2}``).
        held: number of planes in the file.
    """
    sizes = listed({f"{size} {axis}": () for axis, size in declared.items() if size > 1})
    return BadInputError(
        path,
        f"declares {sizes}, which are {math.prod(declared.values())} planes, but holds {held}",
        f"{_AGAIN}, or give --axes (ZYX, or as many letters as it has) to read what is there",
    )


def _times(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))
