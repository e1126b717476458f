"""Stacks as ImageJ lays them out in a TIFF file: dimensions, pixel size and channel names.

Source of the rules: how ImageJ 1.54p opens a TIFF (its ``ij.io`` package). The description of the
first page names the planes (``images``) and their ``channels``, ``slices`` and ``frames``; the
pixels of all planes follow those of the first, with or without headers of their own.
"""

from __future__ import annotations

import logging
import math
import re
from typing import TYPE_CHECKING, Any

from tifffile import TiffPageSeries

from bridge.images.tiff_checks import Headers, missing_planes
from bridge.images.units import CENTIMETRE, INCH, is_print_resolution, micrometres, pixel_size_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tifffile import TiffFile

    from bridge.images.info import PixelSize
    from bridge.images.locations import Location

_log = logging.getLogger(__name__)

_NAMES = {"C": "channels", "Z": "slices", "T": "frames"}
_UNCOMPRESSED = 1
_ORIENTATION = 274
_PER_CENTIMETRE = 3
_LABEL_PREFIX = re.compile(r"^(?:[czt]:\d+/\d+\s*)+-\s*")


def imagej_stack(
    path: Location, file: TiffFile, headers: Headers, *, given: str | None
) -> TiffPageSeries:
    """Lay out the planes of a file with ImageJ's description.

    Where channels, slices and frames do not multiply to the number of planes, ImageJ takes the
    planes for slices, and so does this.

    Args:
        path: the file, named in errors.
        file: the open file.
        headers: the chain of page headers.
        given: axes that a user gave: planes may then be fewer than declared.

    Raises:
        BadInputError: the file has fewer planes than its description declares.
    """
    page: Any = file.pages.first
    metadata = file.imagej_metadata or {}
    declared = _declared_pages(page, metadata)
    needed, sizes = _needed(page, metadata, declared)
    has_headers = len(file.pages) >= declared
    in_one_piece = _is_in_one_piece(page, metadata, declared)
    start = page.dataoffsets[0] if page.dataoffsets else 0
    end = start + declared * page.nbytes
    if in_one_piece and (
        not has_headers
        or (
            end <= file.filehandle.size
            and not any(start <= offset < end for offset in headers.offsets)
        )
    ):
        pages, planes = [page], declared
    else:
        planes = len(file.pages)
        if declared > planes and given is None:
            raise missing_planes(path, {"images": declared}, planes)
        if declared < planes and (in_one_piece or not _is_alike(file.pages[declared], page)):
            planes = declared  # the other pages are something else
        file.pages.useframes = planes > 1
        file.pages.set_keyframe(0)
        pages = file.pages[:planes]
    if needed > planes and given is None and not 1 < declared == planes:
        raise missing_planes(path, {_NAMES[axis]: size for axis, size in sizes.items()}, planes)
    if needed != planes:
        sizes = {"T": 1, "Z": planes, "C": 1}
        _log.warning(
            "%s: its channels, slices and frames do not multiply to its %d planes, which are read "
            "as slices, as in ImageJ",
            path,
            planes,
        )
    axes, shape = "".join(sizes), tuple(sizes.values())
    own_axes, own_shape = page.axes, page.shape
    if page.shaped[0] > 1 and sizes["C"] in (1, page.shaped[0]):
        # Samples in planes of their own are channels.
        keep = [i for i, axis in enumerate(axes) if axis != "C"]
        axes, shape = "".join(axes[i] for i in keep), tuple(shape[i] for i in keep)
        own_axes = own_axes.replace("S", "C")
    return TiffPageSeries(
        pages,
        (*shape, *own_shape),
        page.dtype,
        axes + own_axes,
        kind="imagej",
        truncated=len(pages) == 1 and planes > 1,
    )


def _declared_pages(page: Any, metadata: Mapping[str, Any]) -> int:
    """Return the number of pages; Bio-Formats counts samples in planes of their own as images."""
    images, separate = _count(metadata, "images"), page.shaped[0]
    counts_samples = separate > 1 and separate == _count(metadata, "channels")
    return images // separate if counts_samples and images % separate == 0 else images


