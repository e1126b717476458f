"""Sums of powers of the values and of the coordinates of regions.

Values are float32, as ilastik has them; sums are float64.
"""

# numba's decorators carry no types
# mypy: disallow-untyped-decorators=False

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from bridge.classify.objects.features.ilastik.eigensystems import symmetric_eigensystem
from bridge.classify.objects.features.ilastik.runs import PixelRuns
from bridge.files.compiled import compiled

HISTOGRAM_BINS = 64
"""Bins of vigra's histogram."""

QUANTILES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
"""Quantiles that vigra computes."""

_REORDERED = {"reassoc", "contract", "nsz", "arcp"}  # sums in any order; NaN stay NaN


@dataclass(frozen=True)
class ValueMoments:
    """Moments of the values of n regions; NaN for a region without pixels.

    Attributes:
        counts: (n,) pixels.
        sums, minima, maxima: (n,).
        central: (n, 3) sums of the second, third and fourth power of the distance to the mean.
    """

    counts: NDArray[np.float64]
    sums: NDArray[np.float64]
    minima: NDArray[np.float64]
    maxima: NDArray[np.float64]
    central: NDArray[np.float64]

    @property
    def means(self) -> NDArray[np.float64]:
        """Mean (n,)."""
        return self.sums / self.counts


def value_moments(values: NDArray[np.float32], runs: PixelRuns, *, central: bool) -> ValueMoments:
    """Return the moments of the values of regions.

    Args:
        values: (height, width).
        runs: the regions.
        central: the central moments are wanted, too; else they are NaN.
    """
    found = np.full((len(runs), 7), np.nan)
    found[:, 0] = 0
    flat = np.ascontiguousarray(values, np.float32).ravel()
    _values(flat, runs.starts, runs.begins, runs.lengths, central, found)
    return ValueMoments(found[:, 0], found[:, 1], found[:, 2], found[:, 3], found[:, 4:])


@dataclass(frozen=True)
class PlaceMoments:
    """Moments of the coordinates (x, y) of the pixels of n regions, each with a weight.

    Attributes:
        weights: (n,) sums of the weights, the numbers of pixels where there are none.
        sums: (n, 2).
        axes: (n, 2, 2), the principal axes as columns, the longest first.
        principal: (n, 3, 2) sums of the second, third and fourth power along these axes.
    """

    weights: NDArray[np.float64]
    sums: NDArray[np.float64]
    axes: NDArray[np.float64]
    principal: NDArray[np.float64]


def place_moments(runs: PixelRuns, weights: NDArray[np.float32] | None = None) -> PlaceMoments:
    """Return the moments of the coordinates of regions.

    Args:
        runs: the regions.
        weights: (height, width) of the pixels; 1 where ``None``.
    """
    n = len(runs)
    totals, sums = np.full(n, np.nan), np.full((n, 2), np.nan)
    axes, principal = np.full((n, 2, 2), np.nan), np.full((n, 3, 2), np.nan)
    flat = np.zeros(0, np.float32) if weights is None else np.ascontiguousarray(weights).ravel()
    _places(
        runs.starts, runs.begins, runs.lengths, runs.shape[1], flat, totals, sums, axes, principal
    )
    return PlaceMoments(totals, sums, axes, principal)


