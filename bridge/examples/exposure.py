"""Light of simulated nuclei, and the image that a simulated microscope and camera make of it."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bridge.examples.plate import Plate, SmoothField, enlarge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from bridge.examples.scene import Scene

_COARSE = 4  # haze is worked out on every fourth pixel and interpolated
_TILE = 2048  # pixels; bounds the working memory of a large section
_FOCUS = (0.0, 0.08, 0.16)  # blur of the three depths of focus, in diameters
_CYTOPLASM = 0.4  # how far a cell reaches beyond its nucleus, in diameters


Tile = tuple[slice, slice]


class Stain(Enum):
    """Part of a cell that a channel shows."""

    CHROMATIN = "chromatin"
    FACTOR = "factor"
    CYTOPLASM = "cytoplasm"


class _Grain(NamedTuple):
    """Fine structure on a rectangle of pixels (YX, float32 each): mean 0, standard deviation 1."""

    bulk: NDArray[np.float32]
    chromatin: NDArray[np.float32]
    spots: NDArray[np.float32]
    nucleoli: NDArray[np.float32]


class _Textures:
    """Random textures that repeat without a seam, so that tiles of an image fit together.

    Args:
        diameter: diameter of the nuclei in pixels, which the grain follows.
        rng: random numbers to draw from.
        period: number of pixels after which they repeat.
    """

    def __init__(self, diameter: float, rng: np.random.Generator, period: int) -> None:
        from scipy.ndimage import gaussian_filter

        self._fields: list[NDArray[np.float32]] = []
        for size in (0.25, 0.1, 0.045, 0.085):  # in diameters, in the order of _Grain
            noise = rng.standard_normal((period, period), np.float32)
            field = gaussian_filter(noise, max(diameter * size, 0.7), mode="wrap")
            self._fields.append((field - field.mean()) / field.std())

    def over(self, tile: Tile) -> _Grain:
        """Return the textures on a rectangle of pixels."""
        period = self._fields[0].shape[0]
        row, column = (np.arange(part.start, part.stop) % period for part in tile)
        return _Grain(*(field[np.ix_(row, column)] for field in self._fields))


def appearance(
    plate: Plate, scene: Scene, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Draw how bright each nucleus is and how far from focus it lies.

    Returns:
        By label, starting with 0 for the background: brightness (float32) and focus (uint8: 0 sharp
        to 2 soft).
    """
    count = len(plate.condensed)
    level = np.exp(rng.normal(0, scene.brightness_spread, count))
    # whatever is fainter would not be outlined by hand either
    level = np.clip(level, 0.12, 4.0)
    level[np.asarray(plate.condensed, bool)] *= rng.uniform(1.3, 2.2)
    focus = np.zeros(count + 1, np.uint8)
    soft = rng.random(count) < scene.defocus
    focus[1:][soft] = rng.integers(1, len(_FOCUS), int(soft.sum()))
    # a nucleus out of focus sends its light elsewhere too
    level[focus[1:] == 2] *= 0.7
    return np.concatenate([[0.0], level]).astype(np.float32), focus


