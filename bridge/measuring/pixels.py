"""Which pixels belong to which object, by a counting sort of one plane."""

# numba's decorators carry no types
# mypy: disallow-untyped-decorators=False

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class PixelLists:
    """The pixels of n objects, object after object.

    Attributes:
        starts: (n + 1,) int64; the pixels of object i are ``positions[starts[i] : starts[i + 1]]``.
        positions: flat indices into the plane, int64, ascending within an object.
        shape: (height, width) of the plane.
    """

    starts: NDArray[np.int64]
    positions: NDArray[np.int64]
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
    starts, positions = _sorted(np.ascontiguousarray(plane).ravel(), n)
    return PixelLists(starts, positions, (plane.shape[0], plane.shape[1]))


def number_objects(labels: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Number the objects of a label plane without gaps.

    Args:
        labels: (height, width) whole numbers, 0 is background.

    Returns:
        The n labels in ascending order, and the (height, width) int32 plane in which the object
        of the i-th label is i + 1.
    """
    largest = int(labels.max(initial=0))
    if largest > 4 * labels.size + 65_536:  # a look-up table would be larger than the image
        found, inverse = np.unique(labels, return_inverse=True)
        background = int(found[0] == 0)
        numbered = inverse.reshape(labels.shape) + 1 - background
        return found[background:].astype(np.int64), numbered.astype(np.int32)
    present = np.zeros(largest + 1, np.bool_)
    present[labels] = True
    present[0] = False
    lookup = np.cumsum(present, dtype=np.int32)
    lookup[~present] = 0
    return np.flatnonzero(present).astype(np.int64), lookup[labels]


@numba.njit(cache=True)
def _sorted(flat: Any, n: int) -> Any:
    starts = np.zeros(n + 1, np.int64)
    for value in flat:
        if value > 0:
            starts[value] += 1
    for i in range(n):
        starts[i + 1] += starts[i]
    following = starts[:-1].copy()
    positions = np.empty(starts[n], np.int64)
    for at in range(len(flat)):
        value = flat[at]
        if value > 0:
            positions[following[value - 1]] = at
            following[value - 1] += 1
    return starts, positions
