"""TIFF: plain, BigTIFF, ImageJ's and OME's, pyramids and sets of files included.

Sources of the formats: TIFF 6.0 (Adobe, 1992), ImageJ's ``ij.io.TiffDecoder``, and the OME-TIFF
specification. tifffile understands the files; planes are read by :mod:`bridge.images.tiff_planes`.
"""

from __future__ import annotations

import logging
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from bridge.errors import BadInputError
from bridge.images.axes import lay_out
from bridge.images.contents import Contents, listed
from bridge.images.locations import Location, RemotePath
from bridge.images.ome import Ome, read_ome
from bridge.images.tiff_planes import JPEG, TiffStore, quiet
from bridge.images.units import (
    CENTIMETRE,
    INCH,
    is_print_resolution,
    micrometres,
    pixel_size_of,
)

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from tifffile import TiffFile, TiffPageSeries

    from bridge.images.info import PixelSize

_log = logging.getLogger(__name__)

# What slide scanners add to the image of the tissue.
_SIDE_IMAGES = re.compile(r"(label|macro|thumbnail|overview)( image)?", re.IGNORECASE)
_SMALL = 16  # a companion image with fewer than 1/16 of the pixels is a thumbnail
_LARGEST_PIXEL = 20.0  # µm: a plain TIFF that claims more was made for paper

_DESCRIPTION = 270
_RGB, _CMYK, _YCBCR, _LAB = 2, 5, 6, (8, 9, 10)
_LABEL_PREFIX = re.compile(r"^(?:[czt]:\d+/\d+\s*)+-\s*")


def open_tiff(path: Location, *, axes: str | None, dataset: str | None) -> Contents:
    """Open a TIFF file.

    Args:
        path: the file, here or at a URL; of a set of OME-TIFF files any one.
        axes: axes a person gave, over what the file says.
        dataset: number (from 0) or name of the image, for a file with several.

    Returns:
        The opened image.

    Raises:
        BadInputError: for a file that is damaged, holds several images of which none is chosen,
            or stores what is no image.
    """
    from tifffile import TiffFileError

    file: TiffFile | None = None
    try:
        with quiet():
            file, ome = _open(path)
            _check_pages(path, file)
            return _contents(path, file, ome, axes, dataset)
    except BaseException as error:
        if file is not None:
            file.close()
        if not isinstance(error, Exception) or isinstance(error, (BadInputError, PermissionError)):
            raise
        detail = "" if isinstance(error, TiffFileError) else f" ({error})"
        raise BadInputError(
            path,
            f"is no readable TIFF file, it is damaged or cut short{detail[:120]}",
            "copy or export the file again",
        ) from error


def _open(path: Location) -> tuple[TiffFile, Ome | None]:
    from tifffile import TiffFile

    def reading(description: str | None = None) -> TiffFile:
        if not isinstance(path, RemotePath):
            return TiffFile(path, omexml=description)
        # A file at a URL has to be whole: tifffile looks for the rest of a set on this machine.
        stream = cast("Any", _Stream(path))
        return TiffFile(stream, name=path.name, omexml=description, _multifile=False)

    file = reading()
    try:
        text = file.ome_metadata
        ome = read_ome(path, text) if text else None
        if text and ome is None:
            _log.warning("%s: its OME description is damaged and was not used", path)
        if ome is None:
            return file, ome
        if isinstance(path, RemotePath) and (ome.files or ome.described_in):
            raise BadInputError(
                path,
                "is one of a set of files, which cannot be read by URL",
                "copy all files of the set into one folder of this machine",
            )
        if ome.described_in is None:
            if ome.text != text:
                file.close()
                file = reading(ome.text)
            return file, ome
        described_in = cast("Path", path).parent / ome.described_in
        if not described_in.is_file():
            raise BadInputError(
                path,
                f"is part of a set that is described in {ome.described_in!r}, which is missing",
                "put all files of the set into one folder",
            )
        file.close()
        with described_in.open("rb") as opened:
            is_tiff = opened.read(2) in (b"II", b"MM")
        if is_tiff:
            # Its own identity is in the description, so it must be the file that is opened.
            file = TiffFile(described_in)
            text = file.ome_metadata or ""
        else:
            text = described_in.read_text(encoding="utf-8")
        ome = read_ome(described_in, text)
        if ome is None or ome.described_in is not None:
            raise BadInputError(
                described_in, "is not a readable OME description", "export the set again"
            )
        return (file if is_tiff else reading(text)), ome
    except BaseException:
        file.close()
        raise


class _Stream:
    """A file at a URL that tifffile opens and closes by itself."""

    def __init__(self, path: RemotePath) -> None:
        self._path = path

    def open(self) -> BinaryIO:
        """Open the file."""
        return self._path.open("rb")


