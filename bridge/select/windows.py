"""Place a crop in an image."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.measure.pixels import list_pixels, number_objects

Place = Literal["centre", "top-left", "top-right", "bottom-left", "bottom-right", "densest"]
PLACES: tuple[str, ...] = get_args(Place)

Length = int | Fraction
"""A side of a crop: pixels, or a fraction of the image's side."""

_STEPS = 16  # how finely the densest place is looked for, positions a crop's side


@dataclass(frozen=True)
class Window:
    """A rectangle of pixels: its first row and column, and its size.

    >>> Window(top=0, left=1, height=2, width=1).of(np.array([[1, 2], [3, 4]])).tolist()
    [[2], [4]]
    """

    top: int
    left: int
    height: int
    width: int

    @property
    def bottom(self) -> int:
        """First row below it."""
        return self.top + self.height

    @property
    def right(self) -> int:
        """First column to its right."""
        return self.left + self.width

    def of(self, plane: NDArray[Any]) -> NDArray[Any]:
        """Return this part of an array (…, Y, X), as a view."""
        return plane[..., self.top : self.bottom, self.left : self.right]


def place_window(
    shape: tuple[int, int],
    size: tuple[Length, Length],
    place: Place = "centre",
    points: NDArray[Any] | None = None,
) -> Window:
    """Place a crop in an image.

    Args:
        shape: (height, width) of the image.
        size: (height, width) of the crop. What is larger than the image becomes the image's; of a
            fraction of the image the part of a pixel is left out, but one pixel is left.
        place: ``centre``, a corner, or ``densest``: the place with most nuclei, to a 16th of the
            crop's shorter side, and of several such places the topmost, then the leftmost.
        points: (n, 2) row and column of every nucleus, for ``densest``.

    Raises:
        BadInputError: a size below 1, or an unknown place.

    >>> place_window((100, 200), (50, 50), "bottom-left")
    Window(top=50, left=0, height=50, width=50)
    >>> place_window((100, 201), (Fraction(1, 2), Fraction(1, 2)), "bottom-left")
    Window(top=50, left=0, height=50, width=100)
    """
    if not all(_is_length(side) for side in size):
        raise BadInputError(
            "crop", f"{size[1]} x {size[0]} is no size", "give 1024, 1024x768, or half"
        )
    if place not in PLACES:
        raise BadInputError(
            "crop", f"{place!r} is no place in an image", f"choose from {', '.join(PLACES)}"
        )
    height, width = (_pixels(side, whole) for side, whole in zip(size, shape, strict=True))
    spare = (shape[0] - height, shape[1] - width)
    if place == "densest" and points is not None and len(points):
        top, left = _densest(points, (height, width), spare)
    elif place in ("centre", "densest"):
        top, left = spare[0] // 2, spare[1] // 2
    else:
        top = 0 if place.startswith("top") else spare[0]
        left = 0 if place.endswith("left") else spare[1]
    return Window(top, left, height, width)


def _is_length(side: Length) -> bool:
    return 0 < side <= 1 if isinstance(side, Fraction) else side >= 1


def _pixels(side: Length, whole: int) -> int:
    return max(1, math.floor(side * whole)) if isinstance(side, Fraction) else min(side, whole)


def nucleus_points(labels: NDArray[Any]) -> NDArray[np.int64]:
    """Return a pixel near the middle of every nucleus: of its pixels, row by row, the middle one.

    Args:
        labels: label image (…, Y, X); in a stack every cut of a nucleus through a plane counts.

    Returns:
        (n, 2) row and column.
    """
    planes = labels.reshape(-1, *labels.shape[-2:])
    found = []
    for plane in planes:
        ids, numbered = number_objects(plane)
        lists = list_pixels(numbered, len(ids))
        middle = lists.positions[(lists.starts[:-1] + lists.starts[1:]) // 2]
        found.append(np.stack(np.divmod(middle, plane.shape[1]), axis=1))
    return np.concatenate(found)


def _densest(
    points: NDArray[Any], size: tuple[int, int], spare: tuple[int, int]
) -> tuple[int, int]:
    step = max(1, min(size) // _STEPS)
    starts = [np.unique([*range(0, last, step), last]) for last in spare]
    # The borders of all windows are edges of the bins, so that each window is whole bins.
    edges = [np.union1d(s, s + length) for s, length in zip(starts, size, strict=True)]
    counts = np.histogram2d(points[:, 0] + 0.5, points[:, 1] + 0.5, bins=edges)[0]
    total = np.pad(counts.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    (y0, y1), (x0, x1) = (
        (np.searchsorted(e, s), np.searchsorted(e, s + length))
        for e, s, length in zip(edges, starts, size, strict=True)
    )
    inside = (
        total[np.ix_(y1, x1)]
        - total[np.ix_(y0, x1)]
        - total[np.ix_(y1, x0)]
        + total[np.ix_(y0, x0)]
    )
    row, column = np.unravel_index(int(np.argmax(inside)), inside.shape)
    return int(starts[0][row]), int(starts[1][column])
