"""Images as a project refers to them: the user's own files where ilastik reads them, else copies.

ilastik reads TIFF with one image in the file and HDF5; of each dimension it must be told the axis,
also of those of size 1. Anything else (OME-Zarr, microscopes' own formats, one of several images in
a file) is copied into an HDF5 file beside the project, which has the attribute ``axistags``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import h5py
import numpy as np
import tifffile

from bridge.errors import BadInputError
from bridge.files.atomic import writing
from bridge.files.names import safe_name
from bridge.formats.axistags import axistags
from bridge.formats.ilastik.axistags import LETTERS, read_axes
from bridge.images import Image, image_name, open_image
from bridge.images.exporting import Export
from bridge.images.locations import RemotePath
from bridge.images.series import split_series

DATASET = "exported_data"
"""Dataset of copies, called as ilastik calls those that it exports."""

COPIES = "{name}_images"
"""Folder of copies beside a project of that name."""

_TIFF = (".tif", ".tiff")
_HDF5 = (".h5", ".hdf5")
_READ_TYPES = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "float32")
_MOST_AXES = 5
# ilastik takes these for patterns of file names, or for what stands between two of them.
_REFUSED = re.compile(r"[*?\[\]:;]")


@dataclass(frozen=True, kw_only=True)
class InputImage:
    """An image as a project refers to it.

    Attributes:
        file: where it is.
        dataset: path of the dataset inside an HDF5 file, else ``""``.
        axes: letters of ``TZYXC``, one for each dimension that ilastik sees.
        shape: size of each.
        nickname: name in the project, and of what ilastik exports.
        is_copy: the file was made for the project.
    """

    file: Path
    dataset: str
    axes: str
    shape: tuple[int, ...]
    nickname: str
    is_copy: bool = False

    def size(self, axis: str) -> int:
        """Return the size of an axis, 1 where the image lacks it."""
        return self.shape[self.axes.index(axis)] if axis in self.axes else 1


def input_image(
    path: str | PathLike[str],
    project: Path,
    *,
    axes: str | None = None,
    nickname: str | None = None,
) -> InputImage:
    """Return an image as a project refers to it; copy it where ilastik cannot read it.

    Args:
        path: an image; ``FILE#SERIES`` for one of several in a file.
        project: the project, beside which copies lie.
        axes: what the image's dimensions are, where its file does not say.
        nickname: name in the project; the image's own where ``None``.

    Raises:
        BadInputError: the image cannot be read or copied, or ilastik would take its path for a
            pattern.
    """
    with open_image(path, axes=axes) as image:
        name = nickname or image_name(path)
        found = None if isinstance(path, RemotePath) else _as_ilastik_sees(path, image)
        if found is not None:
            file, dataset, letters, shape = found
            check_path(file)
            return InputImage(file=file, dataset=dataset, axes=letters, shape=shape, nickname=name)
        return copied(image, project, name)


def check_path(file: Path) -> None:
    """Refuse a path that ilastik would take for a pattern of names, or for several paths.

    Raises:
        BadInputError: it does.
    """
    place = file.absolute()
    found = _REFUSED.search(str(place).removeprefix(place.drive))
    if found:
        raise BadInputError(
            file,
            f"has {found[0]!r} in its path, which ilastik takes for a pattern of names",
            "rename the file or the folder",
        )


def copied(image: Image, project: Path, name: str) -> InputImage:
    """Copy an image into an HDF5 file beside a project.

    Args:
        image: the image.
        project: the project.
        name: of the copy.

    Raises:
        BadInputError: it cannot be read or written.
    """
    file = copies_of(project) / f"{safe_name(name) or 'image'}.h5"
    check_path(file)
    export = Export.of(image, None)
    dtype = image.dtype if image.dtype.name in _READ_TYPES else np.dtype(np.float32)
    with writing(file) as part:
        offset = make_dataset(part, export.shape, dtype, axistags(export.axes, image.pixel_size))
        # The HDF5 library crashes the process when a disk fills up; an ordinary file does not.
        with part.open("r+b") as stream:
            stream.seek(offset)
            for plane in export.planes():
                stream.write(np.ascontiguousarray(plane, dtype).data)
    return InputImage(
        file=file,
        dataset=DATASET,
        axes=export.axes,
        shape=export.shape,
        nickname=name,
        is_copy=True,
    )


def make_dataset(
    path: Path, shape: Sequence[int], dtype: np.dtype[np.generic], tags: str, name: str = DATASET
) -> int:
    """Make an HDF5 file with room for one image, whose values are then written as a plain file.

    Args:
        path: the file.
        shape: of the image.
        dtype: of its values.
        tags: its axes, as :func:`bridge.formats.hdf5.axistags` says them.
        name: of the dataset.

    Returns:
        The place of the first value in the file, in bytes.
    """
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    plist.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    with h5py.File(path, "w") as file:
        space = h5py.h5s.create_simple(tuple(shape))
        kind = h5py.h5t.py_create(dtype)
        dataset = h5py.Dataset(h5py.h5d.create(file.id, name.encode(), kind, space, plist))
        dataset.attrs["axistags"] = tags
        file.flush()
        return int(dataset.id.get_offset())


def copies_of(project: Path) -> Path:
    """Return the folder of copies beside a project."""
    return project.parent / COPIES.format(name=project.stem)


def _as_ilastik_sees(
    path: str | PathLike[str], image: Image
) -> tuple[Path, str, str, tuple[int, ...]] | None:
    """Return file, dataset, axes and shape of an image that ilastik reads itself."""
    file, series = split_series(path)
    ending = file.suffix.lower()
    if image.dtype.name not in _READ_TYPES or not file.is_file():
        return None
    if ending in _TIFF and series is None:
        seen = _tiff_axes(file)
        dataset = ""
    elif ending in _HDF5:
        seen = _hdf5_axes(file, series, image)
        dataset = "" if seen is None else seen[2]
    else:
        return None
    if seen is None:
        return None
    letters = name_dimensions(seen[0], seen[1], image.axes, image.shape)
    return None if letters is None else (file, dataset, letters, seen[1])


def name_dimensions(
    own: str, shape: tuple[int, ...], axes: str, sizes: tuple[int, ...]
) -> str | None:
    """Name each dimension that ilastik sees by the axes of an image, those of size 1 too.

    Args:
        own: letters that the file gives its dimensions; any other sign where it gives none.
        shape: size of each dimension.
        axes: axes of the image, letters of ``TCZYX``.
        sizes: size of each.

    Returns:
        A letter for each dimension; ``None`` where the dimensions are not those of the image.

    >>> name_dimensions("QYX", (1, 30, 40), "YX", (30, 40))
    'ZYX'
    """
    if not 2 <= len(shape) <= _MOST_AXES or len(axes) > len(shape):
        return None
    own = own.upper()
    if len({*own} & {*LETTERS}) == len(own) == len(shape):
        stored = dict(zip(own, shape, strict=True))
        asked = dict(zip(axes, sizes, strict=True))
        if all(stored.get(a, 1) == asked.get(a, 1) for a in LETTERS) and {*"YX"} <= {*own}:
            return own
    named: list[str | None] = [None] * len(shape)
    place = 0
    for letter, size in zip(axes, sizes, strict=True):
        # An axis of size 1 lies wherever the file has a dimension of that name.
        if size == 1 and letter not in "YX":
            continue
        while place < len(shape) and shape[place] == 1 and size != 1:
            place += 1
        if place == len(shape) or shape[place] != size:
            return None
        named[place] = letter
        place += 1
    if any(letter is None and size != 1 for letter, size in zip(named, shape, strict=True)):
        return None
    free = [letter for letter in LETTERS if letter not in named]
    for index in [index for index, letter in enumerate(named) if letter is None]:
        wanted = own[index : index + 1]
        chosen = wanted if wanted in free else _first_free(free)
        named[index] = chosen
        free.remove(chosen)
    return "".join(map(str, named))


def _first_free(free: list[str]) -> str:
    """Return an axis for a dimension of size 1: a slice before a time point or a channel."""
    return next(letter for letter in ("Z", "T", "C", "Y", "X") if letter in free)


def _tiff_axes(file: Path) -> tuple[str, tuple[int, ...], str] | None:
    """Return the dimensions of a TIFF with a single image, as tifffile and so ilastik see them."""
    try:
        with tifffile.TiffFile(file) as tiff:
            if len(tiff.series) != 1:
                return None
            series = tiff.series[0]
            page = tuple(series.keyframe.shape)
            if series.shape[len(series.shape) - len(page) :] != page:  # pages are read one by one
                return None
            return series.axes.replace("S", "C"), tuple(series.shape), ""
    except Exception:  # tifffile raises any error of a file that it does not take
        return None


def _hdf5_axes(
    file: Path, series: str | None, image: Image
) -> tuple[str, tuple[int, ...], str] | None:
    """Return dimensions and path of the dataset that an image was opened from."""
    found: list[h5py.Dataset] = []

    def look(_: str, node: object) -> None:
        if isinstance(node, h5py.Dataset) and _is_of(node, image):
            found.append(node)

    with h5py.File(file, "r", locking="best-effort") as content:
        if series is not None:
            node = content.get(series)
            found = [node] if isinstance(node, h5py.Dataset) else []
        else:
            content.visititems(look)
        if len(found) != 1:
            return None
        tags = found[0].attrs.get("axistags")
        try:
            own = read_axes(str(file), tags if isinstance(tags, str) else "")
        except BadInputError:
            own = ""
        return own, tuple(found[0].shape), str(found[0].name).strip("/")


def _is_of(node: h5py.Dataset, image: Image) -> bool:
    """Return whether a dataset has the sizes of an image."""
    sizes = [size for size in node.shape or () if size > 1]
    return node.dtype.kind in "buif" and sizes == [size for size in image.shape if size > 1]