def _check_pages(path: Location, file: TiffFile) -> None:
    """Follow the chain of pages to its end: tifffile takes a file without its last pages as whole.

    Of every page 2 (8) bytes say how many entries of 12 (20) bytes follow, and after them 4 (8)
    bytes where the next page is; in parentheses the sizes of BigTIFF. An entry is a tag, a type,
    a count, and the value or where it is.
    """
    if file.is_ndpi:
        return  # Hamamatsu's variant of TIFF has offsets of its own kind
    order: Literal["little", "big"] = "little" if file.byteorder == "<" else "big"
    count_size, entry_size, offset_size = (8, 20, 8) if file.is_bigtiff else (2, 12, 4)
    handle = file.filehandle
    offset, seen = file.pages.first.offset, set()
    while offset:
        if offset in seen:
            raise ValueError("its pages form a circle")
        seen.add(offset)
        handle.seek(offset)
        entries = int.from_bytes(handle.read(count_size), order)
        end = offset + count_size + entries * entry_size + offset_size
        if end > handle.size:
            raise BadInputError(
                path,
                f"is cut short: it ends before its page {len(seen)}",
                "copy or export the file again",
            )
        handle.seek(end - offset_size)
        following = int.from_bytes(handle.read(offset_size), order)
        handle.seek(offset + count_size)
        table = handle.read(entries * entry_size) if len(seen) == 1 else b""
        for start in range(0, len(table), entry_size):
            tag, _, length, place = (
                int.from_bytes(table[start + first : start + last], order)
                for first, last in pairwise((0, 2, 4, 4 + offset_size, 4 + 2 * offset_size))
            )
            if tag == _DESCRIPTION and length > offset_size and place + length > handle.size:
                raise BadInputError(
                    path, "is cut short: its description is missing", "copy the file again"
                )
        offset = following


def _contents(
    path: Location, file: TiffFile, ome: Ome | None, axes: str | None, dataset: str | None
) -> Contents:
    series = _choose(path, list(file.series), dataset)
    page: Any = series.keyframe
    if page.dtype is None or series.transform is not None:
        raise BadInputError(
            path,
            f"stores its values in an unusual way ({page.bitspersample} bits a value)",
            "save it with 8 or 16 bit integers or 32 bit floats",
        )
    shape = tuple(series.get_shape(squeeze=False))
    letters: list[str | None] = list(series.get_axes(squeeze=False))
    if series.kind != "shaped":
        # Other kinds always have all axes, whether or not the image does.
        letters = [
            letter if size > 1 or letter in ("Y", "X") else None
            for letter, size in zip(letters, shape, strict=True)
        ]
    photometric = int(page.photometric)
    if (
        "S" in series.axes
        and photometric in (_CMYK, _YCBCR, *_LAB)
        and not (photometric == _YCBCR and int(page.compression) in JPEG)
    ):
        raise BadInputError(
            path, f"stores {page.photometric.name} colours", "save it as an RGB or grey image"
        )
    layout = lay_out(
        path,
        shape,
        known=letters,
        given=axes,
        rgb=photometric in (_RGB, _YCBCR) and _is_colour(series),
    )
    pixel_size, channels = _described(file, series, ome)
    levels = [level for level in series.levels if len(level.get_shape(squeeze=False)) == len(shape)]
    missing = [name for name in ome.files if not (path.parent / name).is_file()] if ome else []
    return Contents(
        TiffStore(path, file, levels, missing),
        layout,
        np.dtype(series.dtype),
        pixel_size=pixel_size,
        channels=channels,
        levels=tuple(tuple(level.get_shape(squeeze=False)) for level in levels),
    )


def _is_colour(series: TiffPageSeries) -> bool:
    """Return whether samples can be colours: 8 bits, and those of a pixel beside each other.

    tifffile marks any stack of 3 or 4 planes that it is given without axes as planar RGB(A).
    """
    return bool(np.dtype(series.dtype) == np.uint8 and series.axes.endswith("S"))


