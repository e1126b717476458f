"""Write an image as OME-TIFF, plane by plane.

Source of the format: the OME-TIFF specification, https://docs.openmicroscopy.org/ome-model/.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.errors import BadInputError
from bridge.files.atomic import writing
from bridge.images.exporting import Export

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from bridge.images.image import Image

_LARGEST_CLASSIC = 2**32 - 2**25  # beyond, offsets of 32 bit do not reach
_NOT_IN_OME = ("int64", "uint64")


def write_ome_tiff(
    image: Image, path: str | PathLike[str], *, channels: Sequence[int | str] | None = None
) -> None:
    """Write an image as OME-TIFF, complete or not at all; one plane at a time is in memory.

    Values stay as they are; 16-bit floats, which OME does not have, become 32-bit floats. Planes
    lie as in ImageJ: channels fastest, then slices, then time points.

    Args:
        image: the image. A colour image of which no channels are chosen stays one.
        path: the file to write; a file that is there is replaced.
        channels: those to write, in this order (see :meth:`bridge.images.Image.channel_index`);
            all where None.

    Raises:
        BadInputError: values of 64-bit integers, a channel that does not exist or is there twice,
            damaged planes, or a disk that is full.

    >>> import tempfile
    >>> from bridge.images import from_array, open_image
    >>> image = from_array(np.zeros((2, 9, 8), np.uint16), axes="CYX", channels=["DAPI", "GFP"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_ome_tiff(image, f"{folder}/a.ome.tif", channels=["GFP"])
    ...     with open_image(f"{folder}/a.ome.tif") as written:
    ...         written.axes, written.channels
    ('YX', ('GFP',))
    """
    from tifffile import TiffWriter

    source = image.path or image.name
    if image.dtype.name in _NOT_IN_OME:
        raise BadInputError(
            source,
            f"holds values of type {image.dtype}, which OME-TIFF does not have",
            "save it with 8, 16 or 32 bit integers or 32 bit floats",
        )
    export = Export.of(image, channels)
    colours = image.is_rgb and channels is None
    dtype = np.dtype(np.float32) if image.dtype == np.float16 else image.dtype
    axes, shape = export.axes, export.shape
    if colours:
        axes, shape = axes.replace("C", "") + "S", (*shape[:-3], *shape[-2:], shape[-3])
    metadata: dict[str, Any] = {"axes": axes, "Name": image.name, **_lengths(image)}
    if not colours:
        metadata["Channel"] = {"Name": export.names}
    large = math.prod(shape) * dtype.itemsize > _LARGEST_CLASSIC
    planes = export.colour_planes() if colours else export.planes()
    with writing(path) as part, TiffWriter(part, bigtiff=large, ome=True) as writer:
        writer.write(
            (plane.astype(dtype, copy=False) for plane in planes),
            shape=shape,
            dtype=dtype,
            photometric="rgb" if colours else "minisblack",
            extrasamples=("unassalpha",) if colours and shape[-1] == 4 else None,
            metadata=metadata,
        )


def _lengths(image: Image) -> dict[str, Any]:
    if image.pixel_size is None:
        return {}
    found: dict[str, Any] = {}
    for axis, size in (
        ("X", image.pixel_size.x),
        ("Y", image.pixel_size.y),
        ("Z", image.pixel_size.z),
    ):
        if size is not None:
            found |= {f"PhysicalSize{axis}": size, f"PhysicalSize{axis}Unit": "µm"}
    return found
