"""A simulated epithelium: one layer of cells on a folded surface that is known exactly.

For trying and testing volumes, meshes and what is measured on them. Slices are farther apart than
pixels, as in most stacks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.errors import BadInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHANNELS = ("nuclei", "membrane")
"""Names of the channels of :attr:`Epithelium.image`."""

_MIDDLE = 0.5  # of the stack's depth, where the layer lies on the mean
_FOLDS = ((0.16, 1.0, 0.4), (0.10, -0.6, 1.7))  # height in depths, waves along y and along x
_NUCLEUS = 0.34  # radius in cell diameters, along the layer
_TALL = 0.36  # radius in thicknesses, across the layer
_MEMBRANE = 0.8  # µm
_EDGE = 1.0  # µm over which the tissue's probability falls from 1 to 0
_LIGHT, _DARK, _PHOTONS, _READ = 2600.0, 110.0, 0.4, 6.0
_BLUR = (1.1, 0.35, 0.35)  # µm: the point spread of a confocal microscope
_MOST_VOXELS = 2**31


@dataclass(frozen=True, eq=False)
class Epithelium:
    """A simulated stack and what is in it; positions in µm from the corner of the first voxel.

    Attributes:
        image: (channel, z, y, x) uint16; see :data:`CHANNELS`.
        tissue: (z, y, x) float32: the probability that a voxel is tissue; 0.5 at its two surfaces.
        labels: (z, y, x) uint16: nuclei from 1 on.
        voxel: µm along z, y and x.
        thickness: of the layer in µm.
        shape: (z, y, x).
    """

    image: NDArray[np.uint16]
    tissue: NDArray[np.float32]
    labels: NDArray[np.uint16]
    voxel: tuple[float, float, float]
    thickness: float
    shape: tuple[int, int, int]

    def height(self, y: Any, x: Any) -> NDArray[np.float64]:
        """Return z in µm of the middle of the layer at positions in µm."""
        return _height(y, x, self.shape, self.voxel)

    def surfaces(self, y: Any, x: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return z in µm of the upper and of the lower surface at positions in µm.

        They lie half a thickness above and below the middle, along z.
        """
        middle = self.height(y, x)
        return middle - self.thickness / 2, middle + self.thickness / 2


def simulate_epithelium(
    shape: tuple[int, int, int] = (48, 160, 160),
    *,
    voxel: tuple[float, float, float] = (1.0, 0.4, 0.4),
    thickness: float = 10.0,
    diameter: float = 7.0,
    seed: int = 0,
) -> Epithelium:
    """Simulate an epithelium that reaches from border to border in y and x.

    Args:
        shape: (z, y, x) in voxels.
        voxel: µm along z, y and x.
        thickness: of the layer along z in µm.
        diameter: of a cell in µm.
        seed: the same seed gives the same stack.

    Raises:
        BadInputError: sizes that are none, or a layer that does not fit into the stack.

    >>> made = simulate_epithelium((24, 40, 40))
    >>> made.image.shape, made.image.dtype, int(made.labels.max()) > 1
    ((2, 24, 40, 40), dtype('uint16'), True)
    """
    from scipy.ndimage import gaussian_filter
    from scipy.spatial import cKDTree

    sizes = np.array([*shape, *voxel, thickness, diameter], float)
    depth = shape[0] * voxel[0]
    if not (np.isfinite(sizes).all() and (sizes > 0).all()) or np.prod(shape) > _MOST_VOXELS:
        raise BadInputError("epithelium", "has a size that is none", "give numbers above 0")
    if thickness > depth * (1 - 2 * sum(height for height, _, _ in _FOLDS)):
        raise BadInputError(
            "epithelium", "is thicker than the stack is deep", "take more slices, or a thinner one"
        )
    random = np.random.default_rng(seed)
    z, y, x = (
        (np.arange(n) + 0.5).reshape([-1 if k == axis else 1 for k in range(3)]) * step
        for axis, (n, step) in enumerate(zip(shape, voxel, strict=True))
    )
    away = z - _height(y, x, shape, voxel)  # along z, from the middle of the layer
    depth_inside = thickness / 2 - np.abs(away)
    tissue = np.clip(0.5 + depth_inside / _EDGE, 0, 1).astype(np.float32)

    places = _cell_places(shape, voxel, diameter, random)
    inside = np.nonzero(depth_inside > 0)
    across = np.column_stack([y[0, inside[1], 0], x[0, 0, inside[2]]])
    distances, cells = cKDTree(places).query(across, k=2)
    nearest = cells[:, 0]
    level = away[inside] - random.normal(0, 0.06 * thickness, len(places))[nearest]
    flat = distances[:, 0] / (_NUCLEUS * diameter)
    is_nucleus = flat**2 + (level / (_TALL * thickness)) ** 2 < 1
    labels = np.zeros(shape, np.uint16)
    numbers = np.cumsum(np.isin(np.arange(len(places)), nearest[is_nucleus]))
    labels[inside] = np.where(is_nucleus, numbers[nearest], 0)

    chromatin = np.zeros(shape, np.float32)
    brightness = random.uniform(0.6, 1.0, len(places))
    chromatin[inside] = is_nucleus * brightness[nearest]
    walls = np.zeros(shape, np.float32)
    side = np.exp(-(((distances[:, 1] - distances[:, 0]) / 2 / _MEMBRANE) ** 2))
    ends = np.exp(-((depth_inside[inside] / _MEMBRANE) ** 2))
    walls[inside] = np.maximum(side, ends)
    blur = [width / step for width, step in zip(_BLUR, voxel, strict=True)]
    image = np.empty((2, *shape), np.uint16)
    for channel, light in enumerate((chromatin, walls)):
        photons = random.poisson(gaussian_filter(light, blur) * _LIGHT * _PHOTONS) / _PHOTONS
        grey = photons + _DARK + random.normal(0, _READ, shape)
        image[channel] = np.clip(np.rint(grey), 0, 65535).astype(np.uint16)
    return Epithelium(image, tissue, labels, voxel, thickness, shape)


def _height(
    y: Any, x: Any, shape: tuple[int, int, int], voxel: tuple[float, float, float]
) -> NDArray[np.float64]:
    depth, height, width = (n * step for n, step in zip(shape, voxel, strict=True))
    folded = _MIDDLE * depth + 0 * (np.asarray(y, float) + np.asarray(x, float))
    for number, (part, waves_y, waves_x) in enumerate(_FOLDS):
        phase = 2 * np.pi * (waves_y * y / height + waves_x * x / width + 0.2 * number)
        folded = folded + part * depth * np.sin(phase)
    return np.asarray(folded)


def _cell_places(
    shape: tuple[int, int, int],
    voxel: tuple[float, float, float],
    diameter: float,
    random: np.random.Generator,
) -> NDArray[np.float64]:
    """Return (y, x) in µm of the cells: a hexagonal lattice, shaken, beyond the borders, too."""
    height, width = shape[1] * voxel[1], shape[2] * voxel[2]
    step = diameter * np.sqrt(3) / 2
    rows = np.arange(-diameter, height + diameter, step)
    places = [
        (row, column + (number % 2) * diameter / 2)
        for number, row in enumerate(rows)
        for column in np.arange(-diameter, width + diameter, diameter)
    ]
    lattice = np.array(places)
    return np.asarray(lattice + random.normal(0, 0.1 * diameter, lattice.shape))