def _choose(
    path: Location, all_series: list[TiffPageSeries], dataset: str | None
) -> TiffPageSeries:
    """Return the chosen image, or the only one besides thumbnails and labels."""
    found = [series for series in all_series if {"Y", "X"} <= set(series.get_axes(squeeze=False))]
    if any(0 in series.get_shape(squeeze=False) for series in all_series):
        raise BadInputError(path, "holds no pixels", "save the image again, with pixels in it")
    if not found:
        raise BadInputError(
            path,
            "is no readable TIFF file, it has no image in it or is cut short",
            "copy or export the file again",
        )
    choices = {f"{i} {series.name}".strip(): series.shape for i, series in enumerate(found)}
    if dataset is not None:
        named = [i for i, series in enumerate(found) if dataset in (str(i), series.name)]
        if len(named) != 1:
            raise BadInputError(
                path,
                f"has {'several images' if named else 'no image'} {dataset!r}",
                f"choose one with --dataset by its number: {listed(choices)}",
            )
        return found[named[0]]
    largest = max(_pixels(series) for series in found)
    main = [
        series
        for series in found
        if not series.keyframe.is_reduced
        and not _SIDE_IMAGES.fullmatch(series.name.strip())
        and _pixels(series) * _SMALL >= largest
    ] or found[:1]
    if len(main) > 1:
        raise BadInputError(
            path,
            f"holds {len(main)} images",
            f"choose one with --dataset by its number: {listed(choices)}",
        )
    if len(found) > 1:
        _log.info("%s: read the main image, left out %d smaller ones", path, len(found) - 1)
    return main[0]


def _pixels(series: TiffPageSeries) -> int:
    sizes = dict(zip(series.get_axes(squeeze=False), series.get_shape(squeeze=False), strict=True))
    return int(sizes["Y"] * sizes["X"])


def _described(
    file: TiffFile, series: TiffPageSeries, ome: Ome | None
) -> tuple[PixelSize | None, tuple[str, ...]]:
    """Return pixel size and channel names, from the metadata that describes this series."""
    page = series.keyframe
    if ome is not None and series.kind == "ome":
        images = [
            image
            for image in ome.images
            if (image.width, image.height) == (page.imagewidth, page.imagelength)
        ]
        same_name = [image for image in images if image.name == series.name]
        if len(ome.images) == len(file.series):
            described = [ome.images[series._index]]
        else:
            described = same_name if len(same_name) == 1 else images if len(images) == 1 else []
        return (described[0].pixel_size, described[0].channels) if described else (None, ())
    if series.kind == "imagej":
        metadata = file.imagej_metadata or {}
        return _imagej_pixel_size(page, metadata), _imagej_channels(series, metadata)
    return _plain_pixel_size(page), ()


def _imagej_pixel_size(page: Any, metadata: dict[str, Any]) -> PixelSize | None:
    unit = micrometres(str(metadata.get("unit", "")))
    if unit is None:
        return _plain_pixel_size(page)
    y, x = (unit * size if size else None for size in _unit_steps(page))
    if unit in (INCH, CENTIMETRE) and x and is_print_resolution(x):
        return None
    try:
        z = abs(float(metadata["spacing"])) * unit
    except (KeyError, TypeError, ValueError):
        z = None
    return pixel_size_of(y, x, z)


def _plain_pixel_size(page: Any) -> PixelSize | None:
    """Return the resolution of a TIFF without further metadata, if it can be a microscope's."""
    units = {2: INCH, 3: CENTIMETRE, 4: 1_000.0, 5: 1.0}  # 4 and 5: extensions, mm and µm
    unit = units.get(int(page.tags.valueof("ResolutionUnit", 1)))
    if unit is None:
        return None
    y, x = (unit * size if size else None for size in _unit_steps(page))
    if x is None or x > _LARGEST_PIXEL or is_print_resolution(x):
        return None
    return pixel_size_of(y, x)


def _unit_steps(page: Any) -> tuple[float | None, float | None]:
    """Return height and width of a pixel in the file's unit of length."""
    steps: list[float | None] = []
    for tag in ("YResolution", "XResolution"):
        try:
            pixels, length = page.tags.valueof(tag)
            steps.append(length / pixels)
        except (TypeError, ValueError, ZeroDivisionError):
            steps.append(None)
    return steps[0], steps[1]


def _imagej_channels(series: TiffPageSeries, metadata: dict[str, Any]) -> tuple[str, ...]:
    """Return slice labels, where all slices of a channel have the same, and no two channels do.

    ImageJ has no channel names. Bio-Formats and scripts put them into the labels.
    """
    sizes = dict(zip(series.axes, series.shape, strict=True))
    count = sizes.get("C", 1)
    labels = metadata.get("Labels")
    if not isinstance(labels, (list, tuple)) or str(metadata.get("order", "czt")).lower()[0] != "c":
        return ()
    names = [_LABEL_PREFIX.sub("", str(label).partition("\n")[0]).strip() for label in labels]
    first = names[:count]
    planes = count * sizes.get("Z", 1) * sizes.get("T", 1)
    if len(names) != planes or not all(first) or len(set(first)) < count or count < 2:
        return ()
    return tuple(first) if names == first * (planes // count) else ()
