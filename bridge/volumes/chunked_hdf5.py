"""HDF5 volumes in chunks, written slice by slice, of any size.

The HDF5 library crashes the process when a disk fills up under an open file. So it writes only the
file's head and gives every chunk its place; the values follow by plain writes.
"""

from __future__ import annotations

import json
import math
import shutil
from itertools import product
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.formats.axistags import axistags
from bridge.images.hdf5 import CHANNEL_NAMES
from bridge.images.info import PixelSize
from bridge.volumes.voxels import Triple

IMAGE = "image"
"""Name of the dataset of a prepared image."""

LABELS = "labels"
"""Name of the dataset of a label volume, as in :mod:`bridge.formats.hdf5`."""

_CHUNK = 64


def volume_attributes(axes: str, voxel: Triple, channels: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the attributes by which ilastik, Fiji and starbridge know axes and µm.

    Args:
        axes: ``CZYX`` or ``ZYX``.
        voxel: µm along z, y and x.
        channels: names of the channels, where there is an axis of them.

    >>> volume_attributes("ZYX", (2.0, 0.5, 0.5))["element_size_um"]
    [2.0, 0.5, 0.5]
    """
    z, y, x = voxel
    named = {CHANNEL_NAMES: list(channels)} if channels else {}
    return {
        "axistags": axistags(axes, PixelSize(y=y, x=x, z=z)),
        "axis_units": json.dumps({axis.lower(): "um" for axis in axes if axis in "ZYX"}),
        "element_size_um": list(voxel),
        **named,
    }


def check_space(folder: Path, needed: int) -> None:
    """Refuse a file that the disk has no room for, before hours of work.

    Args:
        folder: where it will lie, or a folder that is not there yet.
        needed: bytes.

    Raises:
        BadInputError: less is free.
    """
    there = next((place for place in (folder, *folder.absolute().parents) if place.is_dir()), None)
    if there is None:
        return
    free = shutil.disk_usage(there).free
    if needed > free:
        raise BadInputError(
            folder,
            f"has {free / 2**30:.1f} GiB free, and the volume needs {needed / 2**30:.1f}",
            "make room, subsample more, or choose a smaller --dtype",
        )


class ChunkedHdf5:
    """A dataset (…, z, y, x) in chunks of at most 64 voxels a side, written slice by slice.

    Use it in a ``with``. Slices that are never written hold whatever the disk held.

    Args:
        path: the file to create.
        name: name of the dataset.
        shape: its shape, y and x last.
        dtype: type of its values.
        attributes: attributes of the dataset.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        attributes: dict[str, Any],
    ) -> None:
        self._dtype = dtype.newbyteorder("<")
        self._shape = shape
        self._chunk = (
            *(1 for _ in shape[:-3]),
            *(min(_CHUNK, size) for size in shape[-3:]),
        )
        self._places = self._create(path, name, attributes)
        self._file: IO[bytes] = path.open("r+b")

    def _create(self, path: Path, name: str, attributes: dict[str, Any]) -> dict[Any, int]:
        kind = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        kind.set_chunk(self._chunk)
        kind.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        kind.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        places: dict[Any, int] = {}
        with h5py.File(path, "w") as file:
            space = h5py.h5s.create_simple(self._shape)
            made = h5py.h5d.create(
                file.id, name.encode(), h5py.h5t.py_create(self._dtype), space, dcpl=kind
            )
            h5py.Dataset(made).attrs.update(attributes)

            def note(chunk: Any) -> None:
                places[tuple(chunk.chunk_offset)] = chunk.byte_offset

            made.chunk_iter(note)
        count = math.prod(-(-n // side) for n, side in zip(self._shape, self._chunk, strict=True))
        if len(places) != count:
            raise OSError(f"{count} chunks were asked for, and {len(places)} have a place")
        return places

    @property
    def nbytes(self) -> int:
        """Bytes of all chunks."""
        return len(self._places) * math.prod(self._chunk) * self._dtype.itemsize

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def write(self, plane: NDArray[Any], *at: int) -> None:
        """Write a slice.

        Args:
            plane: (y, x).
            at: its place along the other axes, z last.

        Raises:
            OSError: the disk is full.
        """
        *before, z = at
        depth, height, width = self._chunk[-3:]
        values = np.ascontiguousarray(plane, self._dtype)
        inside = (z % depth) * height * width * self._dtype.itemsize
        rows, columns = plane.shape
        for y, x in product(range(0, rows, height), range(0, columns, width)):
            part = values[y : y + height, x : x + width]
            if part.shape != (height, width):
                # All chunks have one size; those at the far borders are filled up.
                filled = np.zeros((height, width), self._dtype)
                filled[: part.shape[0], : part.shape[1]] = part
                part = filled
            self._file.seek(self._places[(*before, z - z % depth, y, x)] + inside)
            self._file.write(np.ascontiguousarray(part).data)
