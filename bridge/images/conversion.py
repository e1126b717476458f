"""Convert an image file to OME-TIFF or OME-Zarr, and tell such a file from a label image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.errors import BadInputError
from bridge.images.microscopes.registry import MICROSCOPES
from bridge.images.ome_tiff import write_ome_tiff
from bridge.images.omezarr_writing import write_ome_zarr
from bridge.images.opening import open_image
from bridge.images.series import split_series

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

OME_TIFF = (".ome.tif", ".ome.tiff", ".ome.btf")
OME_ZARR = (".ome.zarr",)
"""Endings of what an image is converted to."""

_PIXELS = (".tif", ".tiff", ".btf", ".h5", ".hdf5", ".zarr", ".zarr.zip", ".ozx")


def is_image(source: Path, target: Path, *, axes: str | None = None) -> bool:
    """Return whether a conversion is of an image, not of the objects of a label image.

    A microscope's own file always is an image; another file is one if it has several channels and
    is to become an OME-TIFF or OME-Zarr. What cannot be opened is none: its reader says why.

    >>> from pathlib import Path
    >>> is_image(Path("section.czi"), Path("section.ome.tif"))
    True
    >>> is_image(Path("nuclei.geojson"), Path("labels.ome.tif"))
    False
    """
    file = split_series(source)[0].name.lower()
    if file.endswith(tuple(microscope.ending for microscope in MICROSCOPES)):
        return True
    if not (file.endswith(_PIXELS) and target.name.lower().endswith(OME_TIFF + OME_ZARR)):
        return False
    try:
        with open_image(source, axes=axes) as image:
            return len(image.channels) > 1
    except BadInputError:
        return split_series(source)[1] is not None


def convert_image(
    source: Path,
    target: Path,
    *,
    channels: Sequence[str] = (),
    axes: str | None = None,
    overwrite: bool = False,
) -> None:
    """Write an image file as OME-TIFF or OME-Zarr.

    Args:
        source: the image, as :func:`bridge.images.open_image` takes it.
        target: the file to write, which ends in ``.ome.tif``, ``.ome.tiff`` or ``.ome.btf``, or
            the folder, which ends in ``.ome.zarr``.
        channels: those to write, all where none is given.
        axes: of the image, over what its file says.
        overwrite: whether a file that is there is replaced.

    Raises:
        BadInputError: another ending, a file that is there, or whatever opening and writing raise.
    """
    name = target.name.lower()
    if not name.endswith(OME_TIFF + OME_ZARR):
        raise BadInputError(
            target,
            "is no file that an image is written to",
            "let its name end in .ome.tif or .ome.zarr",
        )
    if target.exists() and not overwrite:
        raise BadInputError(target, "is there already", "give --overwrite to replace it")
    with open_image(source, axes=axes) as image:
        write = write_ome_zarr if name.endswith(OME_ZARR) else write_ome_tiff
        write(image, target, channels=list(channels) or None)
