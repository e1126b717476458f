"""Percentile normalisation, as csbdeep's ``normalize`` does it, without a copy of the plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.model.recipe import Normalization


@dataclass(frozen=True)
class IntensityRanges:
    """The intensities of a plane that are brought to 0 and 1, for each of its channels.

    Attributes:
        low: (channels,) float32, what becomes 0.
        span: (channels,) float32, from what becomes 0 to what becomes 1; infinite for a channel of
            one value, which becomes 0 throughout.
        constant: the value of each channel whose pixels all have one, by its position.
        coincide: the intensity at which the percentiles of a channel that is not constant coincide,
            so that the plane cannot be normalised; ``None`` where they differ.
    """

    low: NDArray[np.float32]
    span: NDArray[np.float32]
    constant: Mapping[int, float] = field(default_factory=dict)
    coincide: float | None = None

    @property
    def is_blank(self) -> bool:
        """Is true where every channel is constant, so that there is nothing to see."""
        return len(self.constant) == len(self.low)

    @property
    def have_contrast(self) -> bool:
        """Is true where the plane can be normalised, and is not blank."""
        return not self.is_blank and self.coincide is None

    @classmethod
    def of(
        cls, plane: NDArray[Any], ranges: Sequence[tuple[float, float]], source: str
    ) -> IntensityRanges:
        """Return ranges that are known, as those of the whole image that a plane was cut from.

        Args:
            plane: (height, width, channels), any number type.
            ranges: (low, high) intensity of each channel.
            source: what an error calls the image.

        Raises:
            BadInputError: another number of ranges than of channels, one that does not rise, or NaN
                or infinite pixels.

        >>> IntensityRanges.of(np.zeros((9, 9, 1)), [(2, 6)], "a.tif").span.tolist()
        [4.0]
        """
        _refuse_broken(plane, source)
        if len(ranges) != plane.shape[-1]:
            raise BadInputError(
                source,
                f"has {plane.shape[-1]} channels, and ranges of {len(ranges)}",
                "give a range a channel",
            )
        for low, high in ranges:
            if not low < high:
                raise BadInputError(
                    source, f"the range {low:g} to {high:g} does not rise", "give (low, high)"
                )
        limits = np.array(ranges, np.float32)
        return cls(limits[:, 0], limits[:, 1] - limits[:, 0], _constants(plane))

    def apply(self, values: NDArray[np.float32]) -> None:
        """Normalise (…, channels) intensities in place."""
        values -= self.low
        values /= self.span


def find_ranges(
    plane: NDArray[Any], percentiles: tuple[float, float], normalize: Normalization, source: str
) -> IntensityRanges:
    """Find the intensities of a plane that are brought to 0 and 1.

    Args:
        plane: (height, width, channels), any number type.
        percentiles: (low, high), 0 to 100.
        normalize: ``channels`` takes the percentiles of each channel, as csbdeep's ``normalize``
            does with ``axis=(0, 1)``; ``joint`` those of all channels together, as with
            ``axis=(0, 1, 2)``.
        source: what an error calls the image.

    Raises:
        BadInputError: NaN or infinite pixels.

    >>> plane = np.stack([np.eye(9), 5 * np.eye(9)], axis=-1)
    >>> find_ranges(plane, (0, 100), "channels", "a.tif").span.tolist()
    [1.0, 5.0]
    >>> find_ranges(plane, (0, 100), "joint", "a.tif").span.tolist()
    [5.0, 5.0]
    """
    _refuse_broken(plane, source)
    channels = np.moveaxis(plane, -1, 0)
    constant = _constants(plane)
    low, span = np.zeros(len(channels)), np.full(len(channels), np.inf)
    coincide = None
    if len(constant) < len(channels) and normalize == "joint":
        lowest, highest = percentile_range(plane, percentiles)
        low[:], span[:] = lowest, highest - lowest
        coincide = None if highest > lowest else lowest
    elif len(constant) < len(channels):
        for k, channel in enumerate(channels):
            if k in constant:
                low[k] = constant[k]
                continue
            lowest, highest = percentile_range(channel, percentiles)
            low[k], span[k] = lowest, highest - lowest
            if not highest > lowest:
                coincide = lowest
    return IntensityRanges(low.astype(np.float32), span.astype(np.float32), constant, coincide)


def percentile_range(plane: NDArray[Any], percentiles: tuple[float, float]) -> tuple[float, float]:
    """Return two percentiles of a plane's intensities.

    Percentiles are numpy's (linear interpolation), over the whole plane. For 8 and 16 bits they are
    read from a histogram, exactly and without a sorted copy.

    Args:
        plane: (height, width) or (height, width, channels), finite numbers.
        percentiles: (low, high), 0 to 100.

    Returns:
        (low, high) intensity, low <= high.

    >>> percentile_range(np.arange(101, dtype=np.uint8)[np.newaxis], (1, 99))
    (1.0, 99.0)
    """
    if plane.dtype.kind == "u" and plane.dtype.itemsize <= 2:
        return _from_histogram(plane, percentiles)
    low, high = (float(v) for v in np.percentile(plane, percentiles))
    return low, high


def _constants(plane: NDArray[Any]) -> dict[int, float]:
    """Return the value of each channel whose pixels all have one."""
    return {
        k: float(channel.flat[0])
        for k, channel in enumerate(np.moveaxis(plane, -1, 0))
        if channel.min() == channel.max()
    }


def _refuse_broken(plane: NDArray[Any], source: str) -> None:
    if plane.dtype.kind != "f":
        return
    broken = plane.size - int(np.isfinite(plane).sum())
    if broken:
        raise BadInputError(
            source,
            f"has {broken} pixels that are NaN or infinite",
            "replace them first (in Fiji: Process › Math › NaN Background, then set them to 0)",
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
