"""Simulated sections whose cells are of known classes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from bridge.errors import BadInputError
from bridge.examples.stained_sections import (
    SECTION_CLASSES,
    StainedSection,
    simulate_stained_section,
)

SHARES = {"Progenitor": 0.2, "Neuron": 0.3, "Astrocyte": 0.15, "Unstained": 0.15, "Dead": 0.2}


@pytest.fixture(scope="module")
def section() -> StainedSection:
    return simulate_stained_section((300, 320), seed=4, proportions=SHARES)


def _means(section: StainedSection, channel: int) -> dict[str, float]:
    """Return the median over the nuclei of each class of their mean intensity."""
    numbers = np.arange(1, len(section.classes) + 1)
    means = ndimage.mean(section.image[channel], section.labels, numbers)
    classes = np.array(section.classes)
    return {name: float(np.median(means[classes == name])) for name in SECTION_CLASSES}


def test_every_nucleus_has_a_class_and_all_classes_are_there(section: StainedSection) -> None:
    assert len(section.classes) == section.labels.max() > 100
    assert set(section.classes) == set(SECTION_CLASSES)
    again = simulate_stained_section((300, 320), seed=4, proportions=SHARES)
    assert np.array_equal(again.image, section.image)
    assert again.classes == section.classes


def test_each_nuclear_marker_is_bright_in_its_class_alone(section: StainedSection) -> None:
    for channel, own in ((1, "Progenitor"), (2, "Neuron")):
        means = _means(section, channel)
        assert all(means[own] > 2 * means[name] for name in SECTION_CLASSES if name != own)


def test_dead_nuclei_are_small_and_bright(section: StainedSection) -> None:
    areas = np.bincount(section.labels.ravel())[1:]
    is_dead = np.array([name == "Dead" for name in section.classes])
    assert np.median(areas[is_dead]) < 0.6 * np.median(areas[~is_dead])
    means = _means(section, 0)
    assert all(means["Dead"] > 1.2 * means[name] for name in SECTION_CLASSES if name != "Dead")


def test_staining_scales_the_markers_and_not_dapi(section: StainedSection) -> None:
    weak = simulate_stained_section((300, 320), seed=4, proportions=SHARES, staining=0.5)
    assert np.array_equal(weak.image[0], section.image[0])
    assert _means(weak, 2)["Neuron"] < 0.6 * _means(section, 2)["Neuron"]


@pytest.mark.parametrize(
    ("shape", "shares", "message"),
    [
        ((0, 9), SHARES, "cannot be 0 x 9 pixels"),
        ((9, 9), {"Glia": 1.0}, "has no class 'Glia'"),
        ((9, 9), {"Dead": -1.0}, "proportions that are none"),
        ((9, 9), {}, "proportions that are none"),
    ],
)
def test_what_cannot_be_is_refused(
    shape: tuple[int, int], shares: dict[str, float], message: str
) -> None:
    with pytest.raises(BadInputError, match=message):
        simulate_stained_section(shape, seed=1, proportions=shares)
