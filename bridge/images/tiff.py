"""TIFF: plain, BigTIFF, ImageJ's and OME's, pyramids and sets of files included.

Sources of the formats: TIFF 6.0 (Adobe, 1992), ImageJ's ``ij.io.TiffDecoder``, and the OME-TIFF
specification. tifffile understands the files; planes are read by :mod:`bridge.images.tiff_planes`.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from bridge.errors import BadInputError
from bridge.images.axes import lay_out
from bridge.images.contents import Contents
from bridge.images.imagej import imagej_stack
from bridge.images.locations import Location, RemotePath
from bridge.images.micromanager import positions
from bridge.images.ome import Ome, read_ome
from bridge.images.series import SeveralImagesError, how_to_choose
from bridge.images.tiff_checks import Headers, check_headers, check_series
from bridge.images.tiff_metadata import described
from bridge.images.tiff_planes import JPEG, TiffStore, quiet

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from tifffile import TiffFile, TiffPageSeries

_log = logging.getLogger(__name__)

# What slide scanners add to the image of the tissue.
_SIDE_IMAGES = re.compile(r"(label|macro|thumbnail|overview)( image)?", re.IGNORECASE)
_SMALL = 16  # a companion image with fewer than 1/16 of the pixels is a thumbnail

_RGB, _CMYK, _YCBCR, _LAB = 2, 5, 6, (8, 9, 10)


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
            headers = check_headers(path, file)
            return _contents(path, file, ome, headers, axes, dataset)
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


def _contents(
    path: Location,
    file: TiffFile,
    ome: Ome | None,
    headers: Headers,
    axes: str | None,
    dataset: str | None,
) -> Contents:
    series = _choose(path, _series(path, file, ome, headers, axes), dataset)
    page: Any = series.keyframe
    if page.dtype is None or series.transform is not None:
        raise BadInputError(
            path,
            f"stores its values in an unusual way ({page.bitspersample} bits a value)",
            "save it with 8 or 16 bit integers or 32 bit floats",
        )
    missing = [name for name in ome.files if not (path.parent / name).is_file()] if ome else []
    check_series(path, file, series, headers, missing)
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
    levels = [level for level in series.levels if len(level.get_shape(squeeze=False)) == len(shape)]
    pixel_size, channels = described(file, series, ome)
    return Contents(
        TiffStore(path, file, levels, missing),
        layout,
        np.dtype(series.dtype),
        pixel_size=pixel_size,
        channels=channels,
        levels=tuple(tuple(level.get_shape(squeeze=False)) for level in levels),
    )


def _series(
    path: Location, file: TiffFile, ome: Ome | None, headers: Headers, axes: str | None
) -> list[TiffPageSeries]:
    """Return the images of a file; those of ImageJ by ImageJ's rules, not by tifffile's.

    Where a description does not fit the pages, tifffile leaves it aside and shows other images.
    """
    if file.is_imagej and not (file.is_shaped or file.is_lsm or file.is_mmstack or file.is_ome):
        # tifffile refuses a stack with a thumbnail behind it.
        return [imagej_stack(path, file, headers, given=axes)]
    found = list(file.series)
    plain = found[0].kind in ("generic", "uniform") if found else False
    if file.is_imagej and found and (plain or found[0].kind == "imagej"):
        return [imagej_stack(path, file, headers, given=axes)]
    if len(found) == 1 and found[0].kind == "mmstack":
        return positions(path, file, found[0], given=axes)
    if plain and ome is not None and ome.images:
        raise BadInputError(
            path,
            "has an OME description that does not fit its pages",
            "copy or export the file again",
        )
    return found


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
                how_to_choose(path, choices, numbered=True),
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
        raise SeveralImagesError(path, f"holds {len(main)} images", choices, numbered=True)
    if len(found) > 1:
        _log.info("%s: read the main image, left out %d smaller ones", path, len(found) - 1)
    return main[0]


def _pixels(series: TiffPageSeries) -> int:
    sizes = dict(zip(series.get_axes(squeeze=False), series.get_shape(squeeze=False), strict=True))
    return int(sizes["Y"] * sizes["X"])
