"""Standardisation of crops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bridge.classify.objects.features import FeatureSettings
from bridge.classify.objects.masked_crops import MaskedCrops, cut_crops
from bridge.classify.objects.models.crop_scaling import CropScaling
from bridge.classify.objects.scaling import FeatureScaling
from tests.classify.objects.shaped import shaped_objects


def some_crops() -> MaskedCrops:
    image, objects, _ = shaped_objects(n_channels=2)
    [(_, crops)] = cut_crops(objects, image, FeatureSettings.of_image(image, neighbours=0))
    return crops


def test_channels_are_in_deviations_of_the_object_and_of_training() -> None:
    crops = some_crops()
    brighter = replace(crops, means=crops.means + 50, deviations=crops.deviations * 2)
    scaling = CropScaling.of(crops)
    (own, _), (other, _) = (scaling.standardise(each) for each in (crops, brighter))
    inside = crops.pixels[..., -1] == 1
    np.testing.assert_array_equal(own[..., :2], crops.pixels[..., :2])
    np.testing.assert_array_equal(other[..., :2], crops.pixels[..., :2])
    np.testing.assert_array_equal(own[..., 4], crops.pixels[..., 2])
    middle = crops.means.mean(axis=0)
    spread = np.sqrt(crops.means.var(axis=0) + (crops.deviations**2).mean(axis=0))
    for shown, of in ((own, crops), (other, brighter)):
        values = of.means[:, None, None] + of.pixels[..., :2] * of.deviations[:, None, None]
        expected = (values - middle) / spread
        np.testing.assert_allclose(shown[inside][:, 2:4], expected[inside], atol=1e-4)
    assert (own[crops.pixels[..., -1] == 0] == 0).all()


def test_sizes_means_and_deviations_are_standardised() -> None:
    crops = some_crops()
    _, numbers = CropScaling.of(crops).standardise(crops)
    assert numbers.shape == (16, 5)
    np.testing.assert_allclose(numbers.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(numbers.std(axis=0), 1, atol=1e-5)


def test_what_is_no_number_counts_as_the_median() -> None:
    crops = some_crops()
    crops.means[3, 1] = np.nan
    crops.deviations[3, 1] = np.nan
    scaling = CropScaling.of(crops)
    pixels, numbers = scaling.standardise(crops)
    assert np.isfinite(pixels).all()
    filled = replace(crops, means=crops.means.copy(), deviations=crops.deviations.copy())
    filled.means[3, 1] = np.nanmedian(crops.means[:, 1])
    filled.deviations[3, 1] = np.nanmedian(crops.deviations[:, 1])
    np.testing.assert_allclose(numbers, scaling.standardise(filled)[1], atol=1e-5)


def test_a_channel_without_numbers_leaves_the_others() -> None:
    crops = some_crops()
    crops.means[:, 1] = crops.deviations[:, 1] = np.nan
    pixels, numbers = CropScaling.of(crops).standardise(crops)
    assert np.isfinite(pixels).all()
    assert np.ptp(numbers[:, 1]) > 0
    assert (numbers[:, [2, 4]] == 0).all()


@pytest.mark.parametrize("value", [1e38, -1e38])
def test_brightness_beyond_all_measure_is_bounded(value: float) -> None:
    crops = some_crops()
    crops.means[3] = value
    for scaling in (CropScaling.of(crops), CropScaling.of(some_crops())):
        pixels, numbers = scaling.standardise(crops)
        assert abs(pixels).max() <= 10
        assert abs(numbers).max() <= 10


def test_numbers_of_no_channel_are_refused() -> None:
    with pytest.raises(ValueError, match="1 numbers"):
        CropScaling(FeatureScaling(np.zeros(1), np.zeros(1), np.ones(1)))
