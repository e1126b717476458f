"""Files of probabilities, segmentations and uncertainties, written rows by rows.

Values of an image of any size go straight to their place in the file, so that no more than the rows
at hand are in memory. The HDF5 library crashes the process when a disk fills up under an open file:
it writes the file's head only, and the values follow by plain writes.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.files.atomic import write_error
from bridge.formats.axistags import axistags
from bridge.images.hdf5 import CHANNEL_NAMES
from bridge.images.info import ImageInfo

Export = Literal["probabilities", "segmentation", "uncertainty"]
Format = Literal["hdf5", "tiff", "ome-zarr"]
ValueType = Literal["float32", "uint8", "uint16"]

EXPORTS: tuple[Export, ...] = ("probabilities", "segmentation", "uncertainty")
"""Exports of an image: a channel for each class; the most likely class from 1; 1 minus
the difference of the two largest probabilities."""

ENDINGS: dict[Format, str] = {"hdf5": ".h5", "tiff": ".tif", "ome-zarr": ".ome.zarr"}
"""Endings of the files by format."""

NAMES: dict[Export, str] = {
    "probabilities": "Probabilities",
    "segmentation": "Simple Segmentation",
    "uncertainty": "Uncertainty",
}
"""Ilastik's own names of what it exports, which are parts of file names."""

DATASET = "exported_data"
"""Name that ilastik gives the dataset in an HDF5 file."""

_CLASSIC_TIFF_LIMIT = 2**32 - 2**25
_LARGEST_CHUNK = 512
_GZIP_LEVEL = 1
_AXIS_TYPES = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}


def output_file(name: str, export: Export, file_format: Format) -> str:
    """Return the file name of an output.

    >>> output_file("a", "probabilities", "hdf5")
    'a_Probabilities.h5'
    """
    return f"{name}_{NAMES[export]}{ENDINGS[file_format]}"


def encode(values: NDArray[np.float32], dtype: ValueType) -> NDArray[Any]:
    """Return values from 0 to 1 as the type that is written: 0 to 255 or to 65,535 for integers.

    >>> encode(np.array([0, 0.5, 1], np.float32), "uint8").tolist()
    [0, 128, 255]
    """
    if dtype == "float32":
        return values
    scaled: NDArray[Any] = np.rint(values * np.float32(np.iinfo(dtype).max)).astype(dtype)
    return scaled


@dataclass(frozen=True)
class Raster:
    """Content of a file.

    Attributes:
        image: the image it belongs to: sizes and pixel size.
        channels: names of its channels.
        dtype: type of its values.
        is_labels: the values are numbers of classes.
        notes: texts of starbridge's own that the image had (:attr:`bridge.images.Image.notes`),
            which HDF5 hands on: of a prepared volume its origin.
    """

    image: ImageInfo
    channels: tuple[str, ...]
    dtype: np.dtype[Any]
    is_labels: bool = False
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def sizes(self) -> dict[str, int]:
        """Size of every axis, also of those that are 1."""
        image = self.image
        return {
            "t": image.size_t,
            "z": image.size_z,
            "c": len(self.channels),
            "y": image.height or 1,
            "x": image.width or 1,
        }


class RasterWriter(Protocol):
    """A file that is written rows by rows."""

    def write(self, values: NDArray[Any], t: int, z: int, y: int) -> None:
        """Write rows of all channels.

        Args:
            values: (channel, rows, X). Rows come in order, the same number each time but the last.
            t: time point.
            z: slice.
            y: first row.
        """

    def close(self) -> None:
        """Finish the file."""


def open_raster(path: Path, file_format: Format, raster: Raster, rows: int) -> ClosingWriter:
    """Create a file of the full size, whose values are written later.

    Args:
        path: the file, or the folder of an OME-Zarr.
        file_format: ``hdf5``, ``tiff`` or ``ome-zarr``.
        raster: what it holds.
        rows: how many are written at a time.

    Returns:
        The writer, to be used in a ``with``.

    Raises:
        BadInputError: it cannot be written.
    """
    make = {"hdf5": _hdf5, "tiff": _tiff, "ome-zarr": _OmeZarr}[file_format]
    return ClosingWriter(path, make, raster, rows)


