"""Images as they are handed to ilastik: the user's own file, or a copy with its axes written in it.

ilastik reads a plain TIFF and an HDF5 dataset with ``axistags`` as they are. Everything else would
be refused or, worse, read with its axes mixed up: HDF5 with an attribute ``axes`` alone, OME-Zarr,
one of several images in a file, Fiji's hyperstacks with axes of size 1. These are copied.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import tifffile
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.files.atomic import write_error
from bridge.formats.axistags import axistags
from bridge.formats.ilastik.axistags import read_axes
from bridge.formats.ilastik.input_images import DATASET, check_path, make_dataset
from bridge.formats.ilastik.lanes import LaneImage
from bridge.images import Image
from bridge.images.locations import Location
from bridge.images.series import split_series

_ORDER = "TZCYX"
_READ_TYPES = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float32")


@dataclass(frozen=True)
class HandedImage:
    """An image as ilastik gets it.

    Attributes:
        argument: its path for ilastik, with the dataset behind an HDF5 file's.
        axes: letters of ``TZCYX``, one for each dimension of what ilastik reads.
        sizes: size of every axis of ``TZCYX``, 1 where the image lacks it.
    """

    argument: str
    axes: str
    sizes: dict[str, int]

    @property
    def output_axes(self) -> str:
        """Axes of what ilastik exports: the channel, which then is the class, last."""
        return "".join(axis for axis in "TZYX" if axis in self.axes) + "C"


def fit_axes(image: Image, source: Location, lane: LaneImage | None) -> str:
    """Return the axes in which an image fits those that a project was trained on.

    ilastik wants as many dimensions, apart from time, and as many channels; axes of size 1 count.

    Args:
        image: the image.
        source: its file, for errors.
        lane: an image of the project; ``None`` or without axes where it says nothing.

    Returns:
        Letters of ``TZCYX`` in this order.

    Raises:
        BadInputError: it has other channels, or is a stack and they are planes.
    """
    sizes = {axis: image.size(axis) for axis in _ORDER}
    wide = {axis for axis in _ORDER if sizes[axis] > 1} | {"Y", "X"}
    if lane is None or not lane.axes:
        return "".join(axis for axis in _ORDER if axis in wide)
    if lane.shape and sizes["C"] != lane.size("C"):
        raise BadInputError(
            source,
            f"has {_count(sizes['C'], 'channel')}, and the project was trained on images with "
            f"{lane.size('C')}",
            "give an image with the same channels in the same order",
        )
    if "Z" in wide and "Z" not in lane.axes:
        raise BadInputError(
            source,
            f"is a stack of {sizes['Z']} slices, and the project was trained on planes",
            "give its slices as images of their own, or a project that was trained on stacks",
        )
    if "Z" not in wide and lane.size("Z") > 1:
        raise BadInputError(
            source,
            f"is a plane, and the project was trained on stacks of {lane.size('Z')} slices",
            "give a stack, or a project that was trained on planes",
        )
    return "".join(axis for axis in _ORDER if axis in wide | set(lane.axes))


def hand_over(image: Image, source: Location, axes: str, copy: Path) -> HandedImage:
    """Hand an image over as it is where ilastik reads it rightly, else as a copy.

    Args:
        image: the image.
        source: its file.
        axes: those that ilastik shall see, of :func:`fit_axes`.
        copy: HDF5 file to write, where one is needed.

    Raises:
        BadInputError: the image cannot be read, or the copy not be written.
    """
    sizes = {axis: image.size(axis) for axis in _ORDER}
    own = _own_file(image, source, axes) if isinstance(source, Path) else None
    if own is not None:
        return HandedImage(own[0], own[1], sizes)
    dtype = image.dtype if image.dtype.name in _READ_TYPES else np.dtype(np.float32)
    write_copy(copy, _planes(image), axes, sizes, dtype)
    return HandedImage(f"{copy.absolute()}/{DATASET}", axes, sizes)


def hand_over_labels(labels: NDArray[Any], axes: str, like: HandedImage, copy: Path) -> HandedImage:
    """Write a label image for ilastik, with the axes of the image that it belongs to.

    Args:
        labels: whole numbers.
        axes: of ``labels``, letters of ``TZYX``.
        like: the image.
        copy: HDF5 file to write.

    Raises:
        BadInputError: the label image has another size than the image, or cannot be written.
    """
    sizes = {a: labels.shape[axes.index(a)] if a in axes else 1 for a in "TZYX"}
    if any(sizes[axis] != like.sizes[axis] for axis in "TZYX"):
        raise BadInputError(
            "label image",
            f"is {_sizes(sizes)} pixels large, and the image {_sizes(like.sizes)}",
            "give the label image of this image",
        )
    wanted = "".join(axis for axis in _ORDER if axis in like.axes and axis != "C")
    ordered = labels.transpose([axes.index(a) for a in "TZYX" if a in axes])
    planes = (plane for plane in ordered.reshape(-1, sizes["Y"], sizes["X"]))
    write_copy(copy, planes, wanted, sizes, np.dtype(np.uint32))
    return HandedImage(f"{copy.absolute()}/{DATASET}", wanted, {**sizes, "C": 1})


def write_copy(
    path: Path,
    planes: Iterator[NDArray[Any]],
    axes: str,
    sizes: dict[str, int],
    dtype: np.dtype[Any],
) -> None:
    """Write planes (Y, X) into an HDF5 file with ``axistags``.

    Args:
        path: the file.
        planes: in the order of ``axes``, the last axis in front of Y and X fastest.
        axes: letters of ``TZCYX`` in this order.
        sizes: size of each axis.
        dtype: of the values in the file.

    Raises:
        BadInputError: a path that ilastik would misunderstand, or a full disk.
    """
    check_path(path)
    try:
        offset = make_dataset(path, [sizes[axis] for axis in axes], dtype, axistags(axes))
        # The HDF5 library crashes the process when a disk fills up; an ordinary file does not.
        with path.open("r+b") as stream:
            stream.seek(offset)
            for plane in planes:
                stream.write(np.ascontiguousarray(plane, dtype).data)
    except OSError as error:
        raise write_error(path, error) from error


def _planes(image: Image) -> Iterator[NDArray[Any]]:
    for t, z in image.planes():
        for channel in range(len(image.channels)):
            yield image.plane(channel, z=z, t=t)


def _own_file(image: Image, source: Path, axes: str) -> tuple[str, str] | None:
    """Return path and axes of the user's own file, ``None`` where ilastik must not read it."""
    file, series = split_series(source)
    if image.dtype.name not in _READ_TYPES or not file.is_file():
        return None
    try:
        check_path(file)
    except BadInputError:
        return None
    ending = file.suffix.lower()
    if ending in (".tif", ".tiff") and series is None and axes == image.axes == "YX":
        return (str(file.absolute()), axes) if _is_plain(file, image) else None
    if ending in (".h5", ".hdf5"):
        return _own_dataset(file, series, image, axes)
    return None


