"""Write an image as an OME-Zarr folder, plane by plane.

Source of the format: https://ngff.openmicroscopy.org/0.4 (Zarr 2), of one level.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.errors import BadInputError
from bridge.files.folders import write_folder
from bridge.images.exporting import STACKED, Export
from bridge.images.names import is_zarr
from bridge.images.omezarr import LABELS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from numpy.typing import NDArray

    from bridge.images.image import Image

_CHUNK = 1024
_GZIP_LEVEL = 2
_TYPES = {"T": "time", "C": "channel", "Z": "space", "Y": "space", "X": "space"}


def write_ome_zarr(
    image: Image, path: str | PathLike[str], *, channels: Sequence[int | str] | None = None
) -> None:
    """Write an image as OME-Zarr, complete or not at all; one plane at a time is in memory.

    The colours of a colour image become channels, which NGFF has instead.

    Args:
        image: the image.
        path: the folder to write; one that is there is replaced.
        channels: those to write, in this order (see :meth:`bridge.images.Image.channel_index`);
            all where None.

    Raises:
        BadInputError: a channel that does not exist or is there twice, damaged planes, a disk that
            is full, or a folder with label images, which would be lost.

    >>> import tempfile
    >>> from bridge.images import from_array, open_image
    >>> image = from_array(np.zeros((2, 9, 8), np.uint16), axes="CYX", channels=["DAPI", "GFP"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_ome_zarr(image, f"{folder}/a.ome.zarr")
    ...     with open_image(f"{folder}/a.ome.zarr") as written:
    ...         written.axes, written.channels
    ('CYX', ('DAPI', 'GFP'))
    """
    target = Path(path)
    if target.exists() and not is_zarr(target):
        raise BadInputError(target, "is there and is no OME-Zarr image", "choose another name")
    if (target / LABELS).exists():
        raise BadInputError(
            target, "holds label images, which would be lost", "choose another name"
        )
    write_folder(target, _Files(Export.of(image, channels)))


class _Files(Mapping[str, bytes]):
    """The files of an OME-Zarr image by path; the bytes of a chunk are made when it is asked for.

    Args:
        export: the image and its channels.
    """

    def __init__(self, export: Export) -> None:
        self._export = export
        self._metadata = {
            name: json.dumps(value, indent=1).encode()
            for name, value in (
                (".zgroup", {"zarr_format": 2}),
                (".zattrs", _attributes(export)),
                ("0/.zarray", _array(export)),
            )
        }
        self._plane: tuple[tuple[int, ...], NDArray[Any]] | None = None

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __iter__(self) -> Iterator[str]:
        yield from self._metadata
        sizes = self._export.sizes
        for at in product(*(range(sizes[axis]) for axis in STACKED)):
            numbers = [n for n, axis in zip(at, STACKED, strict=True) if axis in self._export.axes]
            for y, x in product(*(range(-(-sizes[axis] // _CHUNK)) for axis in "YX")):
                yield "/".join(map(str, ["0", *numbers, y, x]))

    def __getitem__(self, name: str) -> bytes:
        if name in self._metadata:
            return self._metadata[name]
        *numbers, y, x = map(int, name.split("/")[1:])
        plane = self._read(tuple(numbers))
        sizes = self._export.sizes
        # All chunks of Zarr have one size; those at the border are filled up.
        chunk = np.zeros([min(_CHUNK, sizes[axis]) for axis in "YX"], plane.dtype)
        part = plane[y * _CHUNK : (y + 1) * _CHUNK, x * _CHUNK : (x + 1) * _CHUNK]
        chunk[: part.shape[0], : part.shape[1]] = part
        return gzip.compress(chunk.tobytes(), _GZIP_LEVEL, mtime=0)

    def _read(self, numbers: tuple[int, ...]) -> NDArray[Any]:
        if self._plane is None or self._plane[0] != numbers:
            at = dict(zip(self._export.axes, numbers, strict=False))
            channel = self._export.channels[at.get("C", 0)]
            plane = self._export.image.plane(channel, z=at.get("Z", 0), t=at.get("T", 0))
            self._plane = (numbers, plane.astype(plane.dtype.newbyteorder("<"), copy=False))
        return self._plane[1]


def _array(export: Export) -> dict[str, Any]:
    return {
        "zarr_format": 2,
        "shape": list(export.shape),
        "chunks": [
            min(_CHUNK, size) if axis in "YX" else 1
            for axis, size in zip(export.axes, export.shape, strict=True)
        ],
        "dtype": export.image.dtype.newbyteorder("<").str,
        "compressor": {"id": "gzip", "level": _GZIP_LEVEL},
        "fill_value": 0,
        "order": "C",
        "filters": None,
        "dimension_separator": "/",
    }


def _attributes(export: Export) -> dict[str, Any]:
    size = export.image.pixel_size
    steps = {axis: getattr(size, axis.lower(), None) for axis in "ZYX"}
    axes = [
        {"name": axis.lower(), "type": _TYPES[axis]}
        | ({"unit": "micrometer"} if steps.get(axis) else {})
        for axis in export.axes
    ]
    scale = [float(steps.get(axis) or 1) for axis in export.axes]
    level = {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": scale}]}
    dtype = export.image.dtype
    most = int(np.iinfo(dtype).max) if dtype.kind in "iu" else 1
    limits = {"min": 0, "max": most, "start": 0, "end": most}
    channels = [{"label": name, "color": "FFFFFF", "window": limits} for name in export.names]
    return {
        "multiscales": [
            {"version": "0.4", "name": export.image.name, "axes": axes, "datasets": [level]}
        ],
        "omero": {"channels": channels},
    }
