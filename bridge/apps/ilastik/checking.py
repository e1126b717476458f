"""Check what ilastik exported: a run that failed can leave a file of zeros behind.

An export counts only where it has the sizes of the image and a value everywhere: probabilities
that add up to 1, a class for each pixel, or a class for each object.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from bridge.apps.ilastik.errors import IlastikError
from bridge.formats.axistags import axistags
from bridge.formats.ilastik.axistags import read_axes
from bridge.formats.ilastik.input_images import DATASET, make_dataset

_SLAB = 2**24  # values that are looked at together
_SUM = 1e-3  # by which probabilities may miss 1 when they are added up
OBJECT_COLUMN = "labelimage_oid"
"""Column of ilastik's tables with the number of an object."""

_EMPTY_COLUMNS = ("object_id", "timestep", OBJECT_COLUMN, "User Label", "Predicted Class")


def check_pixels(path: Path, axes: str, sizes: dict[str, int], classes: int, export: str) -> None:
    """Check probabilities or a segmentation.

    Args:
        path: the HDF5 file.
        axes: those it must have, the channel last.
        sizes: of the image, by axis.
        classes: number of classes.
        export: ``probabilities`` or ``segmentation``.

    Raises:
        IlastikError: it is missing, of another size, or holds zeros where it must not.
    """
    channels = classes if export == "probabilities" else 1
    with _opened(path) as file:
        dataset = _dataset(path, file, axes, {**sizes, "C": channels})
        empty = 0
        for slab in _slabs(dataset):
            if export == "probabilities":
                total = slab.sum(axis=-1, dtype=np.float64)
                empty += int(np.count_nonzero(~(np.abs(total - 1) <= _SUM)))
            else:
                empty += int(np.count_nonzero((slab < 1) | (slab > classes)))
        if empty:
            pixels = dataset.size // channels
            what = "do not add up to 1" if export == "probabilities" else "are of no class"
            share = "all" if empty == pixels else f"{empty} of {pixels}"
            raise IlastikError(
                f"ilastik wrote zeros, or no values: {share} pixels {what}, so the export "
                "does not count"
            )


def check_objects(
    path: Path, axes: str, sizes: dict[str, int], classes: int, labels: NDArray[Any]
) -> None:
    """Check the predicted class of objects: there where an object is, and nowhere else.

    Args:
        path: the HDF5 file.
        axes: those it must have, the channel last.
        sizes: of the image, by axis.
        classes: number of classes.
        labels: the label image, its axes in the order of ``axes``.

    Raises:
        IlastikError: it is missing, of another size, or an object has no class.
    """
    with _opened(path) as file:
        dataset = _dataset(path, file, axes, {**sizes, "C": 1})
        first = 0
        for slab in _slabs(dataset):
            here = labels.reshape(dataset.shape[:-1])[first : first + len(slab)]
            first += len(slab)
            if slab.max(initial=0) > classes or not np.array_equal(slab[..., 0] > 0, here > 0):
                raise IlastikError(
                    "ilastik gave objects no class, or pixels outside of them one, so the export "
                    "does not count"
                )


def check_table(path: Path, objects: int) -> None:
    """Check a table of objects.

    Args:
        path: the CSV file.
        objects: number of objects that it must have.

    Raises:
        IlastikError: it is missing, is no table of ilastik's, or has another number of rows.
    """
    try:
        with path.open(encoding="utf-8", errors="replace", newline="") as stream:
            rows = csv.reader(stream)
            head = next(rows, [])
            count = sum(1 for row in rows if row)
    except FileNotFoundError as error:
        raise IlastikError("ilastik ended well, and wrote no table") from error
    if OBJECT_COLUMN not in head or "Predicted Class" not in head:
        raise IlastikError("ilastik wrote a table without objects' numbers or classes")
    if count != objects:
        raise IlastikError(f"ilastik wrote a table of {count} objects, and there are {objects}")


def write_empty(path: Path, table: Path, axes: str, sizes: dict[str, int]) -> None:
    """Write the export of an image without objects, on which ilastik fails: zeros, and no rows.

    Args:
        path: the HDF5 file.
        table: the CSV file.
        axes: of the export, the channel last.
        sizes: of the image, by axis.
    """
    shape = [{**sizes, "C": 1}[axis] for axis in axes]
    dtype = np.dtype(np.uint8)
    offset = make_dataset(path, shape, dtype, axistags(axes), DATASET)
    with path.open("r+b") as stream:
        stream.seek(offset)
        for _ in range(shape[0]):
            stream.write(bytes(int(np.prod(shape[1:]))))
    table.write_text(",".join(_EMPTY_COLUMNS) + "\n", encoding="utf-8", newline="")


def _opened(path: Path) -> h5py.File:
    try:
        return h5py.File(path, "r")
    except FileNotFoundError as error:
        raise IlastikError("ilastik ended well, and wrote nothing") from error
    except OSError as error:
        raise IlastikError(f"ilastik wrote a damaged file ({error})") from error


def _dataset(path: Path, file: h5py.File, axes: str, sizes: dict[str, int]) -> h5py.Dataset:
    dataset = file.get(DATASET)
    if not isinstance(dataset, h5py.Dataset):
        raise IlastikError(f"ilastik wrote a file without {DATASET!r}")
    expected = tuple(sizes[axis] for axis in axes)
    found = read_axes(str(path), str(dataset.attrs.get("axistags", "")))
    if found != axes or tuple(dataset.shape) != expected:
        raise IlastikError(
            f"ilastik wrote {found} {tuple(dataset.shape)}, and {axes} {expected} was due, so the "
            "export does not count"
        )
    return dataset


def _slabs(dataset: h5py.Dataset) -> Iterator[NDArray[Any]]:
    """Yield a dataset in pieces along its first axis, in order."""
    row = max(1, dataset.size // max(1, dataset.shape[0]))
    step = max(1, _SLAB // row)
    for first in range(0, dataset.shape[0], step):
        yield dataset[first : first + step]
