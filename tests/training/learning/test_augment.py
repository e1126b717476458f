"""Random changes keep image and labels together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.training.learning.augment import NO_AUGMENTATION, Augmentation
from tests.training.scenes import discs


@given(seed=st.integers(0, 10_000))
def test_pixels_of_an_object_stay_on_its_intensities(seed: int) -> None:
    labels = discs(1, (48, 48))
    pixels = np.stack([labels, -labels], axis=-1).astype(np.float32)
    before = pixels.copy()
    quiet = Augmentation(gamma=0.2, gain=(-0.7, 0.5), offset=0.1, noise=0)

    changed, turned = quiet.apply(pixels, labels, np.random.default_rng(seed))

    np.testing.assert_array_equal(pixels, before)
    assert changed.shape == pixels.shape
    assert changed.dtype == np.float32
    np.testing.assert_array_equal(np.bincount(turned.ravel()), np.bincount(labels.ravel()))
    for channel in range(2):
        values = [np.unique(changed[turned == n, channel]) for n in np.unique(labels)]
        assert all(len(value) == 1 for value in values)
        order = np.array([value[0] for value in values])
        assert (np.diff(order) > 0).all() if channel == 0 else (np.diff(order) < 0).all()


@given(seed=st.integers(0, 10_000))
def test_without_augmentation_a_patch_is_only_turned(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.normal(0, 30, (16, 16, 2)).astype(np.float32)
    labels = np.arange(256, dtype=np.int32).reshape(16, 16)

    changed, turned = NO_AUGMENTATION.apply(pixels, labels, rng)

    np.testing.assert_array_equal(changed, pixels.reshape(256, 2)[turned])


def test_all_eight_positions_are_drawn() -> None:
    labels = np.arange(9, dtype=np.int32).reshape(3, 3)
    pixels = labels[..., np.newaxis].astype(np.float32)

    seen = {
        NO_AUGMENTATION.apply(pixels, labels, np.random.default_rng(seed))[1].tobytes()
        for seed in range(100)
    }

    assert len(seen) == 8


def test_scales_are_drawn_alike_in_both_directions() -> None:
    rng = np.random.default_rng(1)
    drawn = np.log([Augmentation(scale=2).draw_scale(rng) for _ in range(500)])

    assert np.abs(drawn).max() <= np.log(2)
    assert drawn.mean() == pytest.approx(0, abs=0.08)
    assert Augmentation(scale=1).draw_scale(rng) == 1
