"""Bodies whose volume, area and box are known, as volumes of probabilities and as masks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bridge.volumes.voxels import Triple

Grid = NDArray[np.float64]
Distance = Callable[[Grid, Grid, Grid], Grid]


@dataclass(frozen=True, eq=False)
class Body:
    """A body in a volume; everything in µm from the corner of the first voxel.

    Attributes:
        distance: signed distance from the surface, negative inside, of positions z, y, x.
        shape: (z, y, x) of the volume.
        voxel: µm along z, y and x.
        volume: µm³.
        area: µm².
        low: least z, y and x.
        high: largest z, y and x.
    """

    distance: Distance
    shape: tuple[int, int, int]
    voxel: Triple
    volume: float
    area: float
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def mask(self) -> NDArray[np.float32]:
        """Return 1 where a voxel's centre lies inside, else 0."""
        return (self._distances() < 0).astype(np.float32)

    def probabilities(self) -> NDArray[np.float32]:
        """Return probabilities that fall from 1 to 0 within two voxels, 0.5 at the surface."""
        ramp = 0.5 - self._distances() / (2 * max(self.voxel))
        return np.clip(ramp, 0, 1).astype(np.float32)

    def _distances(self) -> NDArray[np.float64]:
        z, y, x = np.ogrid[tuple(slice(n) for n in self.shape)]
        dz, dy, dx = self.voxel
        return self.distance((z + 0.5) * dz, (y + 0.5) * dy, (x + 0.5) * dx)


def sphere(radius: float, voxel: Triple = (1.0, 1.0, 1.0)) -> Body:
    """Return a ball that lies off the lattice of the voxels."""
    centre = radius + 3 * np.array(voxel) + np.array([0.3, 0.1, 0.4])

    def distance(z: Grid, y: Grid, x: Grid) -> Grid:
        return np.asarray(
            np.sqrt((z - centre[0]) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2) - radius
        )

    return Body(
        distance,
        _shape(centre + radius, voxel),
        voxel,
        4 / 3 * np.pi * radius**3,
        4 * np.pi * radius**2,
        centre - radius,
        centre + radius,
    )


def ellipsoid(voxel: Triple = (1.0, 1.0, 1.0)) -> Body:
    """Return a spheroid with half-axes of 12, 12 and 24 µm, the long one along x."""
    short, long = 12.0, 24.0
    axes = np.array([short, short, long])
    centre = axes + 3 * np.array(voxel) + 0.2

    def distance(z: Grid, y: Grid, x: Grid) -> Grid:
        away = [(at - c) / a for at, c, a in zip((z, y, x), centre, axes, strict=True)]
        steep = [each / a for each, a in zip(away, axes, strict=True)]
        value = np.sqrt(sum(each**2 for each in away))
        slope = np.sqrt(sum(each**2 for each in steep))
        # to first order: the exact distance has no closed form
        return np.asarray(value * (value - 1) / np.maximum(slope, 1e-9))

    flat = np.sqrt(1 - (short / long) ** 2)
    area = 2 * np.pi * short**2 * (1 + long / short / flat * np.arcsin(flat))
    return Body(
        distance,
        _shape(centre + axes, voxel),
        voxel,
        4 / 3 * np.pi * short * short * long,
        area,
        centre - axes,
        centre + axes,
    )


def torus(ring: float, tube: float, voxel: Triple = (1.0, 1.0, 1.0)) -> Body:
    """Return a ring that lies flat in y and x."""
    reach = np.array([tube, ring + tube, ring + tube])
    centre = reach + 3 * np.array(voxel) + np.array([0.2, 0.1, 0.3])

    def distance(z: Grid, y: Grid, x: Grid) -> Grid:
        flat = np.sqrt((y - centre[1]) ** 2 + (x - centre[2]) ** 2) - ring
        return np.asarray(np.sqrt(flat**2 + (z - centre[0]) ** 2) - tube)

    return Body(
        distance,
        _shape(centre + reach, voxel),
        voxel,
        2 * np.pi**2 * ring * tube**2,
        4 * np.pi**2 * ring * tube,
        centre - reach,
        centre + reach,
    )


def half_ball(radius: float, voxel: Triple = (1.0, 1.0, 1.0)) -> Body:
    """Return half a ball whose flat side is the volume's first face along z."""
    centre = np.array([0.0, *(radius + 3 * np.array(voxel[1:]) + 0.2)])

    def distance(z: Grid, y: Grid, x: Grid) -> Grid:
        return np.asarray(np.sqrt(z**2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2) - radius)

    low = centre - radius
    low[0] = 0
    return Body(
        distance,
        _shape(centre + radius, voxel),
        voxel,
        2 / 3 * np.pi * radius**3,
        3 * np.pi * radius**2,
        low,
        centre + radius,
    )


def _shape(end: NDArray[np.float64], voxel: Triple) -> tuple[int, int, int]:
    z, y, x = (int(np.ceil(at / step)) + 3 for at, step in zip(end, voxel, strict=True))
    return z, y, x
