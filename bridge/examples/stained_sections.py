"""Simulated four-channel sections of organoids whose cells are of known classes.

For trying a study from sections to proportions: DAPI and three markers, each of one class of cells;
unstained cells, which have no marker; and dead cells, whose nuclei are small, smooth and bright.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bridge.errors import BadInputError
from bridge.examples.exposure import Stain, appearance, expose, ghosts
from bridge.examples.plate import Plate, SmoothField, even_points
from bridge.examples.scene import Scene

if TYPE_CHECKING:
    from numpy.typing import NDArray

STAINED_CHANNELS = ("DAPI", "488", "555", "647")

UNSTAINED, DEAD = "Unstained", "Dead"
SECTION_CLASSES = ("Progenitor", "Neuron", "Astrocyte", UNSTAINED, DEAD)
"""Names of the classes: those of the three markers in the order of their channels, then others."""

_MARKERS = (Stain.FACTOR, Stain.FACTOR, Stain.CYTOPLASM)
_NEGATIVE = 0.04  # light of a marker in a cell that does not have it
_DEBRIS = 0.2  # and in a dead cell, which binds a little of every antibody
_PATCHES = 0.5  # how far cells of a class keep together
_SCENE = Scene(
    diameter=17.0,
    elongation=1.3,
    overlap=0.1,
    brightness_spread=0.25,
    blur=0.9,
    background=0.03,
    autofluorescence=0.015,
    ghosts=0.15,
    haze=0.1,
    shading=0.15,
    photons=150.0,
    read_noise=0.01,
    bits=12,
)


@dataclass(frozen=True)
class StainedSection:
    """A simulated section, and what is in it.

    Attributes:
        image: (channel, y, x) uint16, 12 bits used; the channels are :data:`STAINED_CHANNELS`.
        labels: label image (y, x) int32 of the nuclei: 0 background, 1 to their number.
        classes: class of each nucleus, that of label 1 first.
    """

    image: NDArray[np.uint16]
    labels: NDArray[np.int32]
    classes: tuple[str, ...]


def simulate_stained_section(
    shape: tuple[int, int],
    *,
    seed: int,
    proportions: Mapping[str, float],
    staining: float = 1.0,
) -> StainedSection:
    """Simulate a section of an organoid.

    Cells of a class keep together, so that proportions differ from section to section more than by
    chance alone.

    Args:
        shape: height and width in pixels; the organoid fills most of it.
        seed: of all that is drawn.
        proportions: how frequent each class is; some of :data:`SECTION_CLASSES`.
        staining: how strong the markers are, 1 for a section of usual strength.

    Raises:
        BadInputError: the shape is not two positive numbers, there is no such class, or the
            proportions are none.

    >>> shares = {"Neuron": 0.9, "Dead": 0.1}
    >>> section = simulate_stained_section((80, 96), seed=1, proportions=shares)
    >>> section.image.shape, len(section.classes) == int(section.labels.max())
    ((4, 80, 96), True)
    """
    if min(shape) < 1:
        raise BadInputError("section", f"cannot be {shape[0]} x {shape[1]} pixels large")
    weights = _weights(proportions)
    rng = np.random.default_rng(seed)
    dead = float(weights[SECTION_CLASSES.index(DEAD)])
    scene = replace(_SCENE, condensed=dead)
    plate = Plate(shape)
    edge = SmoothField(shape, scene.diameter * 6, rng)
    for y, x in even_points(shape, scene.diameter * 1.25, 0.22, rng):
        down, right = 2 * y / shape[0] - 1, 2 * x / shape[1] - 1
        if np.hypot(down, right) < 0.93 + 0.05 * edge.at(y, x):
            plate.place(y, x, float(rng.uniform(0, np.pi)), scene, rng)
    plate.tidy()
    classes = _draw_classes(plate, weights, shape, rng)

    image = np.empty((len(STAINED_CHANNELS), *shape), np.uint16)
    brightness, focus = appearance(plate, scene, rng)
    out_of_focus = ghosts(plate, scene, rng, near=plate)
    expose(plate, brightness, focus, scene, rng, ghost_light=out_of_focus, out=image[0])
    for channel, stain in enumerate(_MARKERS, 1):
        level = np.where(classes == channel - 1, np.exp(rng.normal(0, 0.3, len(classes))), 0.0)
        is_dead = classes == SECTION_CLASSES.index(DEAD)
        level += np.where(is_dead, _DEBRIS, _NEGATIVE) * np.exp(rng.normal(0, 0.4, len(classes)))
        levels = np.concatenate([[0.0], level]).astype(np.float32)
        strength = replace(scene, exposure=min(0.55 * staining, 1.0))
        expose(plate, levels, focus, strength, rng, stain=stain, out=image[channel])
    return StainedSection(image, plate.labels, tuple(SECTION_CLASSES[k] for k in classes.tolist()))


def _weights(proportions: Mapping[str, float]) -> NDArray[np.float64]:
    unknown = [name for name in proportions if name not in SECTION_CLASSES]
    if unknown:
        raise BadInputError(
            "section", f"has no class {unknown[0]!r}", f"give some of {', '.join(SECTION_CLASSES)}"
        )
    weights = np.array([proportions.get(name, 0.0) for name in SECTION_CLASSES], np.float64)
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.sum() > 0):
        raise BadInputError("section", "has proportions that are none", "give numbers from 0")
    return np.asarray(weights / weights.sum(), np.float64)


def _draw_classes(
    plate: Plate, weights: NDArray[np.float64], shape: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return the number of the class of each nucleus; condensed ones are the dead."""
    from scipy.ndimage import center_of_mass

    dead = SECTION_CLASSES.index(DEAD)
    count = len(plate.condensed)
    fields = [SmoothField(shape, 60.0, rng) for _ in range(dead)]
    centres = center_of_mass(plate.labels > 0, plate.labels, np.arange(1, count + 1))
    patches = np.array([[field.at(y, x) for field in fields] for y, x in centres]).reshape(-1, dead)
    # A draw by the Gumbel-max trick, with landscapes added: cells of a class keep together, and
    # the frequencies of single sections differ more than by chance alone.
    scores = rng.gumbel(size=(count, dead)) + _PATCHES * patches
    living = np.log(np.maximum(weights[:dead], 1e-300))
    classes = (scores + living).argmax(axis=1)
    return np.where(np.asarray(plate.condensed, bool), dead, classes).astype(np.int64)
