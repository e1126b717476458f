"""HDF5: the images that ilastik writes and reads, and any other dataset of numbers.

Sources of the format: ilastik's attributes ``axistags`` (VIGRA's JSON, with a resolution an axis)
and ``axis_units`` (JSON, the unit of each axis), the ``element_size_um`` attribute (Z, Y, X in µm)
of ilastik's and other Fiji plugins, and the ``axes`` attribute (``CZYX``) of
blender_tissue_cartography, which ilastik itself does not heed.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.errors import BadInputError
from bridge.files.hdf5_claims import check_size, refuse_elsewhere
from bridge.images.axes import LETTERS, lay_out
from bridge.images.contents import ArrayStore, Contents
from bridge.images.info import ImageInfo
from bridge.images.locations import Location, RemotePath
from bridge.images.series import SeveralImagesError, how_to_choose
from bridge.images.units import micrometres, pixel_size_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import h5py

    from bridge.images.info import PixelSize

CHANNEL_NAMES = "channel_names"
"""Attribute with the names of the channels, which starbridge writes; ilastik has none."""

NOTES = "starbridge_"
"""Beginning of the names of attributes with texts of starbridge's own."""

_MOST_DIMENSIONS = 8


def open_hdf5(path: Location, *, axes: str | None, dataset: str | None) -> Contents:
    """Open a dataset of an HDF5 file.

    Args:
        path: the file, here or at a URL.
        axes: axes a person gave, over what the file says.
        dataset: path of the dataset inside the file; None where only one can be an image.

    Returns:
        The opened image.

    Raises:
        BadInputError: for a damaged file, no or several datasets that could be meant, values in
            other files, or more of them than the file has bytes for.
    """
    import h5py

    files = ExitStack()
    source: Any = files.enter_context(path.open("rb")) if isinstance(path, RemotePath) else path
    # Locks fail on many network drives, and nothing is written here.
    locking = {} if isinstance(path, RemotePath) else {"locking": "best-effort"}
    try:
        file = files.enter_context(h5py.File(source, "r", **locking))
        found = _choose(path, file, dataset)
        refuse_elsewhere(path, found)
        if isinstance(path, Path):  # at a URL, what is stored would be counted by many requests
            check_size(path, found)
        layout = lay_out(path, found.shape, known=_axes(found), given=axes)
        store = ArrayStore([found], files.close)
        return Contents(
            store,
            layout,
            np.dtype(found.dtype),
            pixel_size=_pixel_size(found),
            channels=_channel_names(found),
            notes=_notes(found),
        )
    except BaseException as error:
        files.close()
        if not isinstance(error, Exception) or isinstance(error, (BadInputError, PermissionError)):
            raise
        raise BadInputError(
            path,
            f"is no readable HDF5 file, it is damaged or cut short ({str(error)[:120]})",
            "copy or export the file again",
        ) from error


def _choose(path: Location, file: h5py.File, dataset: str | None) -> h5py.Dataset:
    import h5py

    images: dict[str, tuple[int, ...]] = {}

    def look(name: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset) and _can_be_image(node):
            images[name] = node.shape

    file.visititems(look)
    if dataset is not None:
        # Looked up among those that are listed, so that a link never leads to another file.
        node = file.get(dataset) if dataset in file else None
        if not isinstance(node, h5py.Dataset) or Path(node.file.filename) != Path(file.filename):
            raise BadInputError(
                path,
                f"has no dataset {dataset!r}",
                how_to_choose(path, images) if images else "",
            )
        return node
    if not images:
        raise BadInputError(
            path, "has no dataset that is an image", "give a file with an array of grey values"
        )
    if len(images) > 1:
        raise SeveralImagesError(
            path, f"has {len(images)} datasets that could be the image", images
        )
    return file[next(iter(images))]


def _can_be_image(node: h5py.Dataset) -> bool:
    shape: tuple[int, ...] | None = node.shape
    return (
        shape is not None
        and node.dtype.kind in "buif"
        and 2 <= len(shape) <= _MOST_DIMENSIONS
        and sum(size > 1 for size in shape) >= 2
    )


def _axes(node: h5py.Dataset) -> Sequence[str | None] | None:
    try:
        tags = json.loads(_text(node.attrs["axistags"]))
        keys = [str(axis["key"]).upper() for axis in tags["axes"]]
    except (KeyError, TypeError, ValueError):
        keys = [str(dimension.label).upper() for dimension in node.dims]
        if not {"Y", "X"} <= set(keys):
            keys = _plain_axes(node)
    if len(keys) != len(node.shape):
        return None
    return keys


def _plain_axes(node: h5py.Dataset) -> list[str]:
    """Return the letters of an attribute ``axes``, or none where it is anything else."""
    try:
        keys = list(_text(node.attrs["axes"]).upper())
    except (KeyError, TypeError, ValueError):
        return []
    return keys if {"Y", "X"} <= set(keys) <= set(LETTERS) else []


def _channel_names(node: h5py.Dataset) -> tuple[str, ...]:
    """Return the names that starbridge gives the classes of a map of probabilities."""
    try:
        names = np.ravel(node.attrs[CHANNEL_NAMES])
        return tuple(_text(name) for name in names[: 2**16].tolist())
    except (KeyError, TypeError, ValueError):
        return ()


def _notes(node: h5py.Dataset) -> dict[str, str]:
    """Return the texts that starbridge left, of any name that begins so."""
    # Of others not even the values are looked at: they may be of types that h5py cannot read.
    found = {name: node.attrs[name] for name in node.attrs if str(name).startswith(NOTES)}
    return {name: _text(value) for name, value in found.items() if isinstance(value, (str, bytes))}


def _text(value: Any) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def _pixel_size(node: h5py.Dataset) -> PixelSize | None:
    """Return the size that a dataset's attributes give; a resolution without a unit gives none."""
    return _element_size(node) or _tagged_size(node) or _noted_size(node)


def _element_size(node: h5py.Dataset) -> PixelSize | None:
    try:
        sizes = [float(size) for size in np.ravel(node.attrs["element_size_um"])]
    except (KeyError, TypeError, ValueError):
        return None
    if len(sizes) == 2:
        return pixel_size_of(sizes[0], sizes[1])
    return pixel_size_of(sizes[1], sizes[2], sizes[0]) if len(sizes) == 3 else None


def _tagged_size(node: h5py.Dataset) -> PixelSize | None:
    steps: dict[str, float] = {}
    try:
        units = json.loads(_text(node.attrs.get("axis_units", "{}")))
        for tag in json.loads(_text(node.attrs["axistags"]))["axes"]:
            axis = str(tag["key"])
            unit = micrometres(str(units.get(axis) or tag.get("unit") or ""))
            if unit is not None:
                steps[axis.upper()] = float(tag.get("resolution") or 0) * unit
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return pixel_size_of(steps.get("Y"), steps.get("X"), steps.get("Z"))


def _noted_size(node: h5py.Dataset) -> PixelSize | None:
    """Return what starbridge notes of the image beside its label images."""
    try:
        return ImageInfo.from_json(json.loads(_text(node.attrs["image"]))).pixel_size
    except (KeyError, TypeError, ValueError):
        return None
