"""Notes for the user on an image: planes and channels without contrast, nuclei of another size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bridge.images.info import ImageInfo
    from bridge.segment.normalize import IntensityRanges

Place = tuple[int, int]
"""Time point and slice of a plane, from 0."""

_MOST_LISTED = 6
_FEWEST_OBJECTS = 20  # fewer say little of the size
_OTHER_SIZE = 1.7  # times larger or smaller: from about here StarDist misses or splits nuclei


class PlaneNotes:
    """Notes on planes and channels without contrast, gathered to one line for each kind.

    Args:
        info: the image.
        percentiles: those of the recipe.

    >>> from bridge import ImageInfo
    >>> from bridge.segment.normalize import find_ranges
    >>> notes = PlaneNotes(ImageInfo(name="a", size_z=3), (1, 99.8))
    >>> blank = find_ranges(np.full((9, 9, 1), 7), (1, 99.8), "channels", "a")
    >>> notes.add((0, 0), [0], blank)
    >>> notes.add((0, 2), [0], blank)
    >>> notes.lines()
    ['slices 0 and 2 have one value throughout, so they have no nuclei']
    """

    def __init__(self, info: ImageInfo, percentiles: tuple[float, float]) -> None:
        self._info = info
        self._low, self._high = percentiles
        self._blank: list[tuple[Place, float]] = []
        self._coincide: list[tuple[Place, float]] = []
        self._channels: dict[int, list[tuple[Place, float]]] = {}

    def add(self, place: Place, channels: Sequence[int], ranges: IntensityRanges) -> None:
        """Note what is odd about the intensities of a plane.

        Args:
            place: its time point and slice.
            channels: the channels that were looked at.
            ranges: their intensities.
        """
        if ranges.is_blank:
            self._blank.append((place, next(iter(ranges.constant.values()))))
        elif ranges.coincide is not None:
            self._coincide.append((place, ranges.coincide))
        else:
            for position, value in ranges.constant.items():
                self._channels.setdefault(channels[position], []).append((place, value))

    def lines(self) -> list[str]:
        """Return a sentence for each kind of plane and each channel."""
        lines = []
        if self._blank and not self._is_stack:
            value = self._blank[0][1]
            lines.append(
                f"every pixel has the value {value:g}, so there are no nuclei: "
                "check that this is the right channel"
            )
        elif self._blank:
            have, they = ("has", "it has") if len(self._blank) == 1 else ("have", "they have")
            planes = self._list(self._blank)
            lines.append(f"{planes} {have} one value throughout, so {they} no nuclei")
        if self._coincide:
            value = self._coincide[0][1]
            were = "was" if len(self._coincide) == 1 else "were"
            lines.append(
                f"{self._list(self._coincide)} {were} left out: almost all is background, so that "
                f"the percentiles {self._low:g} and {self._high:g} are both {value:g}; widen "
                "--percentiles (to 0 100) to find nuclei there"
            )
        for channel, places in sorted(self._channels.items()):
            name = self._info.channels[channel]
            where = f" in {self._list(places)}" if self._is_stack else ""
            lines.append(
                f"channel {name} has the value {places[0][1]:g} throughout{where}: "
                "check that it is the right channel"
            )
        return lines

    @property
    def _is_stack(self) -> bool:
        return self._info.size_t * self._info.size_z > 1

    def _list(self, planes: Sequence[tuple[Place, float]]) -> str:
        """Return the planes in words: all of them, or their number and the first ones."""
        info = self._info
        if info.size_t > 1 and info.size_z > 1:
            words = [f"slice {z} at time {t}" for (t, z), _ in planes]
            kind, count = "planes", info.size_t * info.size_z
        elif info.size_t > 1:
            words, kind, count = [str(t) for (t, _), _ in planes], "time points", info.size_t
        else:
            words, kind, count = [str(z) for (_, z), _ in planes], "slices", info.size_z
        if len(words) > _MOST_LISTED:
            return f"{len(words)} of {count} {kind} ({', '.join(words[:_MOST_LISTED])}, …)"
        listed = " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
        return listed if kind == "planes" else f"{kind[: len(kind) - (len(words) == 1)]} {listed}"


def note_on_size(
    areas: NDArray[Any], factors: tuple[float, float], diameter: float | None
) -> str | None:
    """Compare the nuclei that were found with those that the model was trained on.

    Args:
        areas: (n,) of the objects in square pixels of the image.
        factors: how often the image was enlarged along (y, x) before prediction.
        diameter: median diameter of the training nuclei in pixels; ``None`` where not known.

    Returns:
        A sentence with the scale to try; ``None`` where the sizes agree within a factor of 1.7, or
        there are fewer than 20 objects.

    >>> note_on_size(np.full(20, 50.0**2 * np.pi / 4), (1.0, 1.0), 10.0)
    'nuclei are 50 pixels across, and the model learnt them at 10: try --scale 0.2'
    """
    if diameter is None or len(areas) < _FEWEST_OBJECTS:
        return None
    across = 2 * math.sqrt(float(np.median(areas)) / math.pi)
    predicted = across * math.sqrt(factors[0] * factors[1])
    if not predicted > 0 or 1 / _OTHER_SIZE <= predicted / diameter <= _OTHER_SIZE:
        return None
    scaled = "" if factors == (1.0, 1.0) else f" ({predicted:.2g} as the model saw them)"
    return (
        f"nuclei are {across:.2g} pixels across{scaled}, and the model learnt them at "
        f"{diameter:.2g}: try --scale {diameter / across:.2g}"
    )
