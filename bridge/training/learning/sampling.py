"""Patches drawn from training pairs, changed at random, with their targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from bridge.training.learning.augment import Augmentation
from bridge.training.learning.targets import Targets, make_targets
from bridge.training.pairs import IGNORED, TrainingPair

if TYPE_CHECKING:
    from bridge.model.recipe import Recipe

_FOREGROUND = 0.9
"""Part of the patches that are drawn around an object, as in StarDist's configuration."""

_BRIGHTEST = 60_000.0
"""Largest normalised intensity: 16 bits hold little more, and a hot pixel may have any."""


@dataclass(frozen=True)
class Batch:
    """Patches and what the network is to say of them.

    Attributes:
        pixels: (batch, size, size, channels) float32, normalised.
        targets: of all patches.
    """

    pixels: NDArray[np.float32]
    targets: Targets


@dataclass(frozen=True, eq=False)
class _Field:
    """A training pair as patches are drawn from it."""

    pixels: NDArray[np.float16]
    labels: NDArray[np.int32]
    centers: NDArray[np.float64]
    class_numbers: Mapping[int, int]
    weight: float


@dataclass
class PatchSampler:
    """Batches of patches, each determined by the seed and its number alone.

    Large images are drawn from more often than small ones, and those with many objects more often
    than those with few: by the square root of the number of objects.

    Args:
        pairs: where patches are cut from.
        recipe: percentiles of normalisation.
        size: height and width of a patch in pixels, a multiple of the network's divisor.
        batch_size: patches a batch.
        grid: of the network.
        n_rays: of the network.
        classes: names of the network's classes.
        augmentation: how patches are changed.
        seed: seed of all that is drawn.
        rehearsal: pairs of the old domain; a patch comes from them with the chance ``rehearse``.
        rehearse: chance that a patch comes from ``rehearsal``.
    """

    pairs: Sequence[TrainingPair]
    recipe: Recipe
    size: int
    batch_size: int
    grid: tuple[int, int]
    n_rays: int
    classes: tuple[str, ...] = ()
    augmentation: Augmentation = field(default_factory=Augmentation)
    seed: int = 0
    rehearsal: Sequence[TrainingPair] = ()
    rehearse: float = 0.0

    def __post_init__(self) -> None:
        self._fields = [self._prepare(pair) for pair in self.pairs]
        self._old = [self._prepare(pair) for pair in self.rehearsal]

    def batch(self, number: int) -> Batch:
        """Return the batch of a number, always the same one.

        Args:
            number: of the step, from 0.
        """
        rng = np.random.default_rng((self.seed, number))
        patches = [self._patch(rng) for _ in range(self.batch_size)]
        parts = [targets.arrays() for _, targets in patches]
        return Batch(
            np.stack([pixels for pixels, _ in patches]),
            Targets(*(np.stack(arrays) for arrays in zip(*parts, strict=True))),
        )

    def batches(self, first: int, stop: int) -> Iterator[Batch]:
        """Yield the batches from one number to before another."""
        for number in range(first, stop):
            yield self.batch(number)

    def _prepare(self, pair: TrainingPair) -> _Field:
        from bridge.training.learning.normalizing import normalize_pair

        # numbered anew without gaps, so that a patch is numbered anew at once
        numbers = np.unique(pair.labels[pair.labels > 0])
        compact = np.where(
            pair.labels > 0, np.searchsorted(numbers, pair.labels) + 1, pair.labels
        ).astype(np.int32)
        boxes = find_objects(compact)
        centers = np.array(
            [[(axis.start + axis.stop) / 2 for axis in box] for box in boxes if box]
        ).reshape(-1, 2)
        positions = dict(zip(numbers.tolist(), range(1, len(numbers) + 1), strict=True))
        class_numbers = {
            positions[label]: self.classes.index(name) + 1
            for label, name in pair.classes.items()
            if name in self.classes and label in positions
        }
        weight = np.sqrt(max(len(centers), 1))
        return _Field(
            np.clip(normalize_pair(pair, self.recipe), -_BRIGHTEST, _BRIGHTEST).astype(np.float16),
            compact,
            centers,
            class_numbers,
            float(weight),
        )

    def _patch(self, rng: np.random.Generator) -> tuple[NDArray[np.float32], Targets]:
        is_old = bool(self._old) and rng.random() < self.rehearse
        fields = self._old if is_old else self._fields
        weights = np.array([f.weight for f in fields])
        chosen = fields[int(rng.choice(len(fields), p=weights / weights.sum()))]
        pixels, labels = self._cut(chosen, rng)
        pixels, labels = self.augmentation.apply(pixels, labels, rng)
        targets = make_targets(
            labels,
            grid=self.grid,
            n_rays=self.n_rays,
            class_numbers=chosen.class_numbers,
            n_classes=len(self.classes),
        )
        return pixels, targets

    def _cut(
        self, chosen: _Field, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Cut a patch around an object or anywhere, resampled by a random factor."""
        factor = self.augmentation.draw_scale(rng)
        side = self.size / factor
        shape = chosen.labels.shape
        anywhere = [rng.uniform(0, max(n - side, 0)) for n in shape]
        if len(chosen.centers) and rng.random() < _FOREGROUND:
            center = chosen.centers[int(rng.integers(len(chosen.centers)))]
            wanted = center - side * rng.uniform(0.05, 0.95, 2)
        else:
            wanted = np.array(anywhere)
        # An image that is smaller than a patch lies in its middle. A patch begins with a whole
        # pixel, so that without scaling all pixels stay as they are.
        starts = [
            float(np.floor(np.clip(w, 0, n - side) if n > side else (n - side) / 2))
            for w, n in zip(wanted, shape, strict=True)
        ]
        return _resample(chosen.pixels, chosen.labels, starts, factor, self.size)


def _resample(
    pixels: NDArray[np.float16],
    labels: NDArray[np.int32],
    starts: Sequence[float],
    factor: float,
    size: int,
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Cut a square and enlarge it by a factor: pixels bilinearly, labels by the nearest one.

    Beyond the image pixels are mirrored, and labels are ignored.
    """
    first, share, nearest, outside = [], [], [], []
    for start, n in zip(starts, labels.shape, strict=True):
        at = start + (np.arange(size) + 0.5) / factor - 0.5
        low = np.floor(at).astype(int)
        share.append((at - low).astype(np.float32))
        first.append((_mirror(low, n), _mirror(low + 1, n)))
        rounded = np.rint(at).astype(int)
        outside.append((rounded < 0) | (rounded >= n))
        nearest.append(np.clip(rounded, 0, n - 1))
    (y0, y1), (x0, x1) = first
    fy, fx = share[0][:, None, None], share[1][None, :, None]
    rows = pixels[y0].astype(np.float32) * (1 - fy) + pixels[y1].astype(np.float32) * fy
    cut = rows[:, x0] * (1 - fx) + rows[:, x1] * fx
    marks = labels[np.ix_(nearest[0], nearest[1])]
    marks[outside[0]] = IGNORED
    marks[:, outside[1]] = IGNORED
    return cut, marks


def _mirror(index: NDArray[np.intp], n: int) -> NDArray[np.intp]:
    """Return indices mirrored at both ends of an axis of n pixels."""
    period = max(2 * n - 2, 1)
    folded = np.abs(index) % period
    mirrored: NDArray[np.intp] = np.where(folded < n, folded, period - folded)
    return mirrored
