"""Rounds of classing and training, played: does it help to choose which objects to class?

The organoids are simulated, so that the reviewer knows their classes. Classes are frequent in some
images and rare in others, as in a study of several conditions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bridge.classify.objects.choosing import choose_objects, uncertainty
from bridge.classify.objects.features import FeatureSettings, object_features
from bridge.classify.objects.models.fitting import Candidate, fit, predict
from bridge.classify.objects.scaling import FeatureScaling
from bridge.detections import Detections
from bridge.examples.organoids import ORGANOID_CLASSES, PITCH, simulate_organoids
from bridge.images import from_array

FIRST, STEP = 20, 20
"""Clicks at random to begin with, and clicks in a round."""

_IMAGES, _HELD_OUT = 14, 8
_SHAPE = (7 * PITCH, 9 * PITCH)
_FREQUENCIES = (0.10, 0.30, 0.06, 0.10, 0.14, 0.30)
_EVENNESS = 4.0  # how alike images are in their classes
_MODEL = Candidate("logistic", {"C": 1.0})


@dataclass(frozen=True)
class Study:
    """Objects of several images.

    Attributes:
        features: (n, features).
        classes: (n,) number of each object's class.
        images: (n,) number of its image.
    """

    features: NDArray[np.float64]
    classes: NDArray[np.int64]
    images: NDArray[np.int64]

    def part(self, rows: NDArray[np.bool_]) -> Study:
        """Return some of the objects."""
        return Study(self.features[rows], self.classes[rows], self.images[rows])


def simulate_study(seed: int) -> tuple[Study, Study]:
    """Return the objects of the images of a study, and of images that nobody classes.

    Args:
        seed: of all that is drawn.
    """
    rng = np.random.default_rng(seed)
    features, classes, images = [], [], []
    for number in range(_IMAGES + _HELD_OUT):
        drawn = rng.dirichlet(np.array(_FREQUENCIES) * _EVENNESS) + 1e-3
        frequencies = dict(zip(ORGANOID_CLASSES, drawn.tolist(), strict=True))
        found = simulate_organoids(_SHAPE, seed=rng, classes=frequencies)
        image = from_array(found.image, axes="YX")
        settings = FeatureSettings.of_image(image)
        features.append(object_features(Detections.from_labels(found.labels), image, settings))
        classes += [ORGANOID_CLASSES.index(name) for name in found.classes]
        images += [number] * len(found.classes)
    values = np.concatenate([table.to_numpy(np.float64) for table in features])
    study = Study(values, np.array(classes), np.array(images))
    is_held_out = study.images >= _IMAGES
    return study.part(~is_held_out), study.part(is_held_out)


def play(study: tuple[Study, Study], rounds: int, *, active: bool, seed: int) -> list[float]:
    """Return the accuracy on images that nobody classes, before and after each round.

    Args:
        study: as :func:`simulate_study` returns.
        rounds: of :data:`STEP` clicks, after :data:`FIRST` at random.
        active: objects are chosen; else they are drawn at random.
        seed: of what is drawn.
    """
    pool, held_out = study
    scaling = FeatureScaling.of(pool.features)
    x, x_held_out = scaling.standardise(pool.features), scaling.standardise(held_out.features)
    rng = np.random.default_rng(seed)
    is_classed = np.zeros(len(x), bool)
    is_classed[rng.choice(len(x), FIRST, replace=False)] = True
    accuracy = []
    for number in range(rounds + 1):
        model = fit(_MODEL, x[is_classed], pool.classes[is_classed], len(ORGANOID_CLASSES), seed)
        found = predict(model, x_held_out).argmax(axis=1)
        accuracy.append(float((found == held_out.classes).mean()))
        if number == rounds:
            break
        left = np.flatnonzero(~is_classed)
        if active:
            unsure = uncertainty(predict(model, x[left]))
            images = [str(image) for image in pool.images[left]]
            chosen = choose_objects(unsure, images, STEP)
        else:
            chosen = rng.choice(len(left), STEP, replace=False)
        is_classed[left[chosen]] = True
    return accuracy


def clicks_to_reach(accuracy: Sequence[float], wanted: float) -> int | None:
    """Return the number of clicks after which an accuracy is reached, ``None`` if it is not.

    >>> clicks_to_reach([0.5, 0.8, 0.9], 0.8)
    40
    """
    reached = np.flatnonzero(np.asarray(accuracy) >= wanted)
    return FIRST + STEP * int(reached[0]) if len(reached) else None