def ghosts(
    plate: Plate, scene: Scene, rng: np.random.Generator, near: Plate | None = None
) -> NDArray[np.float32]:
    """Draw the light of nuclei too far out of focus to be outlined.

    Args:
        plate: the nuclei in focus; their number sets how many there are out of focus.
        scene: how many, how large and how bright.
        rng: random numbers to draw from.
        near: scatter them around this plate's nuclei; over the whole image if not given.

    Returns:
        Their light, on every fourth pixel (YX, float32).
    """
    height, width = plate.labels.shape
    light = np.zeros((height // _COARSE + 2, width // _COARSE + 2), np.float32)
    count = rng.poisson(scene.ghosts * len(plate.condensed))
    if near is None:
        centres = rng.uniform(0, 1, (count, 2)) * (height, width)
    else:
        where = np.argwhere(near.labels[::16, ::16]) * 16
        picked = where[rng.integers(0, len(where), count if len(where) else 0)]
        centres = picked + rng.normal(0, scene.diameter, picked.shape)
    for y, x in centres / _COARSE:
        sigma = scene.diameter * rng.uniform(0.5, 0.9) / _COARSE
        reach = int(3 * sigma) + 1
        top, left = max(int(y) - reach, 0), max(int(x) - reach, 0)
        window = light[top : max(int(y) + reach + 1, 0), left : max(int(x) + reach + 1, 0)]
        down = np.arange(window.shape[0]) + (top - y)
        right = np.arange(window.shape[1]) + (left - x)
        spread = -0.5 / sigma**2
        bump = np.exp(down * down * spread)[:, None] * np.exp(right * right * spread)[None, :]
        window += (scene.ghost_light * rng.uniform(0.3, 1.5)) * bump
    return light


def expose(
    plate: Plate,
    brightness: NDArray[np.float32],
    focus: NDArray[np.uint8],
    scene: Scene,
    rng: np.random.Generator,
    *,
    stain: Stain = Stain.CHROMATIN,
    ghost_light: NDArray[np.float32] | None = None,
    out: NDArray[np.uint16] | None = None,
) -> NDArray[np.uint16]:
    """Take an image of the nuclei.

    Args:
        plate: the nuclei.
        brightness: by label (float32), 0 for the background.
        focus: by label (uint8), 0 sharp to 2 soft.
        scene: the microscope and the camera.
        rng: random numbers to draw textures and noise from.
        stain: part of the cells that emits light.
        ghost_light: light of nuclei out of focus, on every fourth pixel.
        out: where the image goes; a new array if not given.

    Returns:
        The image (YX, uint16, at most ``2**scene.bits - 1``).
    """
    from scipy.ndimage import gaussian_filter

    shape = plate.labels.shape
    image = np.empty(shape, np.uint16) if out is None else out
    textures = _Textures(scene.diameter, rng, min(1024, 128 * (-(-max(shape) // 128))))
    lamp = SmoothField((shape[0], shape[1]), max(shape) * 0.8, rng)
    tissue = SmoothField((shape[0], shape[1]), scene.diameter * 2.5, rng)
    softest = max(scene.blur, _FOCUS[-1] * scene.diameter)
    halo = int(np.ceil(4 * (softest + scene.resampled) + _CYTOPLASM * scene.diameter)) + 2

    coarse = plate.labels[::_COARSE, ::_COARSE]
    scattered = gaussian_filter(brightness[coarse], 1.2 * scene.diameter / _COARSE)
    scattered = scene.haze * scattered.astype(np.float32)
    lit = brightness[1:][brightness[1:] > 0]
    bright = float(np.quantile(lit, 0.97)) if lit.size else 1.0
    full = 2**scene.bits - 1
    gain = scene.exposure * full / (bright * (1 + scene.spots * 0.5) + scene.background)

    for tile in _tiles(shape):
        # what lies around a tile is blurred into it
        rows, columns = (
            slice(max(part.start - halo, 0), min(part.stop + halo, length))
            for part, length in zip(tile, shape, strict=True)
        )
        wide = (rows, columns)
        glow = _glow(plate, brightness, scene, wide, grain=textures.over(wide), stain=stain)
        light = _focused(glow, plate.labels[wide], focus, scene, stain=stain)
        light += enlarge(scattered, _COARSE, rows, columns)
        if ghost_light is not None:
            light += enlarge(ghost_light, _COARSE, rows, columns)
        light += scene.autofluorescence * np.maximum(1 + tissue.over(rows, columns), 0)
        light *= np.maximum(1 + scene.shading * 0.6 * lamp.over(rows, columns), 0.3)
        light += scene.background
        seen = rng.poisson(light * scene.photons).astype(np.float32) / np.float32(scene.photons)
        seen += scene.read_noise * rng.standard_normal(seen.shape, np.float32)
        if scene.resampled > 0:
            seen = gaussian_filter(seen, scene.resampled)
        inner = tuple(
            slice(part.start - around.start, part.stop - around.start)
            for part, around in zip(tile, wide, strict=True)
        )
        image[tile] = np.clip(np.rint(seen[inner] * gain), 0, full)
    return image


def _tiles(shape: tuple[int, ...]) -> Iterator[Tile]:
    for top in range(0, shape[0], _TILE):
        for left in range(0, shape[1], _TILE):
            yield (
                slice(top, min(top + _TILE, shape[0])),
                slice(left, min(left + _TILE, shape[1])),
            )


def _glow(
    plate: Plate,
    brightness: NDArray[np.float32],
    scene: Scene,
    tile: Tile,
    *,
    grain: _Grain,
    stain: Stain,
) -> NDArray[np.float32]:
    """Return the light that the cells of a tile emit (YX, float32)."""
    labels = plate.labels[tile]
    if stain is Stain.CYTOPLASM:
        from scipy.ndimage import distance_transform_edt

        distance, nearest = distance_transform_edt(labels == 0, return_indices=True)
        cells = np.where(distance <= scene.diameter * _CYTOPLASM, labels[tuple(nearest)], 0)
        density = np.where(labels > 0, 0.3, 1.0) * (1 + 0.35 * grain.chromatin + 0.25 * grain.spots)
        return np.asarray(brightness[cells] * np.maximum(density, 0.03), np.float32)

    depth = plate.depth[tile]
    profile = np.maximum(1 - depth**2, 0.02) ** scene.dome
    light = np.where(depth < 1, brightness[labels] * profile, 0)
    # nuclei that press against each other are thinner there, and a dark line parts them
    light *= 1 - scene.seam * _contact(labels, max(0.6, 0.025 * scene.diameter))
    # a section is thick: what lies behind a nucleus shines through
    light += scene.translucence * brightness[plate.hidden[tile]]
    if stain is Stain.FACTOR:
        density = 1 + 0.3 * grain.spots + 0.15 * grain.chromatin
    else:
        spots = np.maximum(grain.spots - 0.8, 0)
        density = 1 + scene.texture * grain.chromatin + scene.spots * spots
        density += scene.unevenness * grain.bulk
    density *= 1 - scene.nucleoli * np.clip((grain.nucleoli - 1.1) / 0.5, 0, 1)
    return np.asarray(light * np.maximum(density, 0.1), np.float32)


def _contact(labels: NDArray[np.int32], width: float) -> NDArray[np.float32]:
    """Return the nearness of each pixel to a line where nuclei touch (YX, float32, 1 on it).

    Args:
        labels: label image (YX).
        width: standard deviation of the line in pixels.
    """
    from scipy.ndimage import gaussian_filter

    touching = np.zeros(labels.shape, np.float32)
    for after, before in (
        (np.s_[1:, :], np.s_[:-1, :]),
        (np.s_[:, 1:], np.s_[:, :-1]),
    ):
        meets = (labels[after] != labels[before]) & (labels[after] > 0) & (labels[before] > 0)
        touching[after] += meets
        touching[before] += meets
    line = gaussian_filter(np.minimum(touching, 1), width)
    # a line two pixels wide, blurred, is this high in its middle
    height = 2 / (np.sqrt(2 * np.pi) * width) if width > 0.8 else 1.0
    return np.asarray(np.minimum(line / np.float32(min(height, 1.0)), 1), np.float32)


def _focused(
    glow: NDArray[np.float32],
    labels: NDArray[np.int32],
    focus: NDArray[np.uint8],
    scene: Scene,
    *,
    stain: Stain,
) -> NDArray[np.float32]:
    """Return the light after blurring each nucleus by its distance from focus (YX, float32)."""
    from scipy.ndimage import gaussian_filter

    if stain is Stain.CYTOPLASM:
        return np.asarray(gaussian_filter(glow, scene.blur), np.float32)
    depth = focus[labels]
    light = np.zeros_like(glow)
    for step, softness in enumerate(_FOCUS):
        layer = np.where(depth == step, glow, np.float32(0))
        if layer.any():
            light += gaussian_filter(layer, max(scene.blur, softness * scene.diameter))
    return light
