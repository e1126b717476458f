"""Simulated volumes of fluorescent nuclei: ellipsoids in random places, known voxel by voxel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.errors import BadInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LONG = (0.8, 1.25)  # half axes in radii
_BRIGHT = (0.6, 1.0)  # light of the nuclei
_CHROMATIN = 0.25  # spread of the light within a nucleus
_GRAIN = 0.25  # radii: size of a grain of chromatin
_LIGHT, _DARK, _PHOTONS, _READ = 2600.0, 110.0, 0.2, 12.0
_APART = 0.9  # centres are at least so many diameters apart
_TRIES = 40  # places that are tried for each nucleus


@dataclass(frozen=True, kw_only=True)
class VolumeScene:
    """Conditions of a simulated volume.

    Attributes:
        shape: (z, y, x) in voxels.
        radius: mean radius of a nucleus in pixels.
        step: distance of slices in pixels.
        density: share of the volume that spheres of this radius would fill, at most about 0.35.
        blur: standard deviation of the point spread along (z, y, x), pixels.
    """

    shape: tuple[int, int, int] = (32, 160, 160)
    radius: float = 9.0
    step: float = 2.0
    density: float = 0.15
    blur: tuple[float, float, float] = (3.0, 1.0, 1.0)


def simulate_volume(
    scene: VolumeScene | None = None, *, seed: int
) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """Simulate a volume of nuclei.

    Args:
        scene: the conditions.
        seed: the same seed gives the same volume.

    Returns:
        The image and its label volume (ZYX, uint16; 0 background, nuclei from 1 on). A voxel that
        lies in two nuclei belongs to the one whose surface is farther away in half axes.

    Raises:
        BadInputError: sizes or a density that are none.

    >>> image, labels = simulate_volume(VolumeScene(shape=(12, 64, 80)), seed=1)
    >>> image.shape, image.dtype.name, int(labels.max()) > 1
    ((12, 64, 80), 'uint16', True)
    """
    from scipy.ndimage import gaussian_filter

    scene = scene or VolumeScene()
    sizes = np.array([*scene.shape, scene.radius, scene.step, scene.density], float)
    if not (np.isfinite(sizes).all() and (sizes > 0).all() and min(scene.blur) >= 0):
        raise BadInputError("volume", "has a size that is none", "give numbers above 0")
    random = np.random.default_rng(seed)
    labels = _draw(scene, random)
    grain = [_GRAIN * scene.radius / by for by in (scene.step, 1, 1)]
    texture = gaussian_filter(random.normal(size=scene.shape), grain)
    light = random.uniform(*_BRIGHT, int(labels.max()) + 1)
    light[0] = 0
    emitted = light[labels] * np.maximum(0, 1 + _CHROMATIN * texture / texture.std())
    blur = [width / by for width, by in zip(scene.blur, (scene.step, 1, 1), strict=True)]
    seen = np.maximum(gaussian_filter(emitted, blur), 0) * _LIGHT
    grey = random.poisson(seen * _PHOTONS) / _PHOTONS + _DARK
    grey += random.normal(0, _READ, scene.shape)
    return np.clip(np.rint(grey), 0, 65535).astype(np.uint16), labels


def _draw(scene: VolumeScene, random: np.random.Generator) -> NDArray[np.uint16]:
    size = np.array(scene.shape) * (scene.step, 1, 1)
    wanted = round(scene.density * np.prod(size) / (4 / 3 * np.pi * scene.radius**3))
    inside = np.full(scene.shape, 1.0)  # least squared distance to a centre in half axes
    labels = np.zeros(scene.shape, np.uint16)
    places: list[NDArray[np.float64]] = []
    for _ in range(_TRIES * wanted):
        if len(places) == wanted:
            break
        place = random.uniform(0, size)
        near = np.array(places).reshape(-1, 3) - place
        if (np.sum(near**2, axis=1) < (2 * _APART * scene.radius) ** 2).any():
            continue
        places.append(place)
        _draw_ellipsoid(place, len(places), scene, random, inside, labels)
    kept, numbers = np.unique(labels, return_inverse=True)
    if kept[0] > 0:
        numbers = numbers + 1
    return numbers.reshape(labels.shape).astype(np.uint16)


def _draw_ellipsoid(
    place: NDArray[np.float64],
    number: int,
    scene: VolumeScene,
    random: np.random.Generator,
    inside: NDArray[np.float64],
    labels: NDArray[Any],
) -> None:
    half_axes = scene.radius * random.uniform(*_LONG, 3)
    turn = np.linalg.qr(random.normal(size=(3, 3)))[0] / half_axes
    step = np.array((scene.step, 1, 1))
    reach = half_axes.max()
    first = np.maximum(0, np.floor((place - reach) / step)).astype(int)
    last = np.minimum(scene.shape, np.ceil((place + reach) / step) + 1).astype(int)
    window = tuple(slice(a, b) for a, b in zip(first.tolist(), last.tolist(), strict=True))
    grid = np.moveaxis(np.mgrid[window], 0, -1)
    distance = np.sum((((grid + 0.5) * step - place) @ turn) ** 2, axis=-1)
    is_nearest = distance < inside[window]
    inside[window][is_nearest] = distance[is_nearest]
    labels[window][is_nearest] = number
