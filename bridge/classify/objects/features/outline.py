"""Lobes of an object: how evenly its area lies around its centre."""

# numba's decorators carry no types
# mypy: disallow-untyped-decorators=False

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from bridge.files.compiled import compiled
from bridge.measure.pixels import PixelLists

LOBES = (2, 3, 4, 5, 6, 7, 8)
"""Numbers of lobes that are looked for. One alone would be an object beside its own centre."""


def lobes(pixels: PixelLists) -> NDArray[np.float64]:
    """Measure how much of each object's area lies in some number of evenly spaced directions.

    The Fourier coefficients of the area by direction, |Σ exp(i·k·θ)| / N over the N pixels of an
    object, where θ is a pixel's direction from the centroid: 0 for a disc, 1 for area in k
    directions only. They do not depend on where the object lies, on the way it points, and, but for
    the steps of its outline, on its size.

    Args:
        pixels: n objects of a plane.

    Returns:
        (n, 7), a column for each of :data:`LOBES`; NaN for an object without pixels.

    >>> from bridge.measure.pixels import list_pixels
    >>> bar = np.zeros((5, 40), np.int32)
    >>> bar[2, 1:38] = 1
    >>> lobes(list_pixels(bar, 1)).round(2).tolist()
    [[0.97, 0.0, 0.97, 0.0, 0.97, 0.0, 0.97]]
    """
    found: NDArray[np.float64] = _lobes(
        pixels.shape[1], pixels.starts, pixels.positions, LOBES[0], len(LOBES)
    )
    return found


@compiled(parallel=True)
def _lobes(width: int, starts: Any, positions: Any, first: int, count: int) -> Any:
    n = len(starts) - 1
    out = np.full((n, count), np.nan)
    for i in numba.prange(n):
        own = positions[starts[i] : starts[i + 1]]
        if len(own) == 0:
            continue
        x_sum, y_sum = np.int64(0), np.int64(0)
        for position in own:
            x_sum += np.int64(position) % width
            y_sum += np.int64(position) // width
        x_centre, y_centre = x_sum / len(own), y_sum / len(own)
        sums = np.zeros(count, np.complex128)
        for position in own:
            x = np.int64(position) % width - x_centre
            y = np.int64(position) // width - y_centre
            distance = np.sqrt(x * x + y * y)
            if distance == 0.0:
                continue
            direction = complex(x / distance, y / distance)
            power = direction**first
            for k in range(count):
                sums[k] += power
                power *= direction
        for k in range(count):
            out[i, k] = abs(sums[k]) / len(own)
    return out
