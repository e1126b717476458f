"""OME-Zarr folders and archives: NGFF 0.4 (Zarr 2) and 0.5 (Zarr 3), and plain Zarr arrays.

Source of the format: https://ngff.openmicroscopy.org/0.4 and /0.5; the ``bioformats2raw.layout``
of several images in one folder; ``dimension_names`` of Zarr 3 and ``_ARRAY_DIMENSIONS`` of Zarr 2.
"""

from __future__ import annotations

import logging
import math
import operator
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from bridge.errors import BadInputError
from bridge.files.hdf5_claims import LARGEST_EMPTY
from bridge.images.axes import lay_out
from bridge.images.contents import ArrayStore, Contents, stays_inside
from bridge.images.locations import Location, RemotePath
from bridge.images.names import is_zarr
from bridge.images.series import SeveralImagesError
from bridge.images.units import micrometres, pixel_size_of
from bridge.images.zipped import ZipFolder, file_sizes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import zarr
    from zarr.abc.store import Store

    from bridge.images.info import PixelSize

_log = logging.getLogger(__name__)

LABELS = "labels"
"""Name of the group of an image that holds its label images."""

_OLD_AXES = "TCZYX"  # of NGFF 0.1 and 0.2, whose files do not name them
_OLD_VERSIONS = ("0.1", "0.2")

_MOST_MISSING = 1_024
"""Chunks that may be missing for each that is there; as many of an image without any."""

_LARGEST_RATIO = 2**14
"""Bytes of a plane that a stored byte may become: zeros in Zstandard become up to 2¹⁵."""


Place: TypeAlias = Location | ZipFolder
"""A folder here, at a URL or in an archive."""


def open_omezarr(path: Place, *, axes: str | None, dataset: str | None) -> Contents:
    """Open an OME-Zarr image, one of its levels, or a plain Zarr array.

    Args:
        path: the folder of the image, or of a level (``…/0``), here or at a URL.
        axes: axes a person gave, over what the metadata says.
        dataset: path of a group or array inside, for a folder with several images.

    Returns:
        The opened image.

    Raises:
        BadInputError: for a folder that is no image, several images of which none is chosen, or
            damaged metadata.
    """
    if dataset is not None and not stays_inside(dataset):
        raise BadInputError(path, f"has no image {dataset!r}", "give a path inside the folder")
    with _readable(path):
        return _open(path, path / dataset if dataset else path, axes)


@contextmanager
def _readable(path: Place) -> Iterator[None]:
    """Translate the errors of zarr and of damaged metadata."""
    try:
        yield
    except (BadInputError, PermissionError):
        raise
    except Exception as error:
        raise BadInputError(
            path,
            f"is no readable OME-Zarr image ({str(error)[:120] or type(error).__name__})",
            "copy the whole folder or export the image again",
        ) from error


def _open(path: Place, folder: Place, axes: str | None) -> Contents:
    import zarr

    node = _node(path, folder)
    if isinstance(node, zarr.Array):
        parent = _node(path, folder.parent) if is_zarr(folder.parent) else None
        group = parent if isinstance(parent, zarr.Group) else None
        multiscale = _multiscale(group) if group is not None else None
        if multiscale is not None and group is not None:
            for level in multiscale["datasets"]:
                if level.get("path") == folder.name:
                    channels = _channels(group)
                    return _image(path, folder, [node], multiscale, level, channels, axes)
        known = _array_axes(node)
        layout = lay_out(path, node.shape, known=known, given=axes)
        _note_missing_chunks(path, folder, node)
        return Contents(ArrayStore([_safe(path, node)]), layout, np.dtype(node.dtype))

    multiscale = _multiscale(node)
    if multiscale is None:
        return _open(path, _only_image(path, folder, node), axes)
    arrays = []
    for level in multiscale["datasets"]:
        name = str(level["path"])
        if not stays_inside(name):
            raise BadInputError(
                path, f"refers to {name!r}, outside its own folder", "export the image again"
            )
        array = _node(path, folder / name)
        if not isinstance(array, zarr.Array):
            raise BadInputError(path, f"has no array {name!r}", "copy the whole folder again")
        arrays.append(array)
    first = multiscale["datasets"][0]
    place = folder / str(first["path"])
    return _image(path, place, arrays, multiscale, first, _channels(node), axes)


