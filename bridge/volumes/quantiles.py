"""Quantiles of a channel that need not fit into memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_COUNTED_BYTES = 2
"""Bytes of an integer whose values are all counted: 65,536 numbers."""

_AT_ONCE = 2**20
"""Voxels that are counted at a time."""

_MOST_SAMPLES = 2**22
"""Voxels of other types that are looked at: their rank then errs by 0.00002 at quantile 0.998."""


def quantiles(
    slabs: Callable[[], Iterable[NDArray[Any]]],
    shape: tuple[int, int, int],
    wanted: tuple[float, float],
) -> tuple[float, float]:
    """Return two quantiles, as :func:`numpy.quantile` interpolates them.

    Those of 8 and 16 bit integers are exact. Of wider types every k-th voxel counts, so that there
    are at most four million; k shares no factor with the size of a slice, and the same voxels count
    in every run.

    Args:
        slabs: returns the volume's slices, in order, in arrays (z, y, x).
        shape: (z, y, x) of the volume.
        wanted: both from 0 to 1.

    >>> volume = np.arange(101, dtype=np.uint8).reshape(1, 1, 101)
    >>> quantiles(lambda: [volume], volume.shape, (0.01, 0.998))
    (1.0, 99.8)
    """
    counts: NDArray[np.int64] | None = None
    samples: list[NDArray[Any]] = []
    step = sampling_step(shape)
    seen = 0
    first = 0
    for slab in slabs():
        if slab.dtype.kind in "ui" and slab.dtype.itemsize <= _COUNTED_BYTES:
            first = int(np.iinfo(slab.dtype).min)
            size = int(np.iinfo(slab.dtype).max) - first + 1
            if counts is None:
                counts = np.zeros(size, np.int64)
            flat = slab.reshape(-1)
            for start in range(0, flat.size, _AT_ONCE):  # bincount makes 64-bit numbers of them
                part = flat[start : start + _AT_ONCE].astype(np.int64)
                counts += np.bincount(part - first, minlength=size)
        else:
            samples.append(slab.reshape(-1)[-seen % step :: step].astype(np.float64))
            seen += slab.size
    if counts is not None:
        low, high = (_counted(counts, quantile) + first for quantile in wanted)
    else:
        low, high = np.quantile(np.concatenate(samples), wanted).tolist()
    return float(low), float(high)


def sampling_step(shape: tuple[int, int, int]) -> int:
    """Return the least k for which every k-th voxel makes at most four million.

    >>> sampling_step((10, 100, 100)), sampling_step((100, 1000, 1000))
    (1, 27)
    """
    depth, height, width = shape
    step = -(-depth * height * width // _MOST_SAMPLES)
    while math.gcd(step, height * width) > 1:
        step += 1
    return step


def _counted(counts: NDArray[np.int64], quantile: float) -> float:
    """Return a quantile of counted numbers from 0."""
    upto = np.cumsum(counts)
    position = quantile * (int(upto[-1]) - 1)
    low = math.floor(position)
    below, above = np.searchsorted(upto, [low, min(low + 1, int(upto[-1]) - 1)], side="right")
    return float(below + (above - below) * (position - low))
