"""The planes of an image in the order in which other programs expect them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from bridge.images.image import Image

STACKED = "TZC"
"""The axes in front of rows and columns, in ImageJ's order: channels fastest."""


@dataclass(frozen=True)
class Export:
    """An image, and the channels of it that are written.

    Args:
        image: the image.
        channels: their numbers, in the order in which they are written.
    """

    image: Image
    channels: tuple[int, ...]

    @classmethod
    def of(cls, image: Image, channels: Sequence[int | str] | None) -> Export:
        """Choose channels of an image.

        Args:
            image: the image.
            channels: numbers or names (see :meth:`bridge.images.Image.channel_index`); all where
                None.

        Raises:
            BadInputError: a channel that does not exist or is there twice.
        """
        chosen = range(len(image.channels)) if channels is None else channels
        numbers = tuple(image.channel_index(channel) for channel in chosen)
        if len(set(numbers)) < len(numbers):
            raise BadInputError(
                image.path or image.name, "is to be written with a channel twice", "name each once"
            )
        return cls(image, numbers)

    @property
    def names(self) -> list[str]:
        """Names of the channels."""
        return [self.image.channels[number] for number in self.channels]

    @property
    def axes(self) -> str:
        """Axes that are larger than 1, in the order T, Z, C, Y, X; Y and X always."""
        sizes = self.sizes
        return "".join(axis for axis in STACKED if sizes[axis] > 1) + "YX"

    @property
    def sizes(self) -> dict[str, int]:
        """Size of every axis, also of those that are 1."""
        image = self.image
        sizes = {axis: image.size(axis) for axis in "TZYX"}
        return {**sizes, "C": len(self.channels)}

    @property
    def shape(self) -> tuple[int, ...]:
        """Size of every axis in :attr:`axes`."""
        sizes = self.sizes
        return tuple(sizes[axis] for axis in self.axes)

    def planes(self) -> Iterator[NDArray[Any]]:
        """Yield the planes (Y, X), channels fastest."""
        for t, z in self.image.planes():
            for channel in self.channels:
                yield self.image.plane(channel, z=z, t=t)

    def colour_planes(self) -> Iterator[NDArray[Any]]:
        """Yield the planes of a colour image with all of its samples: (Y, X, S)."""
        for t, z in self.image.planes():
            yield np.stack([self.image.plane(c, z=z, t=t) for c in self.channels], axis=-1)
