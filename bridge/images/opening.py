"""Open an image of any format, recognised by its content, not by its name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bridge.errors import BadInputError
from bridge.images.image import Image
from bridge.images.locations import Location, RemotePath, locate
from bridge.images.microscopes.registry import recognise
from bridge.images.names import image_name, is_zarr
from bridge.images.series import split_series
from bridge.images.units import given_pixel_size
from bridge.images.zipped import ZipFolder, split_archive

if TYPE_CHECKING:
    from os import PathLike

    from bridge.images.contents import Contents
    from bridge.images.info import PixelSize

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_HDF5 = b"\x89HDF\r\n\x1a\n"
_HDF5_PLACES = (0, 512, 1024, 2048)  # a user block of such a size may come first
_ZIP = b"PK\x03\x04"
_ZARR_ZIPS = (".zarr.zip", ".ozx")
_READ_FORMATS = "TIFF, OME-TIFF, HDF5, OME-Zarr, CZI, LIF, ND2 or OIR"
_SAVE = "save it as TIFF (in Fiji: File › Save As › Tiff…)"
_OTHERS = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"BM": "a BMP picture",
    b"\xd0\xcf\x11\xe0": "an Olympus OIB or Zeiss ZVI file",
    _ZIP: "a ZIP archive",
}


def open_image(
    path: str | PathLike[str] | RemotePath,
    *,
    axes: str | None = None,
    pixel_size: float | tuple[float, ...] | PixelSize | None = None,
    dataset: str | None = None,
) -> Image:
    """Open a microscope image; its planes are read as they are asked for.

    TIFF, BigTIFF, OME-TIFF (also sets of files and pyramids), ImageJ's TIFF, HDF5 and OME-Zarr
    (folders, and archives called ``.zarr.zip``) are read; with the part ``microscopes`` also CZI,
    LIF, ND2 and OIR. PNG and JPEG are not: they have no pixel size, and JPEG alters intensities.

    Args:
        path: the file, or the folder of an OME-Zarr image or of one of its label images
            (``a.zarr/labels/nuclei``); or a URL of either that fsspec reads. ``FILE#2`` and
            ``FILE#NAME`` are the file and ``dataset``.
        axes: what the dimensions of the stored array are, over what the file says: 2 to 5 letters
            of ``TCZYX``, each once, Y and X among them; ``S`` in place of ``C`` for colours.
            Dimensions of size 1 may be left out.
        pixel_size: in µm, over what the file says: one number, (y, x), (z, y, x) or a
            :class:`PixelSize`.
        dataset: which image, where the file has several: path of an HDF5 dataset or of a group
            in an OME-Zarr folder; number from 0, or name, of an image (scene, series, position)
            in another file.

    Returns:
        The image. Close it, or use it in a ``with``.

    Raises:
        BadInputError: for anything that keeps the file from being read as one image: missing,
            forbidden, damaged, another format, several images, or axes that nothing names.
        MissingPartError: a microscope's own file, and the library that reads it is not installed.

    >>> with open_image("section.ome.tif") as image:  # doctest: +SKIP
    ...     nuclei = image.plane("DAPI")
    """
    given = path = locate(path)
    if dataset is None and isinstance(path, Path):
        path, dataset = split_series(path)
    try:
        contents = _open(path, axes, dataset)
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        size = given_pixel_size(pixel_size, contents.pixel_size)
        name = image_name(given)
        return Image(contents, source=str(given), path=given, name=name, pixel_size=size)
    except BaseException:
        contents.store.close()
        raise


def _open(path: Location, axes: str | None, dataset: str | None) -> Contents:
    # The formats are imported here because each needs a library that takes long to load.
    # Of a web address is_dir is always false.
    if path.is_dir() or (path.name.lower().endswith(".zarr") and is_zarr(path)):
        if not is_zarr(path) and not path.name.lower().endswith(".zarr"):
            raise BadInputError(path, "is a folder, not an image", "give the images inside it")
        from bridge.images.omezarr import open_omezarr

        return open_omezarr(path, axes=axes, dataset=dataset)
    if isinstance(path, Path) and (place := split_archive(path)) is not None:
        from bridge.images.omezarr import open_omezarr

        archive, inside = place
        dataset = f"{inside}/{dataset}" if dataset else inside
        return open_omezarr(ZipFolder.open(archive), axes=axes, dataset=dataset)
    with path.open("rb") as file:
        start = file.read(4096)
    if (microscope := recognise(path, start)) is not None:
        from bridge.images.microscopes.opening import open_microscope

        return open_microscope(path, microscope, axes=axes, dataset=dataset)
    if start.startswith(_ZIP) and path.name.lower().endswith(_ZARR_ZIPS):
        from bridge.images.omezarr import open_omezarr

        return open_omezarr(ZipFolder.open(path), axes=axes, dataset=dataset)
    if start.startswith(_TIFF):
        from bridge.images.tiff import open_tiff

        return open_tiff(path, axes=axes, dataset=dataset)
    if any(start[place:].startswith(_HDF5) for place in _HDF5_PLACES):
        from bridge.images.hdf5 import open_hdf5

        return open_hdf5(path, axes=axes, dataset=dataset)
    raise _not_an_image(path, start)


def _not_an_image(path: Location, start: bytes) -> BadInputError:
    if not start:
        return BadInputError(path, "is empty (0 bytes)", "copy or export the file again")
    for signature, kind in _OTHERS.items():
        if start.startswith(signature):
            return BadInputError(path, f"is {kind}, which starbridge does not read", _SAVE)
    return BadInputError(path, f"is not a {_READ_FORMATS} image", _SAVE)


def _unreadable(path: Location, error: OSError) -> BadInputError:
    if isinstance(error, FileNotFoundError):
        return BadInputError(path, "does not exist", "check the spelling and the folder")
    if isinstance(error, PermissionError):
        return BadInputError(
            path, "may not be read by you", "ask for permission, or copy it to a folder of yours"
        )
    return BadInputError(
        path,
        f"cannot be read ({error.strerror or error})",
        "check that the disk is connected and copy the file again",
    )
