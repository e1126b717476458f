"""Conditions of a simulated image: the nuclei, the tissue and the microscope."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Scene:
    """The conditions of one simulated image.

    Lengths are in pixels where nothing else is said; brightness is relative to a typical nucleus.

    Attributes:
        diameter: typical diameter of a nucleus.
        size_spread: standard deviation of the logarithm of the diameter.
        elongation: typical ratio of long to short axis, 1 for round nuclei.
        roughness: how far an outline strays from its ellipse, as a part of the radius.
        spacing: distance between neighbours in dense places, in diameters.
        disorder: how far nuclei stray from even spacing, in spacings.
        cover: part of the plane that is tissue (0 to 1); elsewhere nuclei are rare.
        clumping: chance that a nucleus gets a sister right beside it (0 to 1).
        overlap: how much of a nucleus its neighbours may hide (0 to 1); 0 keeps them apart.
        translucence: how much of a nucleus shines through the one in front of it (0 to 1).
        seam: how much darker two nuclei are where they press against each other (0 to 1).
        alignment: how far neighbours point the same way (0 to 1).
        brightness_spread: standard deviation of the logarithm of a nucleus's brightness.
        condensed: part of the nuclei that are small, smooth and very bright.
        dome: how brightness falls from centre to edge (0 flat, 0.5 as a ball seen in widefield).
        unevenness: how far brightness differs between the sides of a nucleus.
        texture: contrast of the chromatin.
        spots: brightness of chromocentres.
        nucleoli: darkness of nucleoli (0 to 1).
        blur: standard deviation of the optics' blur in focus.
        defocus: part of the nuclei that lie somewhat out of focus.
        ghosts: nuclei too far out of focus to be outlined, per nucleus that is outlined.
        ghost_light: brightness of such a nucleus.
        haze: light scattered around nuclei.
        background: even light where there is nothing.
        autofluorescence: uneven light of the tissue between nuclei.
        shading: how much the lamp's light varies over the image (0 to 1).
        photons: photons counted in a pixel of a typical nucleus.
        read_noise: standard deviation of the camera's noise.
        resampled: blur after the noise, as rescaled or denoised images have.
        exposure: where a bright nucleus lies in the camera's range (1 at its end).
        bits: depth of the camera (8 to 16).

    >>> Scene(diameter=30, photons=50).bits
    8
    """

    diameter: float = 24.0
    size_spread: float = 0.15
    elongation: float = 1.3
    roughness: float = 0.05
    spacing: float = 1.1
    disorder: float = 0.3
    cover: float = 0.7
    clumping: float = 0.2
    overlap: float = 0.15
    translucence: float = 0.5
    seam: float = 0.0
    alignment: float = 0.3
    brightness_spread: float = 0.4
    condensed: float = 0.02
    dome: float = 0.2
    unevenness: float = 0.1
    texture: float = 0.2
    spots: float = 0.2
    nucleoli: float = 0.3
    blur: float = 1.0
    defocus: float = 0.3
    ghosts: float = 0.3
    ghost_light: float = 0.1
    haze: float = 0.2
    background: float = 0.05
    autofluorescence: float = 0.05
    shading: float = 0.2
    photons: float = 200.0
    read_noise: float = 0.02
    resampled: float = 0.0
    exposure: float = 0.8
    bits: int = 8


def random_scene(
    seed: int | np.random.Generator, *, diameters: tuple[float, float] = (10.0, 50.0)
) -> Scene:
    """Draw a scene: culture or tissue, a good or a poor microscope.

    Args:
        seed: a number, or a generator to draw from.
        diameters: least and greatest typical diameter of a nucleus, in pixels.

    Returns:
        A scene, equal for equal arguments.

    >>> scene = random_scene(1, diameters=(15.0, 30.0))
    >>> 15 <= scene.diameter <= 30 and scene == random_scene(1, diameters=(15.0, 30.0))
    True
    """
    rng = np.random.default_rng(seed)

    def even(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    def even_log(low: float, high: float) -> float:
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    diameter = even_log(*diameters)
    # in every other image nuclei are alike, smooth and pressed together: only the dark line
    # between them tells two from one
    alike = bool(rng.random() < 0.5)
    return Scene(
        diameter=diameter,
        size_spread=even(0.05, 0.2 if alike else 0.28),
        elongation=even(1.05, 1.8),
        roughness=even(0.01, 0.1),
        spacing=even_log(0.8, 1.9),
        disorder=even(0.1, 0.5),
        cover=even(0.3, 1.0),
        clumping=even(0.3, 0.8) if alike else even(0.0, 0.6),
        overlap=float(rng.choice([0.0, 0.08, 0.16, 0.25], p=[0.15, 0.25, 0.35, 0.25])),
        translucence=even(0.0, 0.1 if alike else 0.6),
        seam=even(0.2, 0.8) if alike else even(0.0, 0.5),
        alignment=even(0.0, 1.0),
        brightness_spread=even(0.05, 0.3) if alike else even(0.1, 0.9),
        condensed=float(rng.choice([0.0, 0.02, 0.06])),
        dome=even(0.0, 0.4),
        unevenness=even(0.0, 0.12 if alike else 0.25),
        texture=even(0.0, 0.1 if alike else 0.3),
        spots=even(0.0, 0.15 if alike else 0.5),
        nucleoli=even(0.0, 0.2 if alike else 0.6),
        blur=float(np.clip(diameter * even_log(0.02, 0.1), 0.5, 3.5)),
        defocus=even(0.0, 0.8),
        ghosts=even(0.0, 0.8),
        ghost_light=even(0.03, 0.18),
        haze=even(0.0, 0.5),
        background=even_log(0.01, 0.4),
        autofluorescence=even_log(0.005, 0.15),
        shading=even(0.0, 0.5),
        photons=even_log(15.0, 3000.0),
        read_noise=even_log(0.002, 0.05),
        resampled=float(rng.choice([0.0, even(0.4, 1.2)])),
        exposure=even(0.3, 1.1),
        bits=int(rng.choice([8, 12, 16])),
    )
