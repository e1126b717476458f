"""Simulated time series of nuclei that move and divide, as a table of what a detector finds."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

_PERSISTENCE = 0.5  # part of a step that is the step before
_CYCLE = 12  # frames in which a daughter regrows


@dataclass(frozen=True)
class MovingNuclei:
    """Detections of moving nuclei, and the nuclei that they truly are.

    Attributes:
        frame: (n,) time point, ascending.
        position: (n, axes) in µm, (z,) y, x.
        area: (n,) µm²; in 3D the cross-section.
        intensity: (n,) mean.
        nucleus: (n,) number of the true nucleus, -1 for a false detection.
        mother: (nuclei,) number of the nucleus that it came from by division, or -1.
    """

    frame: NDArray[np.int64]
    position: NDArray[np.float64]
    area: NDArray[np.float64]
    intensity: NDArray[np.float64]
    nucleus: NDArray[np.int64]
    mother: NDArray[np.int64]

    def true_links(self) -> set[tuple[int, int]]:
        """Return pairs of rows: a nucleus, and where it is found next."""
        real = np.flatnonzero(self.nucleus >= 0)
        ordered = real[np.lexsort([self.frame[real], self.nucleus[real]])].tolist()
        number = self.nucleus
        return {(a, b) for a, b in pairwise(ordered) if number[a] == number[b]}

    def true_divisions(self) -> set[tuple[int, frozenset[int]]]:
        """Return each nucleus that divides, with its daughters."""
        mothers = np.unique(self.mother[self.mother >= 0]).tolist()
        return {(m, frozenset(np.flatnonzero(self.mother == m).tolist())) for m in mothers}


def simulate_moving_nuclei(
    nuclei: int = 2_000,
    frames: int = 50,
    *,
    divisions: int = 400,
    missed: float = 0.02,
    false: float = 0.01,
    seed: int | np.random.Generator = 0,
    spacing: float = 18.0,
    step: float = 1.5,
    planes: int = 0,
    plane_distance: float = 4.0,
) -> MovingNuclei:
    """Simulate nuclei in a tissue: persistent random steps, no two at one place, some divide.

    The daughters of a division, each of half the area, lie to both sides of where the nucleus was,
    move apart, and grow to its size again.

    Args:
        nuclei: number in the first frame.
        frames: number of time points.
        divisions: about how many in all.
        missed: part of the nuclei that is not detected in a frame.
        false: false detections, as a part of the nuclei.
        seed: a number, or a generator to draw from.
        spacing: mean distance of neighbours in µm.
        step: standard deviation of a step along an axis in µm.
        planes: slices of a volume; 0 for a plane.
        plane_distance: µm between slices; positions along z are multiples of a quarter of it.

    >>> found = simulate_moving_nuclei(50, 5, divisions=4, seed=1)
    >>> found.position.shape[1], bool((found.mother >= 0).any())
    (2, True)
    """
    rng = np.random.default_rng(seed)
    axes = 3 if planes else 2
    sides = np.full(axes, spacing * nuclei ** (1 / axes))
    if planes:
        sides[0] = planes * plane_distance
        sides[1:] = spacing * np.sqrt(nuclei * spacing / sides[0])
    scene = _Scene(rng, sides, nuclei, step, spacing)
    rate = divisions / max(1, frames - 1) / nuclei
    tables = []
    for frame in range(frames):
        if frame:
            scene.move()
            scene.divide(rate)
        seen = rng.random(len(scene.number)) >= missed
        strays = rng.poisson(false * len(scene.number))
        position = np.concatenate([scene.position[seen], rng.random((strays, axes)) * sides])
        position += rng.normal(0, 0.3, position.shape)
        if planes:
            position[:, 0] = np.round(position[:, 0] / (plane_distance / 4)) * plane_distance / 4
        area = np.concatenate([scene.area[seen], rng.choice(scene.area, strays)])
        light = np.concatenate([scene.intensity[seen], rng.choice(scene.intensity, strays)])
        number = np.concatenate([scene.number[seen], np.full(strays, -1)])
        tables.append(
            (
                np.full(len(number), frame),
                position,
                area * rng.lognormal(0, 0.06, len(area)),
                light * rng.lognormal(0, 0.05, len(light)),
                number,
            )
        )
    times, position, area, light, number = map(np.concatenate, zip(*tables, strict=True))
    return MovingNuclei(times, position, area, light, number, np.array(scene.mother))


class _Scene:
    """The nuclei of a time point."""

    def __init__(
        self, rng: np.random.Generator, sides: NDArray[np.float64], n: int, step: float, gap: float
    ) -> None:
        self.rng, self.sides, self.step, self.gap = rng, sides, step, gap
        self.position = rng.random((n, len(sides))) * sides
        self.velocity = rng.normal(0, step, self.position.shape)
        self.size = rng.lognormal(np.log(80.0), 0.2, n)  # µm², when fully grown
        self.age = rng.integers(_CYCLE, 4 * _CYCLE, n)  # frames since its division
        self.intensity = rng.lognormal(np.log(1000.0), 0.25, n)
        self.number = np.arange(n)
        self.mother = [-1] * n
        for _ in range(30):  # neighbours push each other apart
            self._push(0.5)

    @property
    def area(self) -> NDArray[np.float64]:
        grown = np.minimum(1.0, 0.5 + 0.5 * self.age / _CYCLE)
        return np.asarray(self.size * grown)

    def move(self) -> None:
        noise = self.rng.normal(0, self.step * np.sqrt(1 - _PERSISTENCE**2), self.position.shape)
        self.velocity = _PERSISTENCE * self.velocity + noise
        self.position += self.velocity
        self._push(0.3)
        low, high = self.position < 0, self.position > self.sides
        self.velocity[low | high] *= -1
        self.position = np.clip(self.position, 0, self.sides)
        self.age = self.age + 1

    def divide(self, rate: float) -> None:
        ready = np.flatnonzero((self.age > _CYCLE) & (self.rng.random(len(self.age)) < rate))
        if not len(ready):
            return
        axis = self.rng.normal(size=(len(ready), self.position.shape[1]))
        axis /= np.linalg.norm(axis, axis=1, keepdims=True)
        shift = axis * np.sqrt(self.size[ready] / np.pi)[:, None] * 0.9
        first = len(self.mother)
        self.mother += [int(n) for n in self.number[ready] for _ in range(2)]
        two = np.repeat(ready, 2)
        sign = np.tile([1.0, -1.0], len(ready))[:, None]
        position = self.position[two] + sign * np.repeat(shift, 2, axis=0)
        velocity = sign * np.repeat(axis, 2, axis=0) * self.step
        stays = np.ones(len(self.number), bool)
        stays[ready] = False

        def joined(old: NDArray[np.float64], new: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.concatenate([old[stays], new])

        self.position = joined(self.position, position)
        self.velocity = joined(self.velocity, velocity)
        size = self.size[two] * self.rng.lognormal(0, 0.05, len(two))
        self.size = joined(self.size, size)
        self.intensity = joined(self.intensity, self.intensity[two])
        self.age = np.concatenate([self.age[stays], np.zeros(len(two), self.age.dtype)])
        self.number = np.concatenate([self.number[stays], first + np.arange(len(two))])

    def _push(self, strength: float) -> None:
        from scipy.spatial import cKDTree

        least = 0.6 * self.gap
        pairs = cKDTree(self.position).query_pairs(least, output_type="ndarray")
        if not len(pairs):
            return
        apart = self.position[pairs[:, 0]] - self.position[pairs[:, 1]]
        distance = np.maximum(np.linalg.norm(apart, axis=1, keepdims=True), 1e-6)
        move = strength * (least - distance) / 2 * apart / distance
        np.add.at(self.position, pairs[:, 0], move)
        np.add.at(self.position, pairs[:, 1], -move)
