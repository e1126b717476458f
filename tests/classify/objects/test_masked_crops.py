"""Masked crops of objects."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from bridge import Detections
from bridge.classify.objects.features import FeatureSettings
from bridge.classify.objects.masked_crops import SIDE, MaskedCrops, cut_crops
from bridge.errors import BadInputError
from bridge.images import Image, from_array
from bridge.measure import measure
from tests.classify.objects.shaped import shaped_objects


def crops_of(objects: Detections, image: Image, settings: FeatureSettings) -> MaskedCrops:
    found = MaskedCrops.empty(len(objects), len(settings.channels))
    for rows, crops in cut_crops(objects, image, settings):
        found[rows] = crops
    return found


def single(pixels: NDArray[np.generic], inside: NDArray[np.bool_]) -> MaskedCrops:
    """Return the crop of one object of an image of one channel."""
    image = from_array(pixels, axes="YX")
    objects = Detections.from_labels(inside.astype(np.int32), image=image.info)
    return crops_of(objects, image, FeatureSettings.of_image(image, neighbours=0))


def disc(side: int, radius: float) -> NDArray[np.bool_]:
    y, x = np.indices((side, side)) - (side - 1) / 2
    return np.asarray(np.hypot(y, x) <= radius)


def test_gain_and_offset_of_the_camera_change_means_and_deviations_only() -> None:
    image, objects, _ = shaped_objects()
    other = from_array(image.plane(0).astype(np.float64) * 0.01 - 3, axes="YX")
    settings = FeatureSettings.of_image(image, neighbours=0)
    one, two = (crops_of(objects, each, settings) for each in (image, other))
    np.testing.assert_allclose(
        one.pixels.astype(float), two.pixels.astype(float), rtol=0, atol=0.01
    )
    assert one.pixels[..., 0].std() > 0.3
    np.testing.assert_array_equal(one.sizes, two.sizes)
    np.testing.assert_allclose(two.means, one.means * 0.01 - 3, rtol=1e-5)
    np.testing.assert_allclose(two.deviations, one.deviations * 0.01, rtol=1e-5)


def test_means_and_deviations_are_those_inside_each_object() -> None:
    image, objects, _ = shaped_objects(n_channels=2)
    found = crops_of(objects, image, FeatureSettings.of_image(image, neighbours=0))
    table = measure(objects, image, unit="px")
    for number, channel in enumerate(image.info.channels):
        for name, values in (("Mean", found.means), ("Std.Dev.", found.deviations)):
            expected = table[f"Nucleus: {channel}: {name}"]
            np.testing.assert_allclose(values[:, number], expected, rtol=1e-5)


def test_what_is_around_an_object_does_not_matter() -> None:
    inside = disc(40, 12)
    rng = np.random.default_rng(0)
    plane = rng.normal(100, 9, inside.shape)
    other = np.where(inside, plane, 1e6 * rng.random(inside.shape))
    np.testing.assert_array_equal(single(plane, inside).pixels, single(other, inside).pixels)


@pytest.mark.parametrize("radius", [4, 12, 60])
def test_an_object_fills_the_crop_and_keeps_its_shape(radius: int) -> None:
    inside = disc(130, radius)
    inside[: 130 // 2] = False  # half of a disc: twice as wide as high
    found = single(inside.astype(float), inside)
    drawn = found.pixels[0, ..., 1] > 0.5
    (rows,), (columns,) = (np.nonzero(drawn.any(axis=axis)) for axis in (1, 0))
    assert np.ptp(columns) + 1 == pytest.approx(60, abs=2)
    assert np.ptp(rows) + 1 == pytest.approx(30, abs=5)
    assert abs(rows.mean() - (SIDE - 1) / 2) <= 1
    assert np.exp(found.sizes[0]) == pytest.approx(inside.any(axis=0).sum())


def test_sizes_are_in_the_unit_of_the_settings() -> None:
    inside = disc(40, 9)
    image = from_array(inside.astype(float), axes="YX", pixel_size=0.5)
    objects = Detections.from_labels(inside.astype(np.int32), image=image.info)
    found = crops_of(objects, image, FeatureSettings.of_image(image, neighbours=0))
    assert np.exp(found.sizes[0]) == pytest.approx(0.5 * inside.any(axis=0).sum())


def test_an_object_of_one_pixel_is_drawn_without_texture() -> None:
    inside = np.zeros((9, 9), bool)
    inside[4, 4] = True
    found = single(np.arange(81.0).reshape(9, 9), inside)
    assert (found.pixels[..., 0] == 0).all()
    assert (found.pixels[0, 24:-24, 24:-24, 1] > 0.5).all()
    assert (found.sizes[0], found.means[0, 0], found.deviations[0, 0]) == (0, 40, 0)


@pytest.mark.parametrize("odd", [np.nan, np.inf, 1e308])
def test_odd_values_leave_numbers(odd: float) -> None:
    inside = disc(40, 12)
    plane = np.random.default_rng(0).normal(100, 9, inside.shape)
    plane[20, 20] = odd
    found = single(plane, inside)
    assert np.isfinite(found.pixels).all()
    assert np.isfinite(found.means).all()
    assert np.isfinite(found.deviations).all()
    whole = single(np.full_like(plane, odd), inside)
    assert (whole.pixels[..., 0] == 0).all()
    assert np.isnan(whole.means).all() == np.isnan(whole.deviations).all() == (odd != 1e308)


def test_a_pixel_that_is_no_number_counts_as_the_mean() -> None:
    inside = disc(40, 12)
    plane = np.random.default_rng(0).normal(100, 9, inside.shape)
    plane[20, 20] = np.nan
    filled = plane.copy()
    filled[20, 20] = plane[inside & np.isfinite(plane)].mean()
    np.testing.assert_allclose(
        single(plane, inside).pixels.astype(float),
        single(filled, inside).pixels.astype(float),
        atol=0.02,
    )


def test_an_object_that_others_cover_has_no_crop() -> None:
    image = from_array(np.random.default_rng(0).random((20, 20)), axes="YX")
    boxes = [shapely.box(5, 5, 9, 9), shapely.box(2, 2, 15, 15), shapely.box(30, 30, 40, 40)]
    objects = Detections.from_polygons(boxes, columns={"prob": [0.1, 0.9, 0.5]}, image=image.info)
    found = crops_of(objects, image, FeatureSettings.of_image(image, neighbours=0))
    assert found.is_drawn.tolist() == [False, True, False]
    assert (found.pixels[[0, 2]] == 0).all()
    assert np.isfinite(found.means[:, 0]).tolist() == [False, True, False]


def test_crops_do_not_depend_on_which_others_are_cut() -> None:
    image, objects, _ = shaped_objects(n_channels=2)
    settings = FeatureSettings.of_image(image, neighbours=0)
    whole = crops_of(objects, image, settings)
    chosen = np.arange(len(objects)) % 3 == 0
    [(rows, some)] = cut_crops(objects, image, settings, chosen=chosen)
    assert rows.tolist() == np.flatnonzero(chosen).tolist()
    for name in ("pixels", "sizes", "means", "deviations"):
        np.testing.assert_array_equal(getattr(some, name), getattr(whole[chosen], name))


def test_other_channels_than_in_training_are_refused() -> None:
    image, objects, _ = shaped_objects(n_channels=2)
    settings = FeatureSettings.of_image(shaped_objects()[0], neighbours=0)
    with pytest.raises(BadInputError, match="has other channels than the images in training"):
        next(cut_crops(objects, image, settings))