def _image(
    path: Place,
    folder: Place,
    arrays: Sequence[zarr.Array[Any]],
    multiscale: Mapping[str, Any],
    level: Mapping[str, Any],
    channels: tuple[str, ...],
    axes: str | None,
) -> Contents:
    known, units = _named_axes(multiscale, len(arrays[0].shape))
    layout = lay_out(path, arrays[0].shape, known=known, given=axes)
    _note_missing_chunks(path, folder, arrays[0])
    arrays = [array for array in arrays if array.ndim == len(layout.shape)]
    return Contents(
        ArrayStore([_safe(path, array) for array in arrays]),
        layout,
        np.dtype(arrays[0].dtype),
        pixel_size=_pixel_size(multiscale, level, known, units),
        channels=channels,
        levels=tuple(tuple(array.shape) for array in arrays),
    )


def _node(path: Place, folder: Place) -> zarr.Array[Any] | zarr.Group:
    import zarr

    if not is_zarr(folder):
        raise BadInputError(
            path,
            f"is not an OME-Zarr image: there is no Zarr metadata in {folder.name!r}",
            "give the folder that holds .zattrs or zarr.json, and copy hidden files too",
        )
    inside = folder.inside if isinstance(folder, ZipFolder) else ""
    node: zarr.Array[Any] | zarr.Group = zarr.open(store=_store(folder), path=inside, mode="r")
    return node


def _store(folder: Place) -> Store:
    from zarr.storage import FsspecStore, LocalStore

    if isinstance(folder, ZipFolder):
        store: Store = folder.store()
        return store
    if isinstance(folder, RemotePath):
        return FsspecStore.from_mapper(folder.mapper(), read_only=True)
    return LocalStore(folder, read_only=True)


def _note_missing_chunks(path: Place, folder: Place, array: zarr.Array[Any]) -> None:
    """Say how many chunks of an image have no file: by Zarr's rules, all their values are equal.

    Programs leave out chunks of zeros; a copy that lost files looks the same. At a URL the files
    cannot be listed in bearable time.

    Args:
        path: the image, for messages.
        folder: the folder of the array.
        array: the array.

    Raises:
        BadInputError: it claims far more than its files can hold.
    """
    if isinstance(folder, RemotePath):
        return
    pieces = array.shards or array.chunks
    grid = [math.ceil(size / piece) for size, piece in zip(array.shape, pieces, strict=True)]
    expected, sizes = math.prod(grid), _chunk_files(folder, grid)
    present, stored = len(sizes), sum(sizes)
    largest = max(math.prod(pieces), math.prod(sorted(array.shape)[-2:])) * array.dtype.itemsize
    if expected > _MOST_MISSING * max(present, 1) or largest > max(
        LARGEST_EMPTY, _LARGEST_RATIO * stored
    ):
        raise BadInputError(
            path,
            f"claims {_sizes(array.shape)} pixels in {expected:,} chunk files, of which it has "
            f"{present:,} with {stored:,} bytes",
            "copy the whole folder or export the image again",
        )
    if present < expected:
        _log.warning(
            "%s: %d of its %d chunk files are missing, and their pixels are %s; "
            "if the program that wrote it does not leave out empty chunks, copy it again",
            path,
            expected - present,
            expected,
            array.fill_value,
        )


def _chunk_files(folder: Path | ZipFolder, grid: Sequence[int]) -> list[int]:
    """Return the bytes of each chunk file of an array whose chunks are so many along each axis."""
    sizes = []
    for name, size in file_sizes(folder):
        numbers = [int(part) for part in re.split(r"[./]", name) if part.isdecimal()]
        if len(numbers) == len(grid) and all(map(operator.lt, numbers, grid)):
            sizes.append(size)
    return sizes


def _sizes(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))


def label_names(path: Place) -> list[str]:
    """Return the names of the label images of an OME-Zarr image, in the order of its list.

    Args:
        path: the folder or archive of the image.

    Returns:
        The names of groups in its group ``labels``; none where there is no such group.
    """
    import zarr

    group = path / LABELS
    if not is_zarr(group):
        return []
    with _readable(path):
        node = _node(path, group)
    listed = _ome(node).get(LABELS) if isinstance(node, zarr.Group) else None
    named = [n for n in listed if isinstance(n, str)] if isinstance(listed, list) else []
    inside: list[Place] = [*group.iterdir()]
    names = sorted(child.name for child in inside if child.is_dir() and is_zarr(child))
    return [n for n in named if n in names] + [n for n in names if n not in named]


def label_metadata(path: Place, dataset: str | None = None) -> Mapping[str, Any] | None:
    """Return the metadata ``image-label`` of a label image; None where it has none.

    Args:
        path: the folder or archive of the label image, or of the image that holds it.
        dataset: path of the label image inside.
    """
    import zarr

    folder = path / dataset if dataset else path
    if not is_zarr(folder):
        return None
    with _readable(path):
        node = _node(path, folder)
    found = _ome(node).get("image-label") if isinstance(node, zarr.Group) else None
    return found if isinstance(found, dict) else None