def extreme_places(
    values: NDArray[np.float32], runs: PixelRuns
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (x, y) of the first smallest and of the first largest value (n, 2) of regions."""
    low, high = (np.full((len(runs), 2), np.nan) for _ in range(2))
    flat = np.ascontiguousarray(values).ravel()
    _extremes(flat, runs.starts, runs.begins, runs.lengths, runs.shape[1], low, high)
    return low, high


def bounds(runs: PixelRuns) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the least (x, y), and the largest plus 1, (n, 2) of regions."""
    low, high = (np.full((len(runs), 2), np.nan) for _ in range(2))
    _bounds(runs.starts, runs.begins, runs.lengths, runs.shape[1], low, high)
    return low, high


def covariances(
    first: NDArray[np.float32], second: NDArray[np.float32], runs: PixelRuns
) -> NDArray[np.float64]:
    """Return the covariance (n,) of two channels in regions, divided by the number of pixels."""
    found = np.full(len(runs), np.nan)
    a, b = (np.ascontiguousarray(values).ravel() for values in (first, second))
    _covariances(a, b, runs.starts, runs.begins, runs.lengths, found)
    return found


def principal_values(
    channels: NDArray[np.float32], runs: PixelRuns, covariance: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Project the values of several channels onto the principal axes of each region.

    Args:
        channels: (channels, height, width).
        runs: n regions.
        covariance: (n, channels, channels) of the values in them.

    Returns:
        The axes (n, channels, channels) as columns, and along each axis the sums of the second,
        third and fourth power, the minimum and the maximum of the distance to the mean:
        (n, 5, channels).
    """
    n, c = len(runs), len(channels)
    axes, found = np.full((n, c, c), np.nan), np.full((n, 5, c), np.nan)
    flat = np.ascontiguousarray(channels).reshape(c, -1)
    _principal(flat, runs.starts, runs.begins, runs.lengths, covariance, axes, found)
    return axes, found


def histograms(
    values: NDArray[np.float32], runs: PixelRuns, low: float, high: float
) -> NDArray[np.float64]:
    """Return histograms (n, 64) of regions; a value on the upper end is in the last bin.

    Args:
        values: (height, width).
        runs: the regions.
        low: where the first bin begins.
        high: where the last bin ends.
    """
    counts = np.zeros((len(runs), HISTOGRAM_BINS))
    flat = np.ascontiguousarray(values).ravel()
    top = high if high > low else high + HISTOGRAM_BINS * np.finfo(np.float64).eps
    scale = HISTOGRAM_BINS / (top - low)
    _histograms(flat, runs.starts, runs.begins, runs.lengths, low, scale, counts)
    return counts


def quantiles(
    counts: NDArray[np.float64],
    low: float,
    high: float,
    minima: NDArray[np.float64],
    maxima: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the quantiles (n, 7) of regions by their histograms, interpolated within bins.

    The first bin with pixels begins at the region's minimum, the last one ends at its maximum.

    Args:
        counts: (n, 64), of :func:`histograms`.
        low: where the first bin begins.
        high: where the last bin ends.
        minima: (n,) of the regions.
        maxima: (n,) of the regions.
    """
    found = np.full((len(counts), len(QUANTILES)), np.nan)
    top = high if high > low else high + HISTOGRAM_BINS * np.finfo(np.float64).eps
    width = (top - low) / HISTOGRAM_BINS
    _quantiles(counts, low, width, minima, maxima, np.array(QUANTILES), found)
    return found


@compiled(parallel=True, fastmath=_REORDERED)
def _values(values: Any, starts: Any, begins: Any, lengths: Any, central: bool, found: Any) -> None:
    for i in numba.prange(len(starts) - 1):
        count = 0
        total = 0.0
        low = np.float32(np.inf)
        high = np.float32(-np.inf)
        for k in range(starts[i], starts[i + 1]):
            part = 0.0
            for at in range(begins[k], begins[k] + lengths[k]):
                value = values[at]
                part += value
                low = min(low, value)
                high = max(high, value)
            total += part
            count += lengths[k]
        found[i, 0] = count
        if count:
            found[i, 1] = total
            found[i, 2] = low
            found[i, 3] = high
        if count and central:
            mean = total / count
            second = third = fourth = 0.0
            for k in range(starts[i], starts[i + 1]):
                for at in range(begins[k], begins[k] + lengths[k]):
                    away = values[at] - mean
                    square = away * away
                    second += square
                    third += square * away
                    fourth += square * square
            found[i, 4] = second
            found[i, 5] = third
            found[i, 6] = fourth


@compiled(parallel=True)
def _places(
    starts: Any,
    begins: Any,
    lengths: Any,
    width: int,
    weights: Any,
    totals: Any,
    sums: Any,
    axes: Any,
    principal: Any,
) -> None:
    for i in numba.prange(len(starts) - 1):
        if starts[i] == starts[i + 1]:
            continue
        weight = 1.0
        # In the order of vigra, where rounding decides the sign of axes that are upright.
        scatter = np.zeros((2, 2))
        total = sum_x = sum_y = 0.0
        for k in range(starts[i], starts[i + 1]):
            y, x = divmod(begins[k], width)
            for step in range(lengths[k]):
                if len(weights):
                    weight = weights[begins[k] + step]
                total += weight
                sum_x += weight * (x + step)
                sum_y += weight * y
                if total > weight:
                    part = total * weight / (total - weight)
                    dx, dy = sum_x / total - (x + step), sum_y / total - y
                    scatter[0, 0] += part * dx * dx
                    scatter[0, 1] += part * dx * dy
                    scatter[1, 1] += part * dy * dy
        totals[i] = total
        sums[i, 0] = sum_x
        sums[i, 1] = sum_y
        if total == 0:
            continue
        centre_x, centre_y = sum_x / total, sum_y / total
        scatter[1, 0] = scatter[0, 1]
        if not np.isfinite(scatter).all():
            continue
        values, vectors = symmetric_eigensystem(scatter)
        axes[i] = vectors
        principal[i, 0] = values
        principal[i, 1:] = 0.0
        for k in range(starts[i], starts[i + 1]):
            y, x = divmod(begins[k], width)
            for step in range(lengths[k]):
                if len(weights):
                    weight = weights[begins[k] + step]
                dx, dy = x + step - centre_x, y - centre_y
                for axis in range(2):
                    along = dx * vectors[0, axis] + dy * vectors[1, axis]
                    principal[i, 1, axis] += weight * along**3
                    principal[i, 2, axis] += weight * along**4


@compiled()
def _extremes(
    values: Any, starts: Any, begins: Any, lengths: Any, width: int, low: Any, high: Any
) -> None:
    for i in range(len(starts) - 1):
        if starts[i] == starts[i + 1]:
            continue
        least = most = begins[starts[i]]
        for k in range(starts[i], starts[i + 1]):
            for at in range(begins[k], begins[k] + lengths[k]):
                if values[at] < values[least]:
                    least = at
                if values[at] > values[most]:
                    most = at
        low[i, 0], low[i, 1] = least % width, least // width
        high[i, 0], high[i, 1] = most % width, most // width


@compiled()
def _bounds(starts: Any, begins: Any, lengths: Any, width: int, low: Any, high: Any) -> None:
    for i in range(len(starts) - 1):
        if starts[i] == starts[i + 1]:
            continue
        low[i] = np.inf
        high[i] = -np.inf
        for k in range(starts[i], starts[i + 1]):
            y, x = divmod(begins[k], width)
            low[i, 0], low[i, 1] = min(low[i, 0], x), min(low[i, 1], y)
            high[i, 0], high[i, 1] = max(high[i, 0], x + lengths[k]), max(high[i, 1], y + 1)


@compiled(parallel=True)
def _covariances(
    first: Any, second: Any, starts: Any, begins: Any, lengths: Any, found: Any
) -> None:
    for i in numba.prange(len(starts) - 1):
        count = 0
        mean_first = mean_second = 0.0
        for k in range(starts[i], starts[i + 1]):
            count += lengths[k]
            for at in range(begins[k], begins[k] + lengths[k]):
                mean_first += first[at]
                mean_second += second[at]
        if count:
            mean_first /= count
            mean_second /= count
            total = 0.0
            for k in range(starts[i], starts[i + 1]):
                for at in range(begins[k], begins[k] + lengths[k]):
                    total += (first[at] - mean_first) * (second[at] - mean_second)
            found[i] = total / count


@compiled(parallel=True)
def _principal(
    channels: Any, starts: Any, begins: Any, lengths: Any, covariance: Any, axes: Any, found: Any
) -> None:
    c = len(channels)
    for i in numba.prange(len(starts) - 1):
        if starts[i] == starts[i + 1] or not np.isfinite(covariance[i]).all():
            continue
        means = np.zeros(c)
        count = 0
        for k in range(starts[i], starts[i + 1]):
            count += lengths[k]
            for channel in range(c):
                for at in range(begins[k], begins[k] + lengths[k]):
                    means[channel] += channels[channel, at]
        means /= count
        values, vectors = symmetric_eigensystem(covariance[i] * count)
        axes[i] = vectors
        found[i, 0] = values
        found[i, 1:3] = 0.0
        found[i, 3] = np.inf
        found[i, 4] = -np.inf
        for k in range(starts[i], starts[i + 1]):
            for at in range(begins[k], begins[k] + lengths[k]):
                for axis in range(c):
                    along = 0.0
                    for channel in range(c):
                        along += (channels[channel, at] - means[channel]) * vectors[channel, axis]
                    found[i, 1, axis] += along**3
                    found[i, 2, axis] += along**4
                    found[i, 3, axis] = min(found[i, 3, axis], along)
                    found[i, 4, axis] = max(found[i, 4, axis], along)


@compiled(parallel=True)
def _histograms(
    values: Any, starts: Any, begins: Any, lengths: Any, low: float, scale: float, counts: Any
) -> None:
    bins = counts.shape[1]
    for i in numba.prange(len(starts) - 1):
        for k in range(starts[i], starts[i + 1]):
            for at in range(begins[k], begins[k] + lengths[k]):
                place = scale * (values[at] - low)
                if place == bins:
                    counts[i, bins - 1] += 1
                elif 0 <= place < bins:
                    counts[i, int(place)] += 1


@compiled()
def _quantiles(
    counts: Any, low: float, width: float, minima: Any, maxima: Any, wanted: Any, found: Any
) -> None:
    bins = counts.shape[1]
    places = np.empty(2 * bins + 2)
    below = np.empty(2 * bins + 2)
    for i in range(len(counts)):
        total = counts[i].sum()
        if total == 0:
            continue
        # points of the cumulative histogram, between which it is a line
        places[0] = (minima[i] - low) / width
        below[0] = 0.0
        last = 0
        cumulative = 0.0
        for k in range(bins):
            if counts[i, k] == 0:
                continue
            if places[last] <= k:
                last += 1
                places[last], below[last] = k, cumulative
            cumulative += counts[i, k]
            last += 1
            places[last], below[last] = k + 1, cumulative
        places[last] = (maxima[i] - low) / width
        found[i, 0] = minima[i]
        found[i, -1] = maxima[i]
        point = 0
        for number in range(1, len(wanted) - 1):
            count = total * wanted[number]
            while point < last - 1 and not below[point] < count <= below[point + 1]:
                point += 1
            part = (count - below[point]) / (below[point + 1] - below[point])
            place = places[point] + part * (places[point + 1] - places[point])
            found[i, number] = low + width * place
