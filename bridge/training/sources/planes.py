"""Read the plane of an image that a pair is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.images.channels import find_channel, no_channel
from bridge.training.sources.options import ReadOptions


class PlaneSource(Protocol):
    """An image of which planes are read, such as :class:`bridge.images.Image`."""

    width: int
    height: int
    channels: tuple[str, ...]

    @property
    def is_rgb(self) -> bool:
        """Is true where the channels are the colours of a colour image."""

    def size(self, axis: str) -> int:
        """Return the number of slices (``Z``) or time points (``T``)."""

    def plane(self, channel: int, z: int = 0, t: int = 0) -> NDArray[Any]:
        """Read one plane (Y, X)."""


def choose_channels(image: Any, wanted: Sequence[str], source: str) -> tuple[int, ...]:
    """Return the numbers of the channels that are read.

    Args:
        image: a :class:`PlaneSource`.
        wanted: numbers from 0, or names.
        source: what an error calls the image.

    Raises:
        BadInputError: no such channel, or none was chosen of several.
    """
    names = image.channels
    if wanted:
        return tuple(find_channel(names, channel, source) for channel in wanted)
    if len(names) == 1:
        return (0,)
    if image.is_rgb:
        return tuple(range(min(3, len(names))))  # the fourth is no colour
    raise no_channel(names, source, f"has {len(names)} channels")


def choose_plane(sizes: tuple[int, int], options: ReadOptions, source: str) -> tuple[int, int]:
    """Return the (z, t) of the plane that is read.

    Args:
        sizes: number of slices and time points.
        options: the choice.
        source: what an error calls the image.

    Raises:
        BadInputError: a stack of which no plane is chosen, or a plane that it does not have.

    >>> choose_plane((5, 1), ReadOptions(z=3), "a.tif")
    (3, 0)
    """
    chosen = []
    for size, given, word, option in (
        (sizes[0], options.z, "slices", "--z"),
        (sizes[1], options.t, "time points", "--t"),
    ):
        if given is None and size > 1:
            raise BadInputError(
                source,
                f"has {size} {word}, and pairs for training are 2D",
                f"choose one: {option} 0 to {size - 1}",
            )
        if given is not None and not 0 <= given < size:
            raise BadInputError(
                source, f"has {size} {word}, counted from 0, and no {given}", f"change {option}"
            )
        chosen.append(given or 0)
    return chosen[0], chosen[1]


def read_channels(
    image: Any, options: ReadOptions, plane: tuple[int, int], source: str
) -> NDArray[Any]:
    """Read the chosen channels of a plane (z, t): (height, width, channels).

    Raises:
        BadInputError: as :func:`choose_channels`, or damaged data.
    """
    z, t = plane
    chosen = choose_channels(image, options.channels, source)
    return np.stack([image.plane(channel, z=z, t=t) for channel in chosen], axis=-1)
