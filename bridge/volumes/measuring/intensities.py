"""Statistics of a channel in every object of a volume, of which one slice is in memory."""

# numba's decorators carry no types
# mypy: disallow-untyped-decorators=False, disallow-untyped-calls=False

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.files.compiled import compiled
from bridge.measure.intensity import measure_intensities
from bridge.measure.pixels import PixelLists

Positions = NDArray[np.uint32] | NDArray[np.int64]


def measure_slices(
    read: Callable[[int], NDArray[Any]],
    numbers: NDArray[np.int32],
    counts: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Measure the values of a channel in every object.

    The values inside objects are collected slice by slice, object after object, so that medians
    are exact.

    Args:
        read: returns the values (height, width) of a slice, from 0.
        numbers: (z, y, x), 0 is background, objects are numbered from 1 to n.
        counts: (n,) their numbers of voxels.

    Returns:
        (n, 6) as :func:`bridge.measure.intensity.measure_intensities`.

    >>> numbers = np.array([[[1, 0]], [[1, 2]]], np.int32)
    >>> values = np.array([[[4, 9]], [[8, 7]]], np.uint16)
    >>> measure_slices(lambda z: values[z], numbers, np.array([2, 1]))[:, 0].tolist()
    [6.0, 7.0]
    """
    starts = np.concatenate([[0], np.cumsum(counts)])
    following = starts[:-1].copy()
    collected: NDArray[Any] = np.zeros(starts[-1], np.float32)
    for z in range(len(numbers)):
        if not numbers[z].any():
            continue
        plane = _of_three_types(read(z))
        if collected.dtype != plane.dtype:
            collected = collected.astype(plane.dtype)
        _collect(plane, numbers[z], following, collected)
    positions: Positions = np.arange(len(collected), dtype=np.uint32)
    if len(collected) > 2**32:
        positions = np.arange(len(collected), dtype=np.int64)
    return measure_intensities(collected[None], PixelLists(starts, positions, (1, len(collected))))


def _of_three_types(values: NDArray[Any]) -> NDArray[Any]:
    """Return values in one of the types that statistics are compiled for."""
    kind = values.dtype
    if kind.kind in "ub" and kind.itemsize <= 2:
        return np.ascontiguousarray(values, np.uint16)
    return np.ascontiguousarray(values, np.float32 if kind == np.float32 else np.float64)


@compiled(nogil=True)
def _collect(plane: Any, numbers: Any, following: Any, collected: Any) -> None:
    height, width = numbers.shape
    for y in range(height):
        for x in range(width):
            number = numbers[y, x]
            if number > 0:
                collected[following[number - 1]] = plane[y, x]
                following[number - 1] += 1
