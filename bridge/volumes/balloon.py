"""A balloon that is blown up from a seed until it meets a wall, and does not leak through gaps.

It is all that a ball can reach, rolling from the seed without touching the wall. A ball that is
wider than a gap does not get through it. (A morphological snake, as scikit-image has it, stops at
gaps as well, by smoothing in every step; a hollow 300 voxels wide takes it over ten minutes, and
two distance transforms some seconds.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bridge.errors import BadInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bridge.volumes.voxels import Triple

_EDGES = 3.0
"""Gaps that are closed where none is given, in longest edges of a voxel."""


@dataclass(frozen=True)
class BalloonSettings:
    """A balloon.

    Attributes:
        seed: (z, y, x) in µm from the volume's corner, inside the wall.
        gap: the widest gap of the wall, in µm, through which it does not leak; None for three times
            the longest edge of a voxel. Hollows that are narrower are not entered either.
    """

    seed: Triple
    gap: float | None = None


@dataclass(frozen=True)
class Balloon:
    """A balloon that was blown up.

    Attributes:
        mask: (z, y, x), the balloon.
        at_border: whether it reaches the border of the volume.
    """

    mask: NDArray[np.bool_]
    at_border: bool


def inflate(
    wall: NDArray[np.bool_], voxel: Triple, settings: BalloonSettings, source: str
) -> Balloon:
    """Blow up a balloon inside a wall.

    Args:
        wall: (z, y, x), the voxels that stop it.
        voxel: µm along z, y and x.
        settings: seed and gap.
        source: the file, named in errors.

    Returns:
        The balloon, none of whose voxels is of the wall.

    Raises:
        BadInputError: the seed lies outside the volume, in the wall, or where the ball does not
            fit.

    >>> wall = np.ones((13, 13, 13), bool)
    >>> wall[3:-3, 3:-3, 3:-3] = False
    >>> balloon = inflate(wall, (1.0, 1.0, 1.0), BalloonSettings((6.5, 6.5, 6.5), 2.0), "a.h5")
    >>> balloon.at_border, bool((balloon.mask & wall).any()), bool(balloon.mask[3, 6, 6])
    (False, False, True)
    """
    from scipy.ndimage import distance_transform_edt, label

    seed = _seed_voxel(wall.shape, voxel, settings.seed, source)
    if wall[seed]:
        raise BadInputError(
            source,
            "has the seed of the balloon in the wall itself",
            "put --balloon into the hollow, or raise --threshold",
        )
    gap = _EDGES * max(voxel) if settings.gap is None else settings.gap
    # Between the voxels on both sides of a gap lies one edge more than the gap is wide.
    radius = (gap + max(voxel)) / 2
    if not wall.any():
        return Balloon(~wall, at_border=True)
    centres, _ = label(distance_transform_edt(~wall, sampling=voxel) > radius)
    nearest, distance = _nearest(centres, seed, voxel)
    if distance > radius:
        raise BadInputError(
            source,
            f"has a hollow too narrow at the seed for a balloon that gaps of {gap:.4g} µm hold",
            "put --balloon into the middle of the hollow, or lower --gap",
        )
    mask: NDArray[np.bool_] = (
        distance_transform_edt(centres != centres[nearest], sampling=voxel) <= radius
    )
    faces = (mask.take(end, axis).any() for axis in range(mask.ndim) for end in (0, -1))
    return Balloon(mask, any(faces))


def _seed_voxel(
    shape: tuple[int, ...], voxel: Triple, seed: Triple, source: str
) -> tuple[int, int, int]:
    z, y, x = (int(at // step) for at, step in zip(seed, voxel, strict=True))
    if not all(0 <= at < n for at, n in zip((z, y, x), shape, strict=True)):
        size = ", ".join(f"{n * step:.6g}" for n, step in zip(shape, voxel, strict=True))
        raise BadInputError(
            "--balloon",
            f"{', '.join(f'{at:g}' for at in seed)} µm (z, y, x) lies outside {source}, which is "
            f"{size} µm large",
            "give a place inside, in µm from the corner",
        )
    return z, y, x


def _nearest(
    centres: NDArray[np.int32], seed: tuple[int, int, int], voxel: Triple
) -> tuple[tuple[int, ...], float]:
    """Return the labelled voxel that is nearest to a voxel, and its distance in µm."""
    grid = np.ogrid[tuple(slice(n) for n in centres.shape)]
    squares = np.zeros(centres.shape, np.float32)
    for axis, at, step in zip(grid, seed, voxel, strict=True):
        squares += (((axis - at) * step) ** 2).astype(np.float32)
    squares[centres == 0] = np.inf
    place = np.unravel_index(int(squares.argmin()), squares.shape)
    return tuple(int(at) for at in place), math.sqrt(float(squares[place]))
