"""Label images as TIFF, which Fiji, QuPath, napari and CellProfiler open."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from os import PathLike, fspath
from typing import Any

import numba
import numpy as np
import tifffile
from numpy.typing import NDArray

from bridge.detections import Detections
from bridge.errors import BadInputError
from bridge.files.atomic import writing
from bridge.formats import existing_file
from bridge.formats.compressing import zlib_bytes
from bridge.images import open_image
from bridge.images.hyperstack import imagej_resolution
from bridge.images.info import ImageInfo
from bridge.images.series import split_series
from bridge.outlines.rasterize import label_dtype

_CLASSIC_TIFF_LIMIT = 2**32 - 2**25
_STRIP_BYTES = 2**18
_ZLIB_LEVEL = 2


def write(
    detections: Detections, path: str | PathLike[str], *, labels: NDArray[Any] | None = None
) -> None:
    """Write the label image: uint16, or uint32 where a label is over 65,535.

    uint16 becomes an ImageJ TIFF with slices and time points. ImageJ has no 32-bit integers: uint32
    becomes OME-TIFF metadata in a plain TIFF, which Bio-Formats and QuPath read. The pixel size is
    written with its unit where it is known.

    Args:
        detections: the objects.
        path: the file.
        labels: what :meth:`Detections.to_labels` gives, where it is there already.

    Raises:
        BadInputError: the image's size is not known, or the file cannot be written.
    """
    if labels is None:
        labels = detections.to_labels()
    write_label_image(labels, path, axes=detections.label_axes(), image=detections.image)


def write_label_image(
    labels: NDArray[Any], path: str | PathLike[str], *, axes: str, image: ImageInfo
) -> None:
    """Write a label image that is drawn already.

    Args:
        labels: whole numbers from 0 up, written as uint16 or uint32.
        path: the file.
        axes: YX, ZYX, TYX or TZYX.
        image: pixel size of the image, where known.

    Raises:
        BadInputError: a label over 4,294,967,295, or the file cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_label_image(np.eye(3, dtype=np.uint16), f"{folder}/a.tif", axes="YX",
    ...                       image=ImageInfo())
    ...     tifffile.imread(f"{folder}/a.tif").tolist()
    [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    """
    if labels.dtype not in (np.uint16, np.uint32):
        labels = labels.astype(label_dtype(int(labels.max(initial=0)), fspath(path)))
    size = image.pixel_size
    imagej = labels.dtype == np.uint16 and labels.nbytes < _CLASSIC_TIFF_LIMIT
    metadata: dict[str, Any] = {"axes": axes}
    options: dict[str, Any] = {}
    shape = labels.shape
    if imagej:
        options = {"imagej": True, **imagej_resolution(size, metadata)}
        # With all its axes spelled out, an image of one column is not taken for something else.
        sizes = dict(zip(axes, labels.shape, strict=True))
        shape = tuple(sizes.get(axis, 1) for axis in "TZCYXS")
        metadata["axes"] = "TZCYXS"
    else:
        options["ome"] = True
        if size:
            for axis, length in zip("XYZ", (size.x, size.y, size.z), strict=True):
                if length:
                    metadata |= {f"PhysicalSize{axis}": length, f"PhysicalSize{axis}Unit": "µm"}
            options["resolution"] = (1e4 / size.x, 1e4 / size.y)
            options["resolutionunit"] = "CENTIMETER"
    height, width = labels.shape[axes.index("Y") :][:2]
    rows = min(height, max(1, _STRIP_BYTES // (width * labels.itemsize)))
    with writing(path) as part:
        tifffile.imwrite(
            part,
            _strips(labels.reshape(-1, height, width), rows),
            shape=shape,
            dtype=labels.dtype,
            rowsperstrip=rows,
            compression="zlib",
            photometric="minisblack",
            metadata=metadata,
            **options,
        )


def _strips(planes: NDArray[Any], rows: int) -> Iterator[bytes]:
    """Yield compressed strips of planes, one after another, made by all processors."""
    strips = (plane[row : row + rows] for plane in planes for row in range(0, len(plane), rows))
    with ThreadPoolExecutor(numba.get_num_threads()) as pool:
        yield from pool.map(lambda strip: zlib_bytes(strip, _ZLIB_LEVEL), strips)


def read(
    path: str | PathLike[str], *, axes: str | None = None, image: ImageInfo | None = None
) -> Detections:
    """Trace a label image from starbridge, StarDist, Cellpose, ilastik or any other program.

    Integers of any size and floats without a fraction are taken.

    Args:
        path: ``.tif`` or ``.tiff``, or ``FILE#SERIES`` for one of several images in a file.
        axes: where the file does not say, ``YX``, ``ZYX``, ``TYX`` or ``TZYX``.
        image: what is known of the image the labels belong to.

    Raises:
        BadInputError: not a TIFF, damaged, no label image, unknown axes.
    """
    existing_file(split_series(path)[0])
    labels, label_axes, info = read_label_image(path, axes=axes)
    return Detections.from_labels(labels, axes=label_axes, image=image or info, name=fspath(path))


def read_label_image(
    path: str | PathLike[str], *, axes: str | None = None, dataset: str | None = None
) -> tuple[NDArray[Any], str, ImageInfo]:
    """Read the pixels of a label image of any format that :func:`bridge.open_image` opens.

    Returns:
        The array, its axes (YX, ZYX, TYX or TZYX) and what is known of the image.

    Raises:
        BadInputError: several channels, or whatever opening an image raises.
    """
    with open_image(path, axes=axes, dataset=dataset) as opened:
        if opened.size("C") > 1:
            raise BadInputError(
                fspath(path),
                f"has {opened.size('C')} channels, but a label image has one",
                "give the label image, not the microscope image",
            )
        info = opened.info
        stack = np.stack([opened.plane(0, z=z, t=t) for t, z in opened.planes()])
    axes = info.label_axes
    sizes = {"T": info.size_t, "Z": info.size_z, "Y": stack.shape[1], "X": stack.shape[2]}
    return stack.reshape([sizes[axis] for axis in axes]), axes, info
