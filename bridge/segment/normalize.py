"""Percentile normalisation, as csbdeep's ``normalize`` does it, without a copy of the plane."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.errors import BadInputError


def percentile_range(
    plane: NDArray[Any], percentiles: tuple[float, float], source: str
) -> tuple[float, float]:
    """Return the intensities that are brought to 0 and 1.

    Percentiles are numpy's (linear interpolation), over the whole plane. For 8 and 16 bits they are
    read from a histogram, exactly and without a sorted copy.

    Args:
        plane: (height, width), any number type.
        percentiles: (low, high), 0 to 100.
        source: what an error calls the image.

    Returns:
        (low, high) intensity, low < high.

    Raises:
        BadInputError: NaN or infinite pixels, or no contrast between the percentiles.

    >>> percentile_range(np.arange(101, dtype=np.uint8)[np.newaxis], (1, 99), "a.tif")
    (1.0, 99.0)
    """
    if plane.dtype.kind == "f":
        broken = plane.size - int(np.isfinite(plane).sum())
        if broken:
            raise BadInputError(
                source,
                f"has {broken} pixels that are NaN or infinite",
                "replace them first (in Fiji: Process › Math › NaN Background, then set them to 0)",
            )
    if plane.dtype.kind == "u" and plane.dtype.itemsize <= 2:
        low, high = _from_histogram(plane, percentiles)
    else:
        low, high = (float(v) for v in np.percentile(plane, percentiles))
    if high > low:
        return low, high
    smallest, largest = plane.min(), plane.max()
    if smallest == largest:
        raise BadInputError(
            source, f"every pixel has the value {smallest}", "check that this is the right channel"
        )
    raise BadInputError(
        source,
        f"its percentiles {percentiles[0]:g} and {percentiles[1]:g} are both {low:g}",
        "almost all of it is background: crop it, or widen --percentiles (to 0 100)",
    )


def _from_histogram(plane: NDArray[Any], percentiles: tuple[float, float]) -> tuple[float, float]:
    counts = np.zeros(2 ** (8 * plane.dtype.itemsize), np.int64)
    for row in range(0, plane.shape[0], 256):  # bincount widens its input to 64 bits
        counts += np.bincount(plane[row : row + 256].ravel(), minlength=len(counts))
    ends = np.cumsum(counts)
    values = []
    for percentile in percentiles:
        rank = percentile / 100 * (plane.size - 1)
        below = int(np.floor(rank))
        first, second = (
            int(np.searchsorted(ends, min(r, plane.size - 1), side="right"))
            for r in (below, below + 1)
        )
        values.append(first + (second - first) * (rank - below))
    return values[0], values[1]
