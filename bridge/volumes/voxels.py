"""Sizes of voxels: µm along z, y and x, known or not, and given by a person."""

from __future__ import annotations

import math
from typing import TypeAlias

from bridge.errors import BadInputError

AXES = ("z", "y", "x")
"""Axes of a volume, in the order of its array."""

Triple: TypeAlias = tuple[float, float, float]
"""A number an axis: z, y, x."""

Voxel: TypeAlias = tuple[float | None, float | None, float | None]
"""µm along z, y and x; None where unknown."""

_LARGEST_ANISOTROPY = 10.0


def parse_triple(text: str, option: str, example: str) -> Triple:
    """Return three numbers above 0 that a person gave for z, y and x, with commas.

    Args:
        text: decimal numbers or fractions.
        option: what they were given by, for the error.
        example: a correct value, for the error.

    Raises:
        BadInputError: anything else.

    >>> parse_triple("1,1/4, 0.25", "--subsample", "1,1/3,1/3")
    (1.0, 0.25, 0.25)
    """
    try:
        numbers = [_number(part) for part in text.split(",")]
    except (ValueError, ZeroDivisionError, OverflowError):
        numbers = []
    if len(numbers) != len(AXES) or not all(math.isfinite(n) and n > 0 for n in numbers):
        raise BadInputError(
            option,
            f"{text!r} is not three numbers above 0, with commas between them",
            f"give them for z, y and x, as in {option} {example}",
        )
    z, y, x = numbers
    return z, y, x


def _number(text: str) -> float:
    above, slash, below = text.partition("/")
    return float(above) / float(below) if slash else float(above)


def voxel_text(voxel: Voxel) -> str:
    """Return a voxel size as a person reads it.

    >>> voxel_text((1.0, 0.36, None))
    'z 1, y 0.36, x unknown µm'
    """
    sizes = (
        f"{axis} unknown" if size is None else f"{axis} {size:.6g}"
        for axis, size in zip(AXES, voxel, strict=True)
    )
    return f"{', '.join(sizes)} µm"


def shape_text(shape: tuple[int, int, int]) -> str:
    """Return a number of voxels as a person reads it.

    >>> shape_text((40, 454, 454))
    '40 × 454 × 454 (z, y, x)'
    """
    return f"{' × '.join(map(str, shape))} (z, y, x)"


def anisotropy(voxel: Triple) -> float:
    """Return the longest edge of a voxel over the shortest.

    >>> anisotropy((2.0, 0.5, 0.5))
    4.0
    """
    return max(voxel) / min(voxel)


def check_anisotropy(source: str, voxel: Triple, options: str = "--voxel Z,Y,X") -> None:
    """Refuse voxels that are more than ten times longer along one axis than along another.

    Such a ratio is nearly always a wrong unit (nm for µm) or a wrong order of the axes; where it
    is not, slices so far apart hold no surface.

    Args:
        source: the image, named in the error.
        voxel: µm along z, y and x.
        options: what a person corrects them with, for the error.

    Raises:
        BadInputError: the ratio is over 10.
    """
    ratio = anisotropy(voxel)
    if ratio > _LARGEST_ANISOTROPY:
        raise BadInputError(
            source,
            f"has voxels {ratio:.3g} times longer along one axis than along another "
            f"({voxel_text(voxel)})",
            f"check the µm of each axis and give {options}; a stack whose slices really are "
            "so far apart has no surface to find: work on its planes",
        )
