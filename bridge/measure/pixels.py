"""Which pixels belong to which object, by a counting sort of one plane."""

# numba's decorators carry no types
# mypy: disallow-untyped-decorators=False

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.files.compiled import compiled


@dataclass(frozen=True)
class PixelLists:
    """The pixels of n objects, object after object.

    Attributes:
        starts: (n + 1,) int64; the pixels of object i are ``positions[starts[i] : starts[i + 1]]``.
        positions: flat indices into the plane, uint32 (int64 for planes beyond 4 billion pixels),
            ascending within an object.
        shape: (height, width) of the plane.
    """

    starts: NDArray[np.int64]
    positions: NDArray[np.uint32] | NDArray[np.int64]
    shape: tuple[int, int]

    @property
    def counts(self) -> NDArray[np.int64]:
        """Number of pixels of each object."""
        return np.diff(self.starts)


def list_pixels(plane: NDArray[np.int32], n: int) -> PixelLists:
    """Sort the pixels of a plane by object; linear in pixels.

    Args:
        plane: (height, width) int32, 0 is background, objects are numbered from 1 to n without
            being obliged to be there.
        n: number of objects.
    """
    flat = np.ascontiguousarray(plane).ravel()
    starts = _ends(flat, n)
    positions = np.empty(starts[n], np.uint32 if flat.size <= 2**32 else np.int64)
    _sort(flat, starts, positions)
    return PixelLists(starts, positions, (plane.shape[0], plane.shape[1]))


def number_objects(labels: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Assign numbers without gaps to the objects of a label plane.

    Args:
        labels: (height, width) whole numbers, 0 is background.

    Returns:
        The n labels in ascending order, and the (height, width) int32 plane in which the object
        of the i-th label is i + 1.
    """
    ids = find_objects(labels)
    if _table_is_large(labels):
        numbered = (np.searchsorted(ids, labels) + 1).astype(np.int32)
        numbered[labels == 0] = 0
        return ids, numbered
    lookup = np.zeros(int(labels.max(initial=0)) + 1, np.int32)
    lookup[ids] = np.arange(1, len(ids) + 1)
    return ids, _looked_up(np.ascontiguousarray(labels), lookup)


def find_objects(labels: NDArray[Any]) -> NDArray[np.int64]:
    """Return the labels of a plane in ascending order, without 0."""
    if _table_is_large(labels):
        found = np.unique(labels)
        return found[found > 0].astype(np.int64)
    present = np.zeros(int(labels.max(initial=0)) + 1, np.bool_)
    _mark(np.ascontiguousarray(labels), present)
    present[0] = False
    return np.flatnonzero(present).astype(np.int64)


def _table_is_large(labels: NDArray[Any]) -> bool:
    """Tell whether a look-up table would be larger than the image."""
    return int(labels.max(initial=0)) > 4 * labels.size + 65_536


# Indexing by a whole label image would have NumPy make 64-bit numbers of it first.
@compiled()
def _mark(labels: Any, present: Any) -> None:
    for row in range(labels.shape[0]):
        for column in range(labels.shape[1]):
            present[labels[row, column]] = True


@compiled()
def _looked_up(labels: Any, lookup: Any) -> Any:
    out = np.empty(labels.shape, np.int32)
    for row in range(labels.shape[0]):
        for column in range(labels.shape[1]):
            out[row, column] = lookup[labels[row, column]]
    return out


@compiled()
def _ends(flat: Any, n: int) -> Any:
    starts = np.zeros(n + 1, np.int64)
    for value in flat:
        if value > 0:
            starts[value] += 1
    for i in range(n):
        starts[i + 1] += starts[i]
    return starts


@compiled()
def _sort(flat: Any, starts: Any, positions: Any) -> None:
    following = starts[:-1].copy()
    for at in range(len(flat)):
        value = flat[at]
        if value > 0:
            positions[following[value - 1]] = at
            following[value - 1] += 1
