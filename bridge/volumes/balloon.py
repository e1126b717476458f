"""A balloon that is blown up from a seed until it meets a wall, and does not leak through gaps.

Source: P. Márquez-Neila, L. Baumela, L. Alvarez, "A morphological approach to curvature-based
evolution of curves and surfaces", IEEE PAMI 36 (2014), as scikit-image implements it
(``morphological_geodesic_active_contour``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bridge.errors import BadInputError, MissingPartError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bridge.volumes.voxels import Triple

BYTES_PER_VOXEL = 60
"""Memory that a step needs for each voxel of the box around the balloon."""

_STEPS = 8  # between two looks at how far it reaches
_SEED_RADIUS = 2.0  # voxels


@dataclass(frozen=True)
class BalloonSettings:
    """A balloon.

    Attributes:
        seed: (z, y, x) in µm from the volume's corner, inside the wall.
        smoothing: how often the surface is smoothed in each step: 0 follows every gap, 1 to 4
            close wider and wider ones.
        steps: steps at most; it grows by one voxel a step.

    Raises:
        BadInputError: a negative smoothing, or no steps.
    """

    seed: Triple
    smoothing: int = 1
    steps: int = 500

    def __post_init__(self) -> None:
        """Check what a person gave."""
        if not 0 <= self.smoothing <= 10:
            raise BadInputError("--smoothing", f"{self.smoothing} is out of range", "give 0 to 10")
        if self.steps < 1:
            raise BadInputError("--steps", f"{self.steps} is no number of steps", "give 500")


@dataclass(frozen=True)
class Balloon:
    """A balloon that was blown up.

    Attributes:
        mask: (z, y, x), the balloon.
        steps: steps that it took.
        at_rest: whether it grew no more, and did not just run out of steps.
        at_border: whether it reaches the border of the volume.
    """

    mask: NDArray[np.bool_]
    steps: int
    at_rest: bool
    at_border: bool


def inflate(
    wall: NDArray[np.float32],
    threshold: float,
    voxel: Triple,
    settings: BalloonSettings,
    source: str,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Balloon:
    """Blow up a balloon inside a wall.

    Only a box around the balloon is worked on, which grows with it.

    Args:
        wall: probability of the wall, 0 to 1, (z, y, x).
        threshold: probability at which the balloon is stopped.
        voxel: µm along z, y and x; the balloon grows and is smoothed in voxels, so that these
            should be about isotropic.
        settings: seed, smoothing and steps.
        source: the file, named in errors.
        progress: called with the steps that are done, and how many there are at most.

    Raises:
        BadInputError: the seed lies outside the volume, or in the wall.
        MissingPartError: scikit-image is not installed.

    >>> wall = np.zeros((13, 13, 13), np.float32)
    >>> wall[2:-2, 2:-2, 2:-2] = 1
    >>> wall[3:-3, 3:-3, 3:-3] = 0
    >>> settings = BalloonSettings((6.5, 6.5, 6.5))
    >>> balloon = inflate(wall, 0.5, (1.0, 1.0, 1.0), settings, "a.h5")
    >>> balloon.at_rest, balloon.at_border, bool((balloon.mask & (wall > 0.5)).any())
    (True, False, False)
    """
    try:
        from skimage.segmentation import morphological_geodesic_active_contour
    except ImportError as error:
        raise MissingPartError("volumes", "blow up a balloon", "scikit-image") from error

    seed = _seed_voxel(wall.shape, voxel, settings.seed, source)
    if wall[seed] >= threshold:
        raise BadInputError(
            source,
            f"has a probability of {float(wall[seed]):.2g} at the seed, in the wall itself",
            "put --balloon into the hollow, or raise --threshold",
        )
    grid = np.ogrid[tuple(slice(n) for n in wall.shape)]
    near = sum((g - at) ** 2 for g, at in zip(grid, seed, strict=True)) <= _SEED_RADIUS**2
    mask = np.asarray(near & (wall < threshold))
    low, high = np.array(seed) - 3, np.array(seed) + 4
    done, at_rest = 0, False
    while done < settings.steps and not at_rest:
        count = min(_STEPS, settings.steps - done)
        box = tuple(
            slice(max(0, int(a) - count - 2), min(n, int(b) + count + 2))
            for a, b, n in zip(low, high, wall.shape, strict=True)
        )
        before = mask[box]
        # The image is high where the balloon may grow, and falls towards the wall.
        after = morphological_geodesic_active_contour(
            1 - wall[box],
            count,
            init_level_set=before.astype(np.int8),
            smoothing=settings.smoothing,
            threshold=1 - threshold,
            balloon=1,
        ).astype(bool)
        # Smoothing may bulge over the wall by a voxel.
        after &= wall[box] < threshold
        at_rest = bool((after == before).all())
        mask[box] = after
        if not after.any():
            raise BadInputError(
                source,
                "has no room for a balloon at the seed, which smoothing made vanish",
                "put --balloon into the middle of the hollow, or lower --smoothing",
            )
        low, high = _extent(after, box)
        done += count
        progress(done, settings.steps)
    progress(settings.steps, settings.steps)
    faces = (mask.take(end, axis).any() for axis in range(mask.ndim) for end in (0, -1))
    return Balloon(mask, done, at_rest, any(faces))


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


def _extent(
    mask: NDArray[np.bool_], box: tuple[slice, ...]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first voxel of a mask in a box of the volume, and the one behind the last."""
    spans = []
    for axis, part in enumerate(box):
        others = tuple(other for other in range(mask.ndim) if other != axis)
        found = np.flatnonzero(mask.any(axis=others)) + part.start
        spans.append((found[0], found[-1] + 1))
    return np.array([a for a, _ in spans]), np.array([b for _, b in spans])
