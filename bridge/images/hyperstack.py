"""Hyperstacks: TIFF files that every ImageJ opens, of any image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from os import PathLike
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.files.atomic import writing
from bridge.images.image import Image
from bridge.images.info import PixelSize

_LARGEST = 2**32 - 2**25  # bytes; ImageJ's own TIFF has 32-bit offsets
_EXACT_IN_FLOAT32 = 2**24


def write_hyperstack(
    image: Image,
    path: str | PathLike[str],
    *,
    overlay: Sequence[bytes] = (),
    selection: bytes | None = None,
) -> None:
    """Write an image as an ImageJ hyperstack, with its pixel size and channel names.

    8 and 16 bit values are kept; ImageJ has no wider whole numbers and no doubles, so all others
    become 32-bit floats. Planes are read one by one.

    Args:
        image: the image.
        path: the TIFF.
        overlay: ROIs in ImageJ's format, shown over the image.
        selection: a ROI that is selected when the image is opened.

    Raises:
        BadInputError: more than 4 GB, whole numbers that a 32-bit float cannot hold, or the file
            cannot be written.

    >>> import tempfile
    >>> from bridge.images import from_array
    >>> image = from_array(np.zeros((2, 30, 40), np.uint16), axes="CYX")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_hyperstack(image, f"{folder}/a.tif")
    ...     tifffile.imread(f"{folder}/a.tif").shape
    (2, 30, 40)
    """
    sizes = [image.size(axis) for axis in "TZC"]
    dtype = _dtype(image)
    nbytes = int(np.prod(sizes)) * image.height * image.width * dtype.itemsize
    if nbytes > _LARGEST:
        raise BadInputError(
            image.name,
            f"has {nbytes / 1e9:.1f} GB of pixels, and ImageJ's TIFF holds 4 GB",
            "choose fewer channels, slices or time points, or crop it",
        )
    # with all its axes spelled out, an image of one column is not taken for something else
    shape = (*sizes, image.height, image.width, 1)
    metadata: dict[str, Any] = {
        "axes": "TZCYXS",
        "Labels": list(image.channels) * (sizes[0] * sizes[1]),
    }
    if image.size("C") > 1:
        metadata["mode"] = "composite"
    options = imagej_resolution(image.pixel_size, metadata)
    if overlay:
        metadata["Overlays"] = list(overlay)
    if selection is not None:
        metadata["ROI"] = selection
    with writing(path) as part:
        tifffile.imwrite(
            part,
            _planes(image, dtype),
            shape=shape,
            dtype=dtype,
            imagej=True,
            photometric="minisblack",
            metadata=metadata,
            **options,
        )


def imagej_resolution(size: PixelSize | None, metadata: dict[str, Any]) -> dict[str, Any]:
    """Return the options of tifffile that write a pixel size as ImageJ does.

    Args:
        size: the pixel size, where it is known.
        metadata: ImageJ's metadata, to which the unit and the spacing of the slices are added.
    """
    if size is None:
        return {}
    metadata |= {"unit": "um"} | ({"spacing": size.z} if size.z else {})
    return {"resolution": (1 / size.x, 1 / size.y)}


def _dtype(image: Image) -> np.dtype[Any]:
    if image.dtype in (np.uint8, np.uint16):
        return image.dtype
    return np.dtype(np.float32)


def _planes(image: Image, dtype: np.dtype[Any]) -> Iterator[NDArray[Any]]:
    for t, z in image.planes():
        for channel in range(len(image.channels)):
            plane = image.plane(channel, z=z, t=t)
            if plane.dtype.kind in "ui" and dtype.kind == "f":
                largest = int(max(plane.max(), -int(plane.min())))
                if largest > _EXACT_IN_FLOAT32:
                    raise BadInputError(
                        image.name,
                        f"holds values up to {largest:,}, and ImageJ is exact up to 16,777,216",
                        "relabel it, or rescale it to 16 bits",
                    )
            yield np.ascontiguousarray(plane, dtype=dtype)
