"""What every format hands over of a file that it has opened."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from bridge.images.axes import Layout
    from bridge.images.image import PixelStore
    from bridge.images.info import PixelSize


@dataclass(frozen=True)
class Contents:
    """An opened image.

    Args:
        store: reads the pixels.
        layout: which stored dimension is which axis.
        dtype: type of the stored values.
        pixel_size: what the file says, in µm.
        channels: names that the file has, or none.
        levels: stored shape of every pyramid level, the full image first.
    """

    store: PixelStore
    layout: Layout
    dtype: np.dtype[Any]
    pixel_size: PixelSize | None = None
    channels: tuple[str, ...] = ()
    levels: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True)
class Choice:
    """One of several images in a file, as ``--dataset`` names it."""

    name: str
    shape: tuple[int, ...] = field(default=())

    def __str__(self) -> str:
        return f"{self.name} ({' × '.join(map(str, self.shape))})" if self.shape else self.name


def listed(choices: Sequence[Choice], most: int = 8) -> str:
    """The choices in one line, the first few of many."""
    text = ", ".join(map(str, choices[:most]))
    return text if len(choices) <= most else f"{text} and {len(choices) - most} more"


def stays_inside(name: str) -> bool:
    """Whether a file name written inside a file leads nowhere but into the same folder.

    A file from elsewhere must not make starbridge read other files of the person who opens it.
    Both kinds of paths are checked on every system.
    """
    return bool(name) and all(
        not path.is_absolute() and not path.drive and not path.root and ".." not in path.parts
        for path in (PurePosixPath(name), PureWindowsPath(name))
    )
