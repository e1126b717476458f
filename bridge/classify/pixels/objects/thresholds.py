"""Thresholds that turn a plane into a mask: fixed, by Otsu's method, with hysteresis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.classify.pixels.objects.regions import label_regions

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BINS = 256


def above(plane: NDArray[np.float32], cutoff: float) -> NDArray[np.bool_]:
    """Return the mask of the pixels that have at least a value.

    Args:
        plane: (height, width) values.
        cutoff: the least value of an object; compared in single precision, as ImageJ does.

    >>> above(np.float32([[0.4, 0.5]]), 0.5).tolist()
    [[False, True]]
    """
    mask: NDArray[np.bool_] = plane >= np.float32(cutoff)
    return mask


def above_hysteresis(plane: NDArray[np.float32], low: float, high: float) -> NDArray[np.bool_]:
    """Return the regions above a low value in which at least one pixel reaches a high one.

    Args:
        plane: (height, width) values.
        low: the least value of an object's pixel.
        high: the value that a pixel of each object reaches.

    >>> above_hysteresis(np.float32([[0.4, 0.9, 0.0, 0.4]]), 0.3, 0.8).tolist()
    [[True, True, False, False]]
    """
    regions = label_regions(above(plane, low))
    is_kept = np.zeros(int(regions.max(initial=0)) + 1, bool)
    is_kept[regions[above(plane, high)]] = True
    is_kept[0] = False
    mask: NDArray[np.bool_] = is_kept[regions]
    return mask


def otsu_cutoff(plane: NDArray[Any]) -> float | None:
    """Return the least value of an object by Otsu's method, as ImageJ's *Otsu dark* finds it.

    8-bit planes have a bin a value; others have 256 bins from their lowest to their highest value.
    Otsu, "A threshold selection method from gray-level histograms", IEEE Trans. SMC 9 (1979).

    Args:
        plane: (height, width) values: uint8, uint16 or floats without NaN.

    Returns:
        The value, or ``None`` for a plane of a single value, which has no objects.

    >>> otsu_cutoff(np.array([[1, 2, 2, 9, 9, 8]], np.uint8))
    3.0
    """
    low, high = float(plane.min()), float(plane.max())
    if low == high:
        return None
    if plane.dtype == np.uint8:
        return float(_otsu(np.bincount(plane.ravel(), minlength=_BINS)) + 1)
    # of whole numbers, ImageJ gives the highest a bin's width of its own
    scale = _BINS / (high - low + 1) if plane.dtype.kind in "ui" else (_BINS - 1) / (high - low)
    bins = ((plane.astype(np.float64) - low) * scale + 0.5).astype(np.int64)
    counts = np.bincount(np.minimum(bins, _BINS - 1).ravel(), minlength=_BINS)
    cutoff = low + (_otsu(counts) + 1) / (_BINS - 1) * (high - low)
    return float(round(cutoff)) if plane.dtype.kind in "ui" else cutoff


def _otsu(counts: NDArray[np.int64]) -> int:
    """Return the last bin of the background: the variance between the classes is largest.

    Where several bins divide the classes alike, rounding decides; so the sums are ImageJ's.
    """
    shares = (1 / counts.sum()) * counts
    below = np.cumsum(shares)
    moment = np.cumsum(np.arange(len(counts)) * shares)
    difference = moment[-1] * below - moment
    with np.errstate(divide="ignore", invalid="ignore"):
        between = difference * (difference / (below * (1 - below)))
    return int(np.where(np.isnan(between), 0, between).argmax())
