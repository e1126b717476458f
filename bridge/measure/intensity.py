"""Statistics of one channel's values in every object."""

# numba's decorators carry no types
# mypy: disallow-untyped-decorators=False

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from bridge.files.compiled import compiled
from bridge.measure.pixels import PixelLists

STATISTICS = ("Mean", "Median", "Min", "Max", "Std.Dev.", "Sum")
"""Statistics of a channel, in the order of the columns of :func:`measure_intensities`."""

_BINS = 256


def measure_intensities(values: NDArray[Any], pixels: PixelLists) -> NDArray[np.float64]:
    """Measure a channel's values in every object, in float64.

    The standard deviation is that of the pixels themselves (divided by n), as NumPy's and
    scikit-image's; QuPath and ImageJ divide by n - 1. An object that touches a NaN gets NaN in
    this channel; other objects are not affected.

    Args:
        values: (height, width) of any real type.
        pixels: n objects of a plane of that size.

    Returns:
        (n, 6), columns as in :data:`STATISTICS`; NaN for objects without pixels.
    """
    # Each type costs seconds of compilation the first time, so that there are only these three.
    kind = values.dtype
    if kind.kind in "ub" and kind.itemsize <= 2:
        plane = np.ascontiguousarray(values, np.uint16)
    elif kind == np.float32:
        plane = np.ascontiguousarray(values)
    else:
        plane = np.ascontiguousarray(values, np.float64)
    statistics: NDArray[np.float64] = _statistics(plane.ravel(), pixels.starts, pixels.positions)
    return statistics


@compiled()
def _median(values: Any, low: float, high: float) -> Any:
    """Return the median of values from ``low`` to ``high``.

    Values are counted in bins, and those of the middle bins alone are sorted: half the time of
    NumPy's.
    """
    count = len(values)
    scale = (_BINS - 1) / (high - low) if high > low else 0.0
    if count < _BINS // 4 or scale == 0.0 or not np.isfinite(scale):
        return np.median(values)
    counts = np.zeros(_BINS, np.int64)
    for value in values:
        counts[np.int64((value - low) * scale)] += 1
    first, second = (count - 1) // 2, count // 2
    below, lower = 0, 0
    while below + counts[lower] <= first:
        below += counts[lower]
        lower += 1
    until, upper = below, lower
    while until + counts[upper] <= second:
        until += counts[upper]
        upper += 1
    middle = np.empty(until + counts[upper] - below, np.float64)
    found = 0
    for value in values:
        place = np.int64((value - low) * scale)
        if lower <= place <= upper:
            middle[found] = value
            found += 1
    middle.sort()
    return (middle[first - below] + middle[second - below]) / 2


@compiled(parallel=True)
def _statistics(flat: Any, starts: Any, positions: Any) -> Any:
    n = len(starts) - 1
    out = np.full((n, 6), np.nan)
    for i in numba.prange(n):
        start, count = starts[i], starts[i + 1] - starts[i]
        if count == 0:
            continue
        values = np.empty(count, np.float64)
        total, low, high = 0.0, np.inf, -np.inf
        for k in range(count):
            value = np.float64(flat[positions[start + k]])
            values[k] = value
            total += value
            low = min(low, value)
            high = max(high, value)
            if value != value:
                break
        else:
            mean = total / count
            squares = 0.0
            for k in range(count):
                squares += (values[k] - mean) ** 2
            out[i, 0] = mean
            out[i, 1] = _median(values, low, high)
            out[i, 2] = low
            out[i, 3] = high
            out[i, 4] = np.sqrt(squares / count)
            out[i, 5] = total
    return out