def _safe(path: Place, array: zarr.Array[Any]) -> zarr.Array[Any]:
    """Refuse codecs that would run code from the file."""

    def codecs(value: Any) -> list[str]:
        if isinstance(value, dict):
            names = [str(value[key]) for key in ("id", "name") if key in value]
            return names + [name for part in value.values() for name in codecs(part)]
        if isinstance(value, (list, tuple)):
            return [name for part in value for name in codecs(part)]
        return []

    metadata = array.metadata.to_dict()
    used = codecs([metadata.get(key) for key in ("filters", "compressor", "codecs")])
    if any("pickle" in name.lower() for name in used):
        raise BadInputError(
            path,
            "stores its values as Python objects, which can run code",
            "export the image again",
        )
    return array


def _ome(group: zarr.Group) -> Mapping[str, Any]:
    """Return the OME attributes: in Zarr 2 among the others, in Zarr 3 under one key."""
    attributes = dict(group.attrs)
    nested = attributes.get("ome")
    return nested if isinstance(nested, dict) else attributes


def _multiscale(group: zarr.Group) -> Mapping[str, Any] | None:
    found = _ome(group).get("multiscales")
    if not isinstance(found, list) or not found or not found[0].get("datasets"):
        return None
    multiscale: Mapping[str, Any] = found[0]
    return multiscale


def _only_image(path: Place, folder: Place, group: zarr.Group) -> Place:
    """Return the only image in a folder of images; an error lists them where there are several."""
    if "plate" in _ome(group) or "well" in _ome(group):
        raise BadInputError(
            path, "is a plate of many wells", f"give one field, for example {path.name}/A/1/0"
        )
    children: list[Place] = [*folder.iterdir()]
    images = [
        child.name
        for child in sorted(children, key=lambda child: child.name)
        if child.is_dir() and child.name not in ("OME", LABELS) and is_zarr(child)
    ]
    if not images:
        raise BadInputError(
            path, "is a Zarr folder without an image", "give the folder of an OME-Zarr image"
        )
    if len(images) > 1:
        raise SeveralImagesError(path, f"holds {len(images)} images", dict.fromkeys(images, ()))
    return folder / images[0]


def _named_axes(
    multiscale: Mapping[str, Any], dimensions: int
) -> tuple[list[str | None] | None, list[str | None]]:
    """Return axis letters and units, in the order of the dimensions."""
    nothing: list[str | None] = [None] * dimensions
    axes = multiscale.get("axes")
    if not isinstance(axes, list):
        old = str(multiscale.get("version", "")) in _OLD_VERSIONS and dimensions == len(_OLD_AXES)
        return (list(_OLD_AXES) if old else None), nothing
    if len(axes) != dimensions:
        return None, nothing
    # NGFF 0.3 had plain names, without units.
    full = [axis if isinstance(axis, dict) else {"name": axis} for axis in axes]
    return [str(axis.get("name")).upper() for axis in full], [axis.get("unit") for axis in full]


def _pixel_size(
    multiscale: Mapping[str, Any],
    level: Mapping[str, Any],
    known: Sequence[str | None] | None,
    units: Sequence[str | None],
) -> PixelSize | None:
    if known is None:
        return None
    sizes = [1.0] * len(known)
    said = False
    for transformation in (
        *(level.get("coordinateTransformations") or ()),
        *(multiscale.get("coordinateTransformations") or ()),
    ):
        scale = transformation.get("scale")
        if transformation.get("type") == "scale" and isinstance(scale, list):
            if len(scale) != len(sizes):
                return None
            said = True
            sizes = [size * float(factor) for size, factor in zip(sizes, scale, strict=True)]
    if not said:
        return None
    steps: dict[str | None, float] = {}
    for letter, size, unit in zip(known, sizes, units, strict=True):
        length = micrometres(str(unit)) if unit else None
        if length is not None:
            steps[letter] = size * length
    return pixel_size_of(steps.get("Y"), steps.get("X"), steps.get("Z"))


def _channels(group: zarr.Group) -> tuple[str, ...]:
    omero = _ome(group).get("omero")
    channels = omero.get("channels") if isinstance(omero, dict) else None
    if not isinstance(channels, list):
        return ()
    return tuple(str(c.get("label") or "") if isinstance(c, dict) else "" for c in channels)


def _array_axes(array: zarr.Array[Any]) -> list[str | None] | None:
    names = getattr(array.metadata, "dimension_names", None) or array.attrs.get("_ARRAY_DIMENSIONS")
    if not isinstance(names, (list, tuple)) or len(names) != array.ndim:
        return None
    letters: list[str | None] = [str(name or "").upper() for name in names]
    return letters if {"Y", "X"} <= set(letters) else None