def _is_plain(file: Path, image: Image) -> bool:
    """Return whether a TIFF is one page of grey values that every reader takes for the same."""
    try:
        with tifffile.TiffFile(file) as tiff:
            page = tiff.pages.first
            return (
                len(tiff.pages) == 1
                and tuple(page.shape) == image.shape
                and page.compression == tifffile.COMPRESSION.NONE
                and page.photometric == tifffile.PHOTOMETRIC.MINISBLACK
            )
    except Exception:  # tifffile raises any error of a file that it does not take
        return False


def _own_dataset(file: Path, series: str | None, image: Image, axes: str) -> tuple[str, str] | None:
    """Return the only image of an HDF5 file, or the named one, if its axes are written in it."""
    with h5py.File(file, "r", locking="best-effort") as content:
        found: list[tuple[str, Any]] = []

        def look(name: str, node: Any) -> None:
            if isinstance(node, h5py.Dataset) and "axistags" in node.attrs:
                found.append((name, node))

        content.visititems(look)
        chosen = [(name, node) for name, node in found if series in (None, name)]
        if len(chosen) != 1:
            return None
        name, node = chosen[0]
        tags = node.attrs["axistags"]
        try:
            own = read_axes(str(file), tags.decode() if isinstance(tags, bytes) else str(tags))
        except (BadInputError, UnicodeDecodeError):
            return None
        # The axes that the user gave, or that were found, are those that count.
        if own != image.axes or set(own) != set(axes) or tuple(node.shape) != image.shape:
            return None
        return f"{file.absolute()}/{name}", own


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _sizes(sizes: dict[str, int]) -> str:
    return " x ".join(str(sizes[a]) for a in "TZYX" if sizes[a] > 1 or a in "YX")
