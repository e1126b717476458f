"""Simulated fluorescence images of nuclei, with the label images that they were drawn from.

:func:`simulate_nuclei` makes one channel under widely varying conditions; the demo model was
trained on such images. :func:`simulate_section` makes a four-channel organoid section to try things
on. Both follow the light: nuclei are placed and shaped, their chromatin emits light, nuclei out of
focus and scattered light lie over them, the optics blur, the lamp is uneven, photons are counted,
and the camera adds noise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bridge.errors import BadInputError
from bridge.examples.exposure import Stain, appearance, expose, ghosts
from bridge.examples.plate import Plate, SmoothField, even_points
from bridge.examples.scene import Scene, random_scene

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.spatial import cKDTree

__all__ = ["Scene", "random_scene", "simulate_nuclei", "simulate_section"]

# what each immunostaining shows, and its share of positive cells at a lumen and far from one
_STAININGS = (
    (Stain.FACTOR, 0.85, 0.08),
    (Stain.CYTOPLASM, 0.03, 0.6),
    (Stain.FACTOR, 0.18, 0.05),
)


def simulate_nuclei(
    shape: tuple[int, int], *, seed: int | np.random.Generator, scene: Scene | None = None
) -> tuple[NDArray[np.uint16], NDArray[np.int32]]:
    """Simulate one image of fluorescent nuclei.

    Args:
        shape: height and width in pixels.
        seed: a number, or a generator to draw from.
        scene: the conditions; drawn from the seed if not given.

    Returns:
        The image (YX, uint16, at most ``2**scene.bits - 1``) and its label image (YX, int32: 0
        background, 1 to the number of nuclei without gaps, each in one piece); equal for equal
        arguments.

    Raises:
        BadInputError: if the shape is not two positive numbers.

    >>> image, labels = simulate_nuclei((64, 80), seed=1)
    >>> image.shape, image.dtype.name, labels.dtype.name
    ((64, 80), 'uint16', 'int32')
    """
    _check_shape(shape)
    rng = np.random.default_rng(seed)
    if scene is None:
        scene = random_scene(rng)
    plate = Plate(shape)
    tissue = SmoothField(shape, scene.diameter * float(rng.uniform(2.0, 8.0)), rng)
    direction = SmoothField(shape, scene.diameter * 8, rng)
    threshold = tissue.quantile(1 - scene.cover)
    strays = float(rng.uniform(0.0, 0.15))
    for y, x in even_points(shape, scene.diameter * scene.spacing, scene.disorder, rng):
        if tissue.at(y, x) < threshold and rng.random() > strays:
            continue
        centre = (y, x)
        angle = _angle(centre, direction, scene, rng)
        while True:
            radius = plate.place(*centre, angle, scene, rng)
            if radius == 0 or rng.random() >= scene.clumping:
                break
            # sisters lie side by side more often than end to end, and then point the same way
            beside = rng.random() < 0.6
            towards = (
                angle + np.pi / 2 + rng.normal(0, 0.4) if beside else rng.uniform(0, 2 * np.pi)
            )
            away = 2 * _reach(radius, towards - angle, scene.elongation) * rng.uniform(0.82, 1.08)
            centre = (
                centre[0] + float(away * np.sin(towards)),
                centre[1] + float(away * np.cos(towards)),
            )
            if rng.random() < 0.7:
                angle += float(rng.normal(0, 0.3))
            else:
                angle = _angle(centre, direction, scene, rng)
    plate.tidy()
    brightness, focus = appearance(plate, scene, rng)
    out_of_focus = ghosts(plate, scene, rng)
    image = expose(plate, brightness, focus, scene, rng, ghost_light=out_of_focus)
    return image, plate.labels


def _angle(
    centre: tuple[float, float], direction: SmoothField, scene: Scene, rng: np.random.Generator
) -> float:
    """Return the direction of a nucleus's long axis in radians: its neighbourhood's, or any."""
    if rng.random() < scene.alignment:
        return float(direction.at(*centre) + rng.normal(0, 0.25))
    return float(rng.uniform(0, np.pi))


def _reach(radius: float, angle: float, ratio: float) -> float:
    """Return the distance from an ellipse's centre to its edge, at an angle to its long axis."""
    squares = np.cos(angle) ** 2 / ratio + np.sin(angle) ** 2 * ratio
    return float(radius / np.sqrt(squares))


