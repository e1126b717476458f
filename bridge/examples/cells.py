"""Simulated two-channel images of cells, clean or noisy, and brush strokes on them.

The images of the tutorial of pixel classification: nuclei of very different brightness that touch,
and their cytoplasm. The same seed gives the same cells, however many photons are counted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bridge.errors import BadInputError
from bridge.examples.exposure import Stain, appearance, expose, ghosts
from bridge.examples.plate import Plate, SmoothField, even_points
from bridge.examples.scene import Scene

if TYPE_CHECKING:
    from numpy.typing import NDArray

CELL_CHANNELS = ("nuclei", "cytoplasm")

_SCENE = Scene(
    diameter=18.0,
    elongation=1.3,
    overlap=0.1,
    brightness_spread=0.55,
    blur=1.0,
    background=0.04,
    autofluorescence=0.03,
    ghosts=0.4,
    ghost_light=0.12,
    haze=0.25,
    shading=0.3,
    photons=400.0,
    read_noise=0.01,
    bits=12,
)
_REACH = 0.4  # how far a cell reaches beyond its nucleus, in diameters, as its light does
_TRIES = 400


@dataclass(frozen=True)
class Cells:
    """A simulated image of cells, and what is in it.

    Attributes:
        image: (channel, y, x) uint16, 12 bits used; the channels are :data:`CELL_CHANNELS`.
        nuclei: label image (y, x) int32 of the nuclei.
        cells: label image of the whole cells, each with the number of its nucleus.
    """

    image: NDArray[np.uint16]
    nuclei: NDArray[np.int32]
    cells: NDArray[np.int32]

    def classes(self, *, cytoplasm: bool) -> NDArray[np.uint8]:
        """Return the true class of each pixel: 1 background, 2 nucleus, 3 cytoplasm.

        Args:
            cytoplasm: tell the cytoplasm from the background.
        """
        found = np.where(self.nuclei > 0, 2, 1).astype(np.uint8)
        if cytoplasm:
            found[(self.cells > 0) & (self.nuclei == 0)] = 3
        return found


def simulate_cells(shape: tuple[int, int], *, seed: int, photons: float | None = None) -> Cells:
    """Simulate cells of which one channel shows the nuclei and one the cytoplasm.

    Args:
        shape: height and width in pixels.
        seed: of all that is drawn; the noise is drawn apart from the cells.
        photons: photons counted in a pixel of a typical nucleus: 400 is a good image, 8 a poor one.

    Raises:
        BadInputError: the shape is not two positive numbers, or no photon is counted.

    >>> cells = simulate_cells((64, 80), seed=1)
    >>> cells.image.shape, cells.nuclei.shape
    ((2, 64, 80), (64, 80))
    """
    if min(shape) < 1:
        raise BadInputError("cells", f"cannot be {shape[0]} x {shape[1]} pixels large")
    if photons is not None and photons <= 0:
        raise BadInputError("cells", "cannot be seen without photons", "count at least one")
    rng = np.random.default_rng(seed)
    scene = _SCENE if photons is None else replace(_SCENE, photons=photons)
    plate = Plate(shape)
    tissue = SmoothField(shape, scene.diameter * 3, rng)
    threshold = tissue.quantile(0.45)
    for y, x in even_points(shape, scene.diameter * 1.15, 0.35, rng):
        if tissue.at(y, x) >= threshold:
            plate.place(y, x, float(rng.uniform(0, np.pi)), scene, rng)
    plate.tidy()
    brightness, focus = appearance(plate, scene, rng)
    out_of_focus = ghosts(plate, scene, rng)
    levels = np.exp(rng.normal(0, 0.3, len(brightness))).astype(np.float32) * (brightness > 0)
    image = np.empty((len(CELL_CHANNELS), *shape), np.uint16)
    expose(plate, brightness, focus, scene, rng, ghost_light=out_of_focus, out=image[0])
    expose(plate, levels, focus, scene, rng, stain=Stain.CYTOPLASM, out=image[1])
    return Cells(image, plate.labels, _whole_cells(plate.labels, _REACH * scene.diameter))


def draw_strokes(
    classes: NDArray[np.uint8], count: int, *, seed: int, length: int = 15
) -> NDArray[np.uint8]:
    """Draw brush strokes, as someone paints them who knows the true class of each pixel.

    A stroke is a straight line three pixels wide that stays within its class.

    Args:
        classes: true class of each pixel (y, x), from 1.
        count: strokes of each class.
        seed: of the places and directions.
        length: of a stroke, at most, in pixels.

    Returns:
        (y, x) uint8: 0 where nothing is painted, else the class.

    >>> classes = np.repeat(np.array([[1, 2]], np.uint8), 40, axis=0).repeat(40, axis=1)
    >>> np.unique(draw_strokes(classes, 3, seed=1)).tolist()
    [0, 1, 2]
    """
    rng = np.random.default_rng(seed)
    painted = np.zeros(classes.shape, np.uint8)
    for kind in range(1, int(classes.max(initial=0)) + 1):
        inside = _away_from_edges(classes == kind)
        starts = np.argwhere(inside)
        drawn = 0
        for attempt in range(_TRIES if len(starts) else 0):
            line = _line(inside, starts[rng.integers(len(starts))], length, rng)
            if len(line) < min(length, 5) and attempt < _TRIES // 2:
                continue  # rather a longer one
            for y, x in line:
                painted[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2] = kind
            drawn += 1
            if drawn == count:
                break
    return painted


def _whole_cells(nuclei: NDArray[np.int32], reach: float) -> NDArray[np.int32]:
    from scipy.ndimage import distance_transform_edt

    distance, nearest = distance_transform_edt(nuclei == 0, return_indices=True)
    return np.where(distance <= reach, nuclei[tuple(nearest)], 0).astype(np.int32)


def _away_from_edges(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels around which three by three pixels are inside."""
    from scipy.ndimage import binary_erosion

    return np.asarray(binary_erosion(mask, np.ones((3, 3), bool), border_value=0), bool)


def _line(
    inside: NDArray[np.bool_], start: NDArray[np.intp], length: int, rng: np.random.Generator
) -> list[tuple[int, int]]:
    """Return the pixels of a straight line from a start until it leaves the mask."""
    angle = float(rng.uniform(0, 2 * np.pi))
    line = []
    for step in range(length):
        y = round(float(start[0]) + step * np.sin(angle))
        x = round(float(start[1]) + step * np.cos(angle))
        if not (0 <= y < inside.shape[0] and 0 <= x < inside.shape[1] and inside[y, x]):
            break
        line.append((y, x))
    return line
