"""Simulated images of organoids of six classes, with their label images.

For trying and testing classes of objects: grey images as of a transmitted-light or single-channel
overview, in which organoids differ by outline, wall, lumen and texture. Objects of a class differ
among themselves as much as some classes differ, so that some are hard to tell apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from bridge.errors import BadInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

PITCH = 72
"""Pixels between the centres of neighbouring organoids."""

_LARGEST = 30.0  # radius in pixels that still fits between neighbours
_BACKGROUND, _FULL = 0.12, 3000.0
_PHOTONS = 900.0
_DIRECTIONS = 361  # in which the distance of an edge is computed


@dataclass(frozen=True)
class _Appearance:
    """Appearance of an organoid.

    Attributes:
        radius: mean radius, pixels.
        elongation: logarithm of the ratio of long to short axis.
        lobes: height of its buds, in radii.
        roughness: height of random waves of the outline, in radii.
        body: brightness inside.
        wall: additional brightness at the rim.
        lumen: darkness of the middle.
        spokes: contrast of radial stripes.
        grain: contrast of fine texture.
    """

    radius: float
    elongation: float
    lobes: float
    roughness: float
    body: float
    wall: float
    lumen: float
    spokes: float
    grain: float


_CLASSES = {
    "Budding": _Appearance(19, 0.12, 0.34, 0.04, 0.50, 0.12, 0.14, 0.04, 0.08),
    "Cyst": _Appearance(22, 0.10, 0.03, 0.02, 0.28, 0.32, 0.14, 0.03, 0.05),
    "Dead": _Appearance(16, 0.18, 0.08, 0.10, 0.42, 0.02, 0.04, 0.03, 0.24),
    "Elongated": _Appearance(18, 0.60, 0.04, 0.04, 0.46, 0.14, 0.10, 0.04, 0.08),
    "Rosette": _Appearance(19, 0.12, 0.05, 0.03, 0.50, 0.08, 0.22, 0.20, 0.09),
    "Solid": _Appearance(18, 0.14, 0.06, 0.04, 0.60, 0.04, 0.02, 0.04, 0.08),
}
_SPREAD = _Appearance(2.1, 0.085, 0.05, 0.0125, 0.067, 0.05, 0.05, 0.029, 0.033)

ORGANOID_CLASSES = tuple(_CLASSES)
"""Names of the six classes, in the order of the alphabet."""


@dataclass(frozen=True)
class Organoids:
    """A simulated image of organoids, and what is in it.

    Attributes:
        image: (y, x) uint16, 12 bits used.
        labels: label image (y, x) int32: 0 background, 1 to the number of organoids without gaps,
            each in one piece.
        classes: class of each organoid, that of label 1 first.
    """

    image: NDArray[np.uint16]
    labels: NDArray[np.int32]
    classes: tuple[str, ...]


def simulate_organoids(
    shape: tuple[int, int],
    *,
    seed: int | np.random.Generator,
    classes: Sequence[str] | Mapping[str, float] | None = None,
    spread: float = 1.0,
) -> Organoids:
    """Simulate an image of organoids of several classes.

    Organoids lie loosely on a grid of :data:`PITCH` pixels and do not touch.

    Args:
        shape: height and width in pixels, at least :data:`PITCH` each.
        seed: a number, or a generator to draw from.
        classes: class of each organoid in the order of the grid's rows, at most as many as fit; or
            how frequent classes are; all of them equally frequent where ``None``.
        spread: how much organoids of a class differ, 1 for some that are hard to tell apart.

    Returns:
        The image; equal for equal arguments.

    Raises:
        BadInputError: the image is too small for what is asked for, or there is no such class.

    >>> organoids = simulate_organoids((72, 144), seed=1, classes=["Cyst", "Dead"])
    >>> organoids.image.shape, int(organoids.labels.max()), organoids.classes
    ((72, 144), 2, ('Cyst', 'Dead'))
    """
    rng = np.random.default_rng(seed)
    rows, columns = shape[0] // PITCH, shape[1] // PITCH
    names = _drawn_classes(classes, rows * columns, rng)
    from scipy.ndimage import gaussian_filter

    light = np.full(shape, _BACKGROUND, np.float64)
    labels = np.zeros(shape, np.int32)
    for number, name in enumerate(names):
        y, x = (PITCH * place for place in divmod(number, columns))
        pixels, inside = _organoid(_vary(_CLASSES[name], spread, rng), rng)
        window = (slice(y, y + PITCH), slice(x, x + PITCH))
        light[window][inside] = pixels[inside]
        labels[window][inside] = number + 1
    # lamp and exposure differ from image to image
    slope = rng.normal(0, 0.06, 2)
    down, right = (np.linspace(-1, 1, size) for size in shape)
    shading = 1 + slope[0] * down[:, None] + slope[1] * right[None, :]
    light = gaussian_filter(light, 0.8) * shading * float(np.exp(rng.normal(0, 0.06)))
    counted = rng.poisson(np.maximum(light, 0) * _PHOTONS) / _PHOTONS
    image = np.clip(np.rint(counted * _FULL), 0, 4095).astype(np.uint16)
    return Organoids(image, labels, names)


def _drawn_classes(
    classes: Sequence[str] | Mapping[str, float] | None, places: int, rng: np.random.Generator
) -> tuple[str, ...]:
    """Return the class of each organoid of an image."""
    asked = ORGANOID_CLASSES if classes is None else tuple(classes)
    unknown = [name for name in asked if name not in _CLASSES]
    if unknown:
        raise BadInputError(
            "organoids", f"have no class {unknown[0]!r}", f"give some of {', '.join(_CLASSES)}"
        )
    is_list = classes is not None and not isinstance(classes, Mapping)
    if not asked or places < (len(asked) if is_list else 1):
        raise BadInputError(
            "organoids",
            f"{len(asked)} do not fit: the image has room for {places}",
            f"give an image of {PITCH} x {PITCH} pixels an organoid, and a class at least",
        )
    if is_list:
        return asked
    weights = np.ones(len(asked))
    if isinstance(classes, Mapping):
        weights = np.array([classes[name] for name in asked], np.float64)
        if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.sum() > 0):
            raise BadInputError(
                "organoids", "have frequencies that are none", "give numbers from 0"
            )
    drawn = rng.choice(len(asked), size=places, p=weights / weights.sum())
    return tuple(asked[number] for number in drawn)


def _vary(typical: _Appearance, spread: float, rng: np.random.Generator) -> _Appearance:
    """Draw an organoid that looks somewhat like a typical one."""
    values = {}
    for each in fields(_Appearance):
        middle, width = getattr(typical, each.name), getattr(_SPREAD, each.name)
        values[each.name] = max(0.0, middle + spread * width * float(rng.normal()))
    values["radius"] = float(np.clip(values["radius"], 8.0, _LARGEST))
    return _Appearance(**values)


def _organoid(
    look: _Appearance, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Draw one organoid.

    Returns:
        Brightness and mask, both of :data:`PITCH` pixels a side. The outline is a distance from the
        centre for each direction, so that the mask is in one piece.
    """
    from scipy.ndimage import gaussian_filter

    y, x = (np.indices((PITCH, PITCH)) - (PITCH - 1) / 2) + rng.uniform(-2, 2, (2, 1, 1))
    angle, distance = np.arctan2(y, x), np.hypot(y, x)
    directions = np.linspace(-np.pi, np.pi, _DIRECTIONS)
    edge = _outline(look, directions, rng)
    edge *= min(1.0, (PITCH / 2 - 3) / float(edge.max()))
    outline = np.interp(angle, directions, edge)
    depth = distance / outline  # 0 in the middle, 1 at the edge
    inside = depth <= 1
    spokes = np.cos(rng.integers(9, 14) * angle + rng.uniform(0, 2 * np.pi)) * np.clip(depth, 0, 1)
    grain = gaussian_filter(rng.normal(0, 1, inside.shape), 1.0)
    light = (
        look.body
        + look.wall * np.exp(-(((1 - depth) / 0.16) ** 2))
        - look.lumen * np.exp(-((depth / 0.45) ** 4))
        + look.spokes * spokes
        + look.grain * grain / grain.std()
    )
    return np.maximum(light, 0.02), inside


def _outline(
    look: _Appearance, angle: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the distance of the edge from the centre in each direction, in pixels."""
    axis = rng.uniform(0, np.pi)
    along, across = np.cos(angle - axis), np.sin(angle - axis)
    ratio = np.exp(look.elongation)
    outline = look.radius / np.sqrt(along**2 / ratio + across**2 * ratio)
    buds = rng.uniform(0, 2 * np.pi, rng.integers(2, 5))
    for bud in buds:
        outline *= 1 + look.lobes * np.exp((np.cos(angle - bud) - 1) / 0.08) * rng.uniform(0.6, 1.3)
    for wave in range(3, 9):
        height = look.roughness * rng.normal() / np.sqrt(3)
        outline *= 1 + height * np.cos(wave * angle + rng.uniform(0, 2 * np.pi))
    return np.asarray(np.maximum(outline, 3.0))