def simulate_section(
    shape: tuple[int, int],
    *,
    seed: int | np.random.Generator,
    n_channels: int = 4,
    diameter: float = 16.0,
) -> tuple[NDArray[np.uint16], NDArray[np.int32]]:
    """Simulate a stained section of an organoid with rosettes.

    Nuclei stand radially around small lumens and loosely between them; around the organoid it is
    dark. Channel 0 is DAPI and shows every nucleus. The others are immunostainings, each positive
    in a part of the cells only: 1 ("488") in nuclei near the lumens, 2 ("555") in the cytoplasm of
    cells away from them, 3 ("647") in scattered nuclei; further channels repeat these three.

    Memory is a small multiple of what is returned and time is proportional to it: 10,000 x 10,000
    pixels take minutes.

    Args:
        shape: height and width in pixels.
        seed: a number, or a generator to draw from.
        n_channels: number of channels, at least 1.
        diameter: typical diameter of a nucleus in pixels.

    Returns:
        The image (CYX, uint16, 12 bits used) and the label image of the nuclei (YX, int32: 0
        background, 1 to the number of nuclei without gaps); equal for equal arguments.

    Raises:
        BadInputError: if the shape is not two positive numbers, or no channel is asked for.

    >>> image, labels = simulate_section((64, 80), seed=1, n_channels=2)
    >>> image.shape, labels.shape
    ((2, 64, 80), (64, 80))
    """
    _check_shape(shape)
    if n_channels < 1:
        raise BadInputError("section", f"cannot have {n_channels} channels", "ask for at least one")
    rng = np.random.default_rng(seed)
    scene = Scene(
        diameter=diameter,
        elongation=1.4,
        overlap=0.12,
        brightness_spread=0.3,
        blur=max(0.6, diameter * 0.05),
        background=0.03,
        autofluorescence=0.01,
        ghosts=0.2,
        shading=0.1,
        photons=120.0,
        read_noise=0.01,
        bits=12,
    )
    organoid = _Organoid(shape, diameter, rng)
    plate = Plate(shape)
    distances: list[float] = []
    for y, x in even_points(shape, diameter * 1.02, 0.2, rng):
        distance, angle = organoid.nearest_lumen(y, x)
        if rng.random() >= organoid.density(y, x, distance):
            continue
        if plate.place(y, x, angle + float(rng.normal(0, 0.2)), scene, rng) > 0:
            distances.append(distance)
    kept = plate.tidy()
    at_lumen = np.exp(-np.square(np.asarray(distances, np.float32)[kept] / (4 * diameter)))

    image = np.empty((n_channels, *shape), np.uint16)
    brightness, focus = appearance(plate, scene, rng)
    out_of_focus = ghosts(plate, scene, rng, near=plate)
    expose(plate, brightness, focus, scene, rng, ghost_light=out_of_focus, out=image[0])
    for channel in range(1, n_channels):
        stain, near, far = _STAININGS[(channel - 1) % len(_STAININGS)]
        positive = rng.random(len(kept)) < near * at_lumen + far * (1 - at_lumen)
        level = np.where(positive, np.exp(rng.normal(0, 0.35, len(kept))), 0.05)
        levels = np.concatenate([[0.0], level]).astype(np.float32)
        expose(plate, levels, focus, scene, rng, stain=stain, out=image[channel])
    return image, plate.labels


class _Organoid:
    """Outline and lumens of an organoid that fills most of the image."""

    def __init__(self, shape: tuple[int, int], diameter: float, rng: np.random.Generator) -> None:
        self._centre = np.array([shape[0] / 2, shape[1] / 2])
        self._radii = np.array([shape[0], shape[1]]) * 0.44
        self._waves = rng.normal(0, 0.05, 4)
        self._phases = rng.uniform(0, 2 * np.pi, 4)
        self._looseness = SmoothField(shape, diameter * 10, rng)
        spacing = diameter * 13
        lumens = np.array(list(even_points(shape, spacing, 0.18, rng)))
        self._lumens = lumens
        self._sizes = diameter * rng.uniform(0.6, 2.2, len(lumens))
        self._diameter = diameter
        self._tree = _tree_of(lumens)

    def nearest_lumen(self, y: float, x: float) -> tuple[float, float]:
        """Return the distance from the nearest lumen's edge in pixels, and its direction."""
        _, index = self._tree.query((y, x))
        down, right = y - self._lumens[index, 0], x - self._lumens[index, 1]
        return float(np.hypot(down, right) - self._sizes[index]), float(np.arctan2(down, right))

    def density(self, y: float, x: float, distance: float) -> float:
        """Return the chance (0 to 1) of a nucleus at a point this far from a lumen's edge."""
        down, right = (np.array([y, x]) - self._centre) / self._radii
        angle = np.arctan2(down, right)
        waves = self._waves * np.cos(np.arange(2, 6) * angle + self._phases)
        if np.hypot(down, right) > 1 + waves.sum() or distance < self._diameter * 0.4:
            return 0.0
        if distance < self._diameter * 3.5:
            return 0.98
        return 0.6 if self._looseness.at(y, x) > -0.3 else 0.3


def _tree_of(points: NDArray[np.float64]) -> cKDTree:
    from scipy.spatial import cKDTree

    return cKDTree(points)


def _check_shape(shape: tuple[int, int]) -> None:
    if len(shape) != 2 or min(shape) < 1:
        size = " x ".join(map(str, shape))
        raise BadInputError("image", f"cannot be {size} pixels", "give a height and a width")