class ClosingWriter:
    """A writer whose errors name the file."""

    def __init__(self, path: Path, make: Any, raster: Raster, rows: int) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer: RasterWriter = make(path, raster, rows)
        except OSError as error:
            raise write_error(path, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._writer.close()
        except OSError as problem:
            if error is None:
                raise write_error(self._path, problem) from problem

    def write(self, values: NDArray[Any], t: int, z: int, y: int) -> None:
        """Write rows of all channels, as :meth:`RasterWriter.write`.

        Raises:
            BadInputError: the disk is full.
        """
        try:
            self._writer.write(values, t, z, y)
        except OSError as error:
            raise write_error(self._path, error) from error


class _Flat:
    """Values that lie in one piece behind a file's head.

    Args:
        file: open for writing.
        offset: where the values begin.
        raster: what they are.
        dtype: as they are stored.
        channels_last: a pixel's channels lie beside each other, not its channels' planes.
    """

    def __init__(
        self, file: IO[bytes], offset: int, raster: Raster, dtype: np.dtype[Any], *,
        channels_last: bool,
    ) -> None:  # fmt: skip
        self._file = file
        self._offset = offset
        self._sizes = raster.sizes
        self._dtype = dtype
        self._channels_last = channels_last

    def write(self, values: NDArray[Any], t: int, z: int, y: int) -> None:
        sizes = self._sizes
        plane = t * sizes["z"] + z
        if self._channels_last:
            row = (plane * sizes["y"] + y) * sizes["x"] * sizes["c"]
            self._put(row, np.moveaxis(values, 0, -1))
            return
        for channel, rows in enumerate(values):
            at = ((plane * sizes["c"] + channel) * sizes["y"] + y) * sizes["x"]
            self._put(at, rows)

    def _put(self, first: int, values: NDArray[Any]) -> None:
        self._file.seek(self._offset + first * self._dtype.itemsize)
        self._file.write(np.ascontiguousarray(values, self._dtype).data)

    def close(self) -> None:
        self._file.close()


def _hdf5(path: Path, raster: Raster, rows: int) -> _Flat:
    """Create ``exported_data`` as ilastik does, with its axes and the channel last."""
    import h5py

    del rows
    axes = "".join(axis for axis in "tz" if raster.sizes[axis] > 1) + "yxc"
    dtype = raster.dtype.newbyteorder("<")
    kind = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    kind.set_layout(h5py.h5d.CONTIGUOUS)
    kind.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    kind.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    with h5py.File(path, "w") as file:
        space = h5py.h5s.create_simple(tuple(raster.sizes[axis] for axis in axes))
        made = h5py.h5d.create(
            file.id, DATASET.encode(), h5py.h5t.py_create(dtype), space, dcpl=kind
        )
        attributes = h5py.Dataset(made).attrs
        attributes["axistags"] = axistags(axes, raster.image.pixel_size)
        if raster.image.pixel_size is not None:
            attributes["axis_units"] = json.dumps({axis: "um" for axis in axes if axis in "zyx"})
        if not raster.is_labels:
            most = 1 if raster.dtype.kind == "f" else np.iinfo(raster.dtype).max
            attributes["drange"] = np.array([0, most], raster.dtype)
        attributes[CHANNEL_NAMES] = list(raster.channels)
        attributes.update(raster.notes)
        offset = made.get_offset()
    return _Flat(path.open("r+b"), offset, raster, dtype, channels_last=True)


def _tiff(path: Path, raster: Raster, rows: int) -> _Flat:
    """Create an ImageJ hyperstack, or above 4 GB an OME-TIFF."""
    import tifffile

    from bridge.images.hyperstack import imagej_resolution

    del rows
    sizes, size = raster.sizes, raster.image.pixel_size
    nbytes = int(np.prod(list(sizes.values()), dtype=object)) * raster.dtype.itemsize
    options: dict[str, Any]
    if nbytes < _CLASSIC_TIFF_LIMIT:
        metadata: dict[str, Any] = {
            "axes": "TZCYXS",
            "Labels": list(raster.channels) * (sizes["t"] * sizes["z"]),
        }
        if sizes["c"] > 1:
            metadata["mode"] = "grayscale"
        options = {"imagej": True, **imagej_resolution(size, metadata)}
        shape: tuple[int, ...] = (*(sizes[axis] for axis in "tzcyx"), 1)
    else:
        metadata = {"axes": "TZCYX", "Channel": {"Name": list(raster.channels)}}
        options = {"ome": True, "bigtiff": True}
        if size:
            for axis, length in zip("XYZ", (size.x, size.y, size.z), strict=True):
                if length:
                    metadata |= {f"PhysicalSize{axis}": length, f"PhysicalSize{axis}Unit": "µm"}
        shape = tuple(sizes[axis] for axis in "tzcyx")
    tifffile.imwrite(
        path,
        shape=shape,
        dtype=raster.dtype,
        photometric="minisblack",
        metadata=metadata,
        **options,
    )
    with tifffile.TiffFile(path) as file:
        offset, order = file.series[0].dataoffset, file.byteorder
    if offset is None:
        raise BadInputError(path, "cannot be written in one piece", "choose --format hdf5")
    dtype = raster.dtype.newbyteorder(order)
    return _Flat(path.open("r+b"), offset, raster, dtype, channels_last=False)


class _OmeZarr:
    """An OME-Zarr of version 0.4 (Zarr 2) of one level, its chunks as high as the rows at hand.

    Source of the format: https://ngff.openmicroscopy.org/0.4.
    """

    def __init__(self, path: Path, raster: Raster, rows: int) -> None:
        self._path = path
        self._raster = raster
        sizes = raster.sizes
        self._axes = "".join(a for a in "tcz" if sizes[a] > 1 or a == "c") + "yx"
        self._dtype = raster.dtype.newbyteorder("<")
        self._height = min(rows, _LARGEST_CHUNK, sizes["y"])
        self._width = min(_LARGEST_CHUNK, sizes["x"])
        path.mkdir(parents=True)
        for name, content in (
            (".zgroup", {"zarr_format": 2}),
            (".zattrs", self._attributes()),
            ("0/.zarray", self._array()),
        ):
            file = path / name
            file.parent.mkdir(exist_ok=True)
            file.write_text(json.dumps(content, indent=1), "utf-8")

    def write(self, values: NDArray[Any], t: int, z: int, y: int) -> None:
        for channel, rows in enumerate(values):
            at = {"t": t, "c": channel, "z": z}
            folder = self._path.joinpath("0", *(str(at[a]) for a in self._axes if a in at))
            for top in range(0, len(rows), self._height):
                line = folder / str((y + top) // self._height)
                line.mkdir(parents=True, exist_ok=True)
                for left in range(0, rows.shape[1], self._width):
                    part = rows[top : top + self._height, left : left + self._width]
                    # All chunks of Zarr have one size; those at the border are filled up.
                    chunk = np.zeros((self._height, self._width), self._dtype)
                    chunk[: part.shape[0], : part.shape[1]] = part
                    data = gzip.compress(chunk.tobytes(), _GZIP_LEVEL, mtime=0)
                    (line / str(left // self._width)).write_bytes(data)

    def close(self) -> None:
        pass

    def _array(self) -> dict[str, Any]:
        sizes = self._raster.sizes
        chunks = {"y": self._height, "x": self._width}
        return {
            "zarr_format": 2,
            "shape": [sizes[axis] for axis in self._axes],
            "chunks": [chunks.get(axis, 1) for axis in self._axes],
            "dtype": self._dtype.str,
            "compressor": {"id": "gzip", "level": _GZIP_LEVEL},
            "fill_value": 0,
            "order": "C",
            "filters": None,
            "dimension_separator": "/",
        }

    def _attributes(self) -> dict[str, Any]:
        raster = self._raster
        steps = {axis: getattr(raster.image.pixel_size, axis, None) for axis in "zyx"}
        axes = [
            {"name": axis, "type": _AXIS_TYPES[axis]}
            | ({"unit": "micrometer"} if steps.get(axis) else {})
            for axis in self._axes
        ]
        scale = [float(steps.get(axis) or 1) for axis in self._axes]
        level = {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": scale}]}
        most = 1 if raster.dtype.kind == "f" else int(np.iinfo(raster.dtype).max)
        if raster.is_labels:
            most = max(1, len(raster.channels))
        window = {"min": 0, "max": most, "start": 0, "end": most}
        return {
            "multiscales": [
                {"version": "0.4", "name": raster.image.name, "axes": axes, "datasets": [level]}
            ],
            "omero": {
                "channels": [
                    {"label": name, "color": "FFFFFF", "window": window} for name in raster.channels
                ]
            },
        }


def segmentation_of(probabilities: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the number of the most likely class, from 1; of equal ones the first.

    Args:
        probabilities: (class, …). Where all are 0 there is no class: 0.

    >>> segmentation_of(np.array([[0.2, 0.5, 0], [0.8, 0.5, 0]], np.float32)).tolist()
    [2, 1, 0]
    """
    best: NDArray[np.uint8] = probabilities.argmax(axis=0).astype(np.uint8) + np.uint8(1)
    best[probabilities.max(axis=0) <= 0] = 0
    return best


def uncertainty_of(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return 1 minus the difference of the two largest probabilities, as ilastik does.

    Args:
        probabilities: (class, …).

    >>> uncertainty_of(np.array([[0.25, 0.5], [0.75, 0.5]], np.float32)).tolist()
    [0.5, 1.0]
    """
    if len(probabilities) < 2:
        return np.zeros(probabilities.shape[1:], np.float32)
    two = np.partition(probabilities, len(probabilities) - 2, axis=0)[-2:]
    margin: NDArray[np.float32] = two[1] - two[0]
    return np.float32(1) - margin


def channel_names(export: Export, class_names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the channels of an output."""
    return tuple(class_names) if export == "probabilities" else (NAMES[export],)
