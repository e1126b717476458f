"""The comparison of two outputs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models_export.parity import (
    NOISE,
    PHOTO,
    Detector,
    Expected,
    TrialImage,
    compare,
    comparison_threshold,
    trial_images,
)


@pytest.fixture
def expected() -> Expected:
    tensor = np.zeros((10, 10, 1 + 8), np.float32)
    tensor[..., 1:] = 3
    tensor[2, 2, 0], tensor[6, 6, 0], tensor[6, 5, 0] = 0.9, 0.8, 0.7999999
    image = TrialImage(PHOTO, np.zeros((20, 20, 1), np.float32))
    objects = frozenset({(4, 4), (12, 12)})
    return Expected(image, tensor, Detector((2, 2), 8, 0.5, 0.3), objects)


def test_the_same_output_passes(expected: Expected) -> None:
    difference = compare(expected, expected.tensor)
    assert difference.failure is None
    assert (difference.probability, difference.distance, difference.objects) == (0, 0, 2)
    assert difference.classes is None


@pytest.mark.parametrize(
    ("channel", "change", "message"),
    [(0, 2e-5, "probabilities"), (3, 4e-4, "distances"), (5, np.nan, "distances")],
)
def test_a_difference_over_the_bar_fails(
    expected: Expected, channel: int, change: float, message: str
) -> None:
    tensor = expected.tensor.copy()
    tensor[4, 4, channel] += change
    failure = compare(expected, tensor).failure
    assert failure is not None
    assert message in failure


def test_another_object_fails(expected: Expected) -> None:
    fewer = replace(expected, objects=frozenset({(4, 4)}))
    assert compare(fewer, expected.tensor).failure == "it finds 2 objects instead of 1"
    moved = replace(expected, objects=frozenset({(4, 4), (0, 0)}))
    assert compare(moved, expected.tensor).failure == "it finds other objects"


def test_of_two_equally_probable_candidates_either_may_stay(expected: Expected) -> None:
    tie = replace(expected, objects=frozenset({(4, 4), (12, 10)}))
    assert compare(tie, expected.tensor).failure is None


def test_classes_are_compared(expected: Expected) -> None:
    with_class = np.concatenate([expected.tensor, np.full((10, 10, 1), 0.5, np.float32)], axis=-1)
    off = with_class.copy()
    off[0, 0, -1] = 0.6
    failure = compare(replace(expected, tensor=with_class), off).failure
    assert failure is not None
    assert "probabilities" in failure


def test_a_threshold_keeps_away_from_candidates() -> None:
    assert comparison_threshold(np.array([0.1, 0.5001, 0.9]), 0.5) == 0.5
    moved = comparison_threshold(np.array([0.1, 0.4999995, 0.500001, 0.9]), 0.5)
    assert 0.500002 < moved < 0.50001
    crowd = np.linspace(0.6, 0.9, 50_000)
    assert np.count_nonzero(crowd > comparison_threshold(crowd, 0.5)) <= 20_000


def test_trial_images_fit_the_network() -> None:
    noise, photo = trial_images(2, 3, (16, 48), (1, 99.8), None)
    assert (noise.name, photo.name) == (NOISE, PHOTO)
    assert noise.pixels.shape == (96, 144, 3)
    assert photo.pixels.shape == (512, 480, 3)
    assert noise.pixels.dtype == photo.pixels.dtype == np.float32
    fixed = trial_images(2, 1, (8, 8), (1, 99.8), (128, 640))
    assert {image.pixels.shape for image in fixed} == {(128, 640, 1)}


def test_objects_centred_in_the_outermost_two_predictions_do_not_count() -> None:
    tensor = np.zeros((10, 12, 1 + 8), np.float32)
    tensor[..., 1:] = 1
    for place in ((2, 2), (7, 9), (1, 5), (8, 5), (5, 1), (5, 10)):
        tensor[(*place, 0)] = 0.9
    detector = Detector((2, 2), 8, 0.5, 0.3)

    assert detector.objects(tensor) == {(4, 4), (14, 18)}

    enlarged = np.zeros((20, 24, 1 + 8), np.float32)
    enlarged[::2, ::2] = tensor
    in_fiji = Detector((1, 1), 8, 0.5, 0.3, upsampled=(2, 2))
    assert in_fiji.objects(enlarged) == detector.objects(tensor)


@pytest.mark.parametrize(
    ("channels", "divisor", "remark"),
    [
        (1, (16, 16), ""),
        (1, (48, 48), "of 480 x 480 pixels of it"),
        (3, (16, 16), "with dimmer copies of it as 2 further channels"),
    ],
)
def test_an_image_that_is_not_the_whole_one_says_so(
    channels: int, divisor: tuple[int, int], remark: str
) -> None:
    noise, real = trial_images(2, channels, divisor, (1, 99.8), None)

    assert (noise.remark, real.remark) == ("", remark)
