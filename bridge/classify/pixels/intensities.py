"""Do the pixel values of an image mean what they meant in training?

Features are computed from the values as they are: a classifier trained on 16 bits finds nothing in
the same image scaled to 8 bits. Types that differ are refused, and ranges that differ are named,
unless a person says what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bridge.classify.pixels.planes import PlaneReader
from bridge.errors import BadInputError

Choice = Literal["check", "as-is", "normalize"]
"""Treatment of values: refuse another type, take any, or bring the range to that of training."""

PERCENTILES = (0.2, 99.8)
"""Percentiles that are taken for the range of a channel."""

_MOST_PLANES = 5
_MOST_PIXELS = 250_000
_FAR = 8.0  # times as wide a range: more than exposures of one study differ


@dataclass(frozen=True)
class Intensities:
    """Type and range of the pixels of some images.

    Attributes:
        dtype: type of the values, such as ``uint16``.
        ranges: for each channel its low and its high percentile (:data:`PERCENTILES`).
    """

    dtype: str
    ranges: tuple[tuple[float, float], ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"dtype": self.dtype, "ranges": [list(each) for each in self.ranges]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Intensities:
        """Return what :meth:`to_json` gave.

        Raises:
            ValueError: ranges that are none.
        """
        ranges = tuple((float(low), float(high)) for low, high in value["ranges"])
        if not all(np.isfinite(each).all() and each[0] <= each[1] for each in ranges):
            raise ValueError("a range of intensities is none")
        return cls(str(value["dtype"])[:40], ranges)


def measure_intensities(readers: Iterable[PlaneReader], *, keep: bool = False) -> Intensities:
    """Return type and range of images of one type, from a sample of their pixels.

    Args:
        readers: at least one image; all have one number of channels.
        keep: the readers keep the planes, which are needed again.
    """
    dtype = ""
    samples: list[list[NDArray[Any]]] = []
    for reader in readers:
        dtype = str(reader.image.dtype)
        channels = [_sample(reader, number) for number in range(len(reader.channels))]
        if not keep:
            reader.release()
        samples = samples or [[] for _ in channels]
        for known, found in zip(samples, channels, strict=True):
            known.append(found)
    return Intensities(dtype, tuple(_range(np.concatenate(parts)) for parts in samples))


@dataclass(frozen=True)
class Rescaling:
    """A linear change of the values of each channel.

    Attributes:
        gains, offsets: for each channel, ``value * gain + offset``.
    """

    gains: tuple[float, ...]
    offsets: tuple[float, ...]

    def __call__(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the rescaled block (…, channel)."""
        return block * np.array(self.gains, np.float32) + np.array(self.offsets, np.float32)


def fit_intensities(
    trained: Intensities | None, reader: PlaneReader, choice: Choice
) -> tuple[Rescaling | None, list[str]]:
    """Return how the values of an image are brought to those of training.

    Args:
        trained: type and range in training, where known.
        reader: the image, with as many channels as in training.
        choice: what to do.

    Returns:
        The rescaling, ``None`` where the values stay as they are; and lines for the user.

    Raises:
        BadInputError: another type than in training and ``check``, or ``normalize`` and a range
            that is not known or has no width.
    """
    source = str(reader.image.path or reader.image.name)
    if choice == "normalize" and trained is None:
        raise BadInputError(
            source,
            "cannot be normalised: the classifier does not say which range it was trained on "
            "(ilastik does not store it, and its training images are not there)",
            "leave --intensities normalize away, or find the images: starbridge ilastik show "
            "PROJECT --relink FOLDER",
        )
    if choice == "as-is":
        return None, []
    dtype = str(reader.image.dtype)
    if choice == "check" and trained is not None and dtype != trained.dtype:
        raise BadInputError(
            source,
            f"holds {dtype}, but the classifier was trained on {trained.dtype}",
            "give --intensities normalize if it was rescaled, or as-is if the values still mean "
            "the same",
        )
    found = measure_intensities([reader], keep=True)
    notes, gains, offsets = [], [], []
    for number, (low, high) in enumerate(found.ranges):
        channel = f"channel {reader.channel_names[number]}"
        if high == low:
            notes.append(f"{channel} has the value {low:g} nearly everywhere")
        if trained is None:
            continue
        least, most = trained.ranges[number]
        ratio = (high - low) / (most - least) if most > least else 1.0
        if choice == "check" and high > low and not 1 / _FAR <= ratio <= _FAR:
            notes.append(
                f"{channel} reaches from {low:g} to {high:g}, in training from {least:g} to "
                f"{most:g}; --intensities normalize brings it there"
            )
        gain = (most - least) / (high - low) if high > low else 1.0
        gains.append(gain)
        offsets.append(least - low * gain)
    rescaling = Rescaling(tuple(gains), tuple(offsets)) if choice == "normalize" else None
    return rescaling, notes


def _range(values: NDArray[Any]) -> tuple[float, float]:
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    if not len(finite):
        return 0.0, 0.0
    low, high = np.percentile(finite, PERCENTILES)
    return float(low), float(high)


def _sample(reader: PlaneReader, channel: int) -> NDArray[Any]:
    """Return pixels of some planes, evenly spread."""
    image = reader.image
    planes = list(image.planes())
    chosen = sorted({round(i) for i in np.linspace(0, len(planes) - 1, _MOST_PLANES)})
    step = max(1, round((image.width * image.height / _MOST_PIXELS) ** 0.5))
    parts = []
    for number in chosen:
        t, z = planes[number]
        parts.append(reader.plane(t, z, channel)[::step, ::step].ravel())
    return np.concatenate(parts)