def _is_alike(other: Any, page: Any) -> bool:
    return (other.shape, other.dtype) == (page.shape, page.dtype)


def _is_in_one_piece(page: Any, metadata: Mapping[str, Any], declared: int) -> bool:
    """Return whether ImageJ reads the planes one behind the other, whatever headers follow.

    A description without a version, as Micro-Manager and Bio-Formats write it, and the tag for
    orientation, which ImageJ never writes, have ImageJ look at the headers.
    """
    return (
        declared > 1
        and page.compression == _UNCOMPRESSED
        and page.is_final
        and str(metadata.get("ImageJ", "")) != ""
        and _ORIENTATION not in page.tags
    )


def _needed(page: Any, metadata: Mapping[str, Any], declared: int) -> tuple[int, dict[str, int]]:
    """Return the number of planes that the dimensions need, and their sizes, slowest first."""
    order = str(metadata.get("order", "czt")).upper()
    letters = order[::-1] if sorted(order) == sorted("CZT") else "TZC"
    sizes = {letter: _count(metadata, _NAMES[letter]) for letter in letters}
    stacks = sizes["T"] * sizes["Z"]
    samples, separate = page.shaped[4], page.shaped[0]
    if separate > 1 and separate == sizes["C"]:
        return stacks, sizes
    if sizes["C"] > 1 and declared == stacks and samples == sizes["C"]:
        return stacks, sizes | {"C": 1}
    return math.prod(sizes.values()), sizes


def _count(metadata: Mapping[str, Any], key: str) -> int:
    value = metadata.get(key, 1)
    return max(1, int(value)) if isinstance(value, (int, float)) and math.isfinite(value) else 1


def imagej_pixel_size(
    page: Any, metadata: Mapping[str, Any], steps: tuple[float | None, float | None]
) -> PixelSize | None:
    """Return the pixel size by ImageJ's units, each axis by its own.

    Args:
        page: the first page.
        metadata: ImageJ's description; ``yunit`` and ``zunit`` are there where they differ from
            ``unit``.
        steps: height and width of a pixel, in the file's units.

    Returns:
        The size; None where the units are no lengths, or the resolution is that of a printer.
    """
    unit = micrometres(str(metadata.get("unit", "")))
    if unit is None:
        return None
    y_unit, z_unit = (
        micrometres(str(metadata[key])) if metadata.get(key) else unit for key in ("yunit", "zunit")
    )
    y, x = steps
    if metadata["unit"] == "um" and page.tags.valueof("ResolutionUnit", 1) == _PER_CENTIMETRE:
        # Micro-Manager counts pixels in a centimetre and has ImageJ show µm.
        y, x = (step and CENTIMETRE * step for step in (y, x))
    y = None if y is None or y_unit is None else y * y_unit
    x = None if x is None else x * unit
    if unit in (INCH, CENTIMETRE) and x and is_print_resolution(x):
        return None
    try:
        z = None if z_unit is None else abs(float(metadata["spacing"])) * z_unit
    except (KeyError, TypeError, ValueError):
        z = None
    return pixel_size_of(y, x, z)


def imagej_channels(series: TiffPageSeries, metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """Return slice labels, where all slices of a channel have the same, and no two channels do.

    ImageJ has no channel names. Bio-Formats and scripts put them into the labels.
    """
    sizes = dict(zip(series.axes, series.shape, strict=True))
    count = sizes.get("C", 1)
    labels: Sequence[Any] | Any = metadata.get("Labels")
    if not isinstance(labels, (list, tuple)) or str(metadata.get("order", "czt")).lower()[0] != "c":
        return ()
    names = [_LABEL_PREFIX.sub("", str(label).partition("\n")[0]).strip() for label in labels]
    first = names[:count]
    planes = count * sizes.get("Z", 1) * sizes.get("T", 1)
    if len(names) != planes or not all(first) or len(set(first)) < count or count < 2:
        return ()
    return tuple(first) if names == first * (planes // count) else ()
