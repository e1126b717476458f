"""Positions and declared sizes of Micro-Manager's multipage TIFF files.

Source of the format: https://micro-manager.org/Micro-Manager_File_Formats. Every file of a set has
the summary of the whole acquisition, and an index of the planes that are in itself.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from tifffile import TiffPageSeries

from bridge.images.tiff_checks import missing_planes

if TYPE_CHECKING:
    from tifffile import TiffFile

    from bridge.images.locations import Location

_SUMMARY = {"T": "Frames", "Z": "Slices", "C": "Channels"}
_WORDS = {"T": "time points", "Z": "slices", "C": "channels"}


def positions(
    path: Location, file: TiffFile, series: TiffPageSeries, *, given: str | None
) -> list[TiffPageSeries]:
    """Return an image for each stage position in a file; those of other files are left out.

    Args:
        path: the file, named in errors.
        file: the open file.
        series: what tifffile makes of it: all positions of the set in one array.
        given: axes that a user gave: planes may then be fewer than declared.

    Raises:
        BadInputError: a position has fewer planes than the summary declares, as after an
            acquisition that was stopped, or of a set of which files are missing.
    """
    axes, shape = series.get_axes(squeeze=False), series.get_shape(squeeze=False)
    planes = len(shape) - len(series.keyframe.shape)
    pages = np.empty(math.prod(shape[:planes]), dtype=object)
    pages[:] = series._pages
    pages = pages.reshape(shape[:planes])
    place = axes.index("R")
    found = []
    for number in range(shape[place]):
        own: list[Any] = np.take(pages, number, axis=place).ravel().tolist()
        if all(page is None or page.parent is not file for page in own):
            continue
        found.append(
            TiffPageSeries(
                own,
                (*shape[:place], *shape[place + 1 :]),
                series.dtype,
                axes.replace("R", ""),
                parent=file,
                name=f"Pos{number}",
                kind="mmstack",
                multifile=series.is_multifile,
            )
        )
    if given is None:
        for image in found:
            _check_sizes(path, file, image)
    return found


def _check_sizes(path: Location, file: TiffFile, image: TiffPageSeries) -> None:
    """Compare with the summary, of which tifffile leaves out what no file of the set has."""
    summary = (file.micromanager_metadata or {}).get("Summary", {})
    sizes = dict(zip(image.get_axes(squeeze=False), image.get_shape(squeeze=False), strict=True))
    declared = {axis: max(sizes[axis], _count(summary, axis)) for axis in _SUMMARY}
    held = sum(page is not None for page in image._pages)
    if held < math.prod(declared.values()):
        raise missing_planes(path, {_WORDS[a]: size for a, size in declared.items()}, held)


def _count(summary: dict[str, Any], axis: str) -> int:
    value = summary.get(_SUMMARY[axis], 1)
    return value if isinstance(value, int) else 1
