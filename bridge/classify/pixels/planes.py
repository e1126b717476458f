"""The planes of an image that a tile needs, read once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.images import Image

Span = tuple[int, int]
"""First pixel, and the one behind the last."""


class PlaneReader:
    """Planes of an image, kept until they are let go.

    Args:
        image: an open image.
        channels: those that are read, in this order (:meth:`bridge.images.Image.channel_index`);
            all where ``None``.

    Attributes:
        channels: their numbers in the image.
    """

    def __init__(self, image: Image, channels: Sequence[int | str] | None = None) -> None:
        self.image = image
        chosen = range(len(image.channels)) if channels is None else channels
        self.channels = tuple(image.channel_index(channel) for channel in chosen)
        self._planes: dict[tuple[int, int, int], NDArray[Any]] = {}

    @property
    def channel_names(self) -> tuple[str, ...]:
        """Names of the channels that are read."""
        return tuple(self.image.channels[number] for number in self.channels)

    def plane(self, t: int, z: int, channel: int) -> NDArray[Any]:
        """Return a plane (Y, X) in the image's own type.

        Args:
            t: the time point.
            z: the slice.
            channel: number of the channel among those that are read.
        """
        key = (t, z, channel)
        if key not in self._planes:
            self._planes[key] = self.image.plane(self.channels[channel], z=z, t=t)
        return self._planes[key]

    def keep(self, t: int, slices: Span) -> None:
        """Let go of all planes but those of a time point and of some slices."""
        kept = range(*slices)
        self._planes = {k: v for k, v in self._planes.items() if k[0] == t and k[1] in kept}

    def release(self) -> None:
        """Let go of all planes."""
        self._planes = {}

    def block(self, t: int, spans: Sequence[Span]) -> NDArray[np.float32]:
        """Return a part of a time point as float32 (z, y, x, channel).

        Args:
            t: the time point.
            spans: of z, y and x.
        """
        (z0, z1), (y0, y1), (x0, x1) = spans
        n_channels = len(self.channels)
        block = np.empty((z1 - z0, y1 - y0, x1 - x0, n_channels), np.float32)
        for z in range(z0, z1):
            for channel in range(n_channels):
                block[z - z0, :, :, channel] = self.plane(t, z, channel)[y0:y1, x0:x1]
        return block


def with_halo(span: Span, halo: int, size: int) -> Span:
    """Return a span widened on both sides, as far as the image goes.

    >>> with_halo((4, 8), 5, 20)
    (0, 13)
    """
    return max(0, span[0] - halo), min(size, span[1] + halo)
