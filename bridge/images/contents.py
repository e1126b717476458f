"""An opened file, in the same form for every format."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bridge.images.axes import Layout
    from bridge.images.info import PixelSize

Index = tuple[int | slice, ...]
"""For every stored dimension an index, or the full slice; of an :class:`ArrayStore` any slice."""


class PixelStore(Protocol):
    """Stored arrays of numbers, one a pyramid level, read in parts."""

    def read(self, level: int, index: Index) -> NDArray[Any]:
        """Read an index into a new array, without the dimensions indexed by an integer."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


class ArrayStore:
    """Arrays of a library, or of memory, as a :class:`PixelStore`.

    Args:
        levels: an array a pyramid level, each of which reads what it is indexed with.
        close: closes the file, which is owned from here on.
    """

    def __init__(self, levels: Sequence[Any], close: Callable[[], None] = lambda: None) -> None:
        self._levels = levels
        self.close = close

    def read(self, level: int, index: Index) -> NDArray[Any]:
        """Read an index into a new array, without the dimensions indexed by an integer."""
        values = np.asarray(self._levels[level][index])
        return values if values.base is None else values.copy()


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
        notes: texts that starbridge left beside the pixels, by name.
    """

    store: PixelStore
    layout: Layout
    dtype: np.dtype[Any]
    pixel_size: PixelSize | None = None
    channels: tuple[str, ...] = ()
    levels: tuple[tuple[int, ...], ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)


def listed(choices: Mapping[str, Sequence[int]], most: int = 8) -> str:
    """Return the choices in one line, the first few of many.

    Args:
        choices: names of images, each with its shape or nothing.
        most: how many are listed.

    >>> listed({"raw": (3, 512, 512), "label": ()})
    'raw (3 × 512 × 512), label'
    """
    texts = [
        f"{name} ({' × '.join(map(str, shape))})" if shape else name
        for name, shape in choices.items()
    ]
    text = ", ".join(texts[:most])
    return text if len(texts) <= most else f"{text} and {len(texts) - most} more"


def stays_inside(name: str) -> bool:
    """Return whether a file name written inside a file leads only into the same folder.

    A file from elsewhere must not make starbridge read other files of the person who opens it.
    Both kinds of paths are checked on every system.

    >>> stays_inside("levels/0"), stays_inside("../secret.tif")
    (True, False)
    """
    return bool(name) and all(
        not path.is_absolute() and not path.drive and not path.root and ".." not in path.parts
        for path in (PurePosixPath(name), PureWindowsPath(name))
    )
