"""Simulated volumes of nuclei: what was asked for, and the same for the same seed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bridge.errors import BadInputError
from bridge.examples.volume_nuclei import VolumeScene, simulate_volume

SMALL = VolumeScene(shape=(20, 80, 90))


def test_nuclei_are_bright_and_fill_the_volume_as_asked() -> None:
    image, labels = simulate_volume(SMALL, seed=1)

    assert image.shape == labels.shape == SMALL.shape
    assert np.array_equal(np.unique(labels), np.arange(labels.max() + 1))
    assert np.median(image[labels > 0]) > 3 * np.median(image[labels == 0])
    assert (labels > 0).mean() == pytest.approx(SMALL.density, rel=0.35)


def test_equal_seeds_give_equal_volumes() -> None:
    first, again, other = (simulate_volume(SMALL, seed=seed) for seed in (1, 1, 2))

    assert all(map(np.array_equal, first, again))
    assert not np.array_equal(first[1], other[1])


def test_nuclei_are_as_deep_as_wide_whatever_the_distance_of_slices() -> None:
    for step in (1.0, 4.0):
        scene = replace(SMALL, shape=(round(64 / step), 80, 90), step=step, radius=7)
        _, labels = simulate_volume(scene, seed=3)
        inner = [n for n in range(1, labels.max() + 1) if not _meets_border(labels == n)]
        extents = np.array([np.ptp(np.argwhere(labels == n), axis=0) + 1 for n in inner])
        z, y, x = extents.mean(axis=0)

        assert len(inner) > 3
        assert z * step == pytest.approx((y + x) / 2, rel=0.25)


def _meets_border(mask: Any) -> bool:
    at = np.argwhere(mask)
    return bool((at == 0).any() or (at == np.array(mask.shape) - 1).any())


@pytest.mark.parametrize("wrong", [{"radius": 0}, {"density": -1}, {"blur": (-1, 1, 1)}])
def test_sizes_that_are_none_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInputError, match="size that is none"):
        simulate_volume(replace(SMALL, **wrong), seed=1)
