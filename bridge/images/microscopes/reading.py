"""Image of a microscope's own file, in the same form for every maker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from bridge.images.contents import Index
    from bridge.images.info import PixelSize

ORDER = "TCZ"
"""The dimensions in front of those of a plane, of every image."""

ReadPlane = Callable[[int, int, int], "NDArray[Any]"]
"""Reads the plane at (t, c, z): an array (Y, X), or (Y, X, S) of colours."""


@dataclass(frozen=True)
class Series:
    """Image of a file: scene, series or position.

    Attributes:
        name: as the file has it, ``""`` for none.
        shape: (T, C, Z, Y, X), and S for an image of colours.
        dtype: of its values.
        read: reads a plane.
        pixel_size: µm, None where the file does not say.
        channels: their names, or nothing.
        problem: why it cannot be read, as a clause; ``""`` where it can.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    read: ReadPlane
    pixel_size: PixelSize | None = None
    channels: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class SeriesFile:
    """An open file and its images, in the order of the file."""

    series: Sequence[Series]
    close: Callable[[], None]


class Reader(Protocol):
    """Opens a file; raises any exception for one that is damaged, after closing it."""

    def __call__(self, path: Path) -> SeriesFile:
        """Open a file."""
        ...


class PlaneStore:
    """Planes as a :class:`bridge.images.contents.PixelStore`: nothing else is read.

    Args:
        series: the image.
        close: closes the file, which is owned from here on.
    """

    def __init__(self, series: Series, close: Callable[[], None]) -> None:
        self._series = series
        self.close = close

    def read(self, level: int, index: Index) -> NDArray[Any]:
        """Read an index into a new array, without the dimensions indexed by an integer."""
        assert level == 0  # noqa: S101 - no other is offered
        before, in_plane = index[: len(ORDER)], index[len(ORDER) :]
        return self._stack((), before, in_plane)

    def _stack(self, chosen: tuple[int, ...], rest: Index, in_plane: Index) -> NDArray[Any]:
        if rest:
            at = rest[0]
            if isinstance(at, int):
                return self._stack((*chosen, at), rest[1:], in_plane)
            numbers = range(self._series.shape[len(chosen)])[at]
            return np.stack([self._stack((*chosen, i), rest[1:], in_plane) for i in numbers])
        plane = self._series.read(*chosen)
        expected = self._series.shape[len(ORDER) :]
        if plane.shape != expected:
            raise ValueError(f"a plane of {plane.shape} values where {expected} were declared")
        values = plane[in_plane]
        return values if values.base is None else values.copy()
