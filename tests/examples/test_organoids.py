"""Simulated images of organoids of six classes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from bridge.errors import BadInputError
from bridge.examples.organoids import ORGANOID_CLASSES, PITCH, simulate_organoids


def test_every_organoid_is_in_one_piece_and_touches_no_other() -> None:
    found = simulate_organoids((5 * PITCH, 6 * PITCH), seed=3)

    _, pieces = ndimage.label(found.labels > 0, structure=np.ones((3, 3)))
    assert pieces == found.labels.max() == len(found.classes) == 30
    assert all(
        ndimage.label(found.labels == label)[1] == 1 for label in range(1, len(found.classes) + 1)
    )
    assert found.image.dtype == np.uint16
    assert found.image.max() < 4096


def test_the_same_seed_gives_the_same_image() -> None:
    first, again, other = (
        simulate_organoids((2 * PITCH, 2 * PITCH), seed=seed) for seed in (1, 1, 2)
    )

    assert np.array_equal(first.image, again.image)
    assert first.classes == again.classes
    assert not np.array_equal(first.image, other.image)


def test_classes_are_those_that_are_asked_for() -> None:
    rare = {"Dead": 1.0, "Cyst": 9.0}

    listed = simulate_organoids((PITCH, 6 * PITCH), seed=1, classes=ORGANOID_CLASSES)
    drawn = simulate_organoids((10 * PITCH, 20 * PITCH), seed=1, classes=rare)

    assert listed.classes == ORGANOID_CLASSES
    assert set(drawn.classes) == {"Dead", "Cyst"}
    assert 5 <= drawn.classes.count("Dead") <= 40


def test_dead_organoids_are_smaller_and_cysts_are_dark_inside() -> None:
    classes = ["Cyst"] * 10 + ["Dead"] * 10 + ["Solid"] * 10
    found = simulate_organoids((3 * PITCH, 10 * PITCH), seed=5, classes=classes)

    numbers = range(1, 31)
    areas = np.asarray(ndimage.sum_labels(found.labels > 0, found.labels, numbers))
    means = np.asarray(ndimage.mean(found.image, found.labels, numbers))
    assert areas[10:20].mean() < 0.8 * areas[:10].mean()
    assert means[:10].mean() < 0.8 * means[20:].mean()


@pytest.mark.parametrize(
    ("shape", "classes", "message"),
    [
        ((PITCH, PITCH), ["Cyst", "Dead"], "room for 1"),
        ((10, 10), None, "room for 0"),
        ((PITCH, PITCH), ["Neuron"], "no class 'Neuron'"),
        ((PITCH, PITCH), {"Cyst": 0.0}, "frequencies"),
        ((PITCH, PITCH), [], "do not fit"),
    ],
)
def test_what_cannot_be_is_refused(
    shape: tuple[int, int], classes: list[str] | None, message: str
) -> None:
    with pytest.raises(BadInputError, match=message):
        simulate_organoids(shape, seed=1, classes=classes)
