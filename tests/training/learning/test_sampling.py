"""Patches are drawn from pairs, each batch by its number alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.model.recipe import Recipe
from bridge.training.learning.augment import NO_AUGMENTATION, Augmentation
from bridge.training.learning.normalizing import normalize_pair
from bridge.training.learning.sampling import Batch, PatchSampler
from bridge.training.pairs import IGNORED, TrainingPair
from tests.training.scenes import disc_pair, discs

pytestmark = pytest.mark.model

WHOLE = Recipe(percentiles=(0, 100))


def sampler(*pairs: TrainingPair, **options: Any) -> PatchSampler:
    given: dict[str, Any] = {
        "recipe": WHOLE,
        "size": 32,
        "batch_size": 3,
        "grid": (2, 2),
        "n_rays": 8,
        "augmentation": NO_AUGMENTATION,
    }
    return PatchSampler(pairs, **(given | options))


def same(a: Batch, b: Batch) -> bool:
    arrays = zip((a.pixels, *a.targets.arrays()), (b.pixels, *b.targets.arrays()), strict=True)
    return all(np.array_equal(first, second) for first, second in arrays)


def test_a_batch_is_decided_by_seed_and_number_alone() -> None:
    pairs = [disc_pair(f"{n}", n) for n in range(3)]
    options: dict[str, Any] = {"augmentation": Augmentation()}
    first, second = sampler(*pairs, **options), sampler(*pairs, **options)

    taken = list(first.batches(0, 4))

    assert same(second.batch(3), taken[3])
    assert same(next(second.batches(1, 2)), taken[1])
    assert not same(taken[0], taken[1])
    assert not same(sampler(*pairs, seed=1, **options).batch(0), taken[0])


def test_shapes_and_types_are_those_that_the_network_takes() -> None:
    batch = sampler(disc_pair("a", 1, channels=3), classes=("x", "y")).batch(0)

    assert batch.pixels.shape == (3, 32, 32, 3)
    assert [a.shape for a in batch.targets.arrays()] == [
        (3, 16, 16, 1),
        (3, 16, 16, 9),
        (3, 16, 16, 3),
    ]
    assert {a.dtype for a in (batch.pixels, *batch.targets.arrays())} == {np.dtype(np.float32)}


@settings(max_examples=20)
@given(number=st.integers(0, 10_000))
def test_without_scaling_pixels_are_those_of_the_image(number: int) -> None:
    """Each pixel of this image has a value of its own, so that a patch says where it is from."""
    image = np.arange(70 * 90).reshape(70, 90)
    pair = TrainingPair(name="a", image=image, labels=discs(2, (70, 90)))
    values = normalize_pair(pair, WHOLE).astype(np.float16).astype(np.float32)

    batch = sampler(pair, batch_size=1).batch(number)

    assert np.isin(batch.pixels, values).all()


@settings(max_examples=20)
@given(number=st.integers(0, 10_000), scale=st.sampled_from([1, 1.3, 2]))
def test_pixels_of_objects_stay_on_their_intensities(number: int, scale: float) -> None:
    labels = discs(3, (80, 80), radius=9)
    pair = TrainingPair(name="a", image=1 * (labels > 0), labels=labels)
    drawn = sampler(
        pair, grid=(1, 1), batch_size=1, augmentation=Augmentation(scale, 0, (0, 0), 0, 0)
    ).batch(number)

    prob, pixels = drawn.targets.prob[..., 0], drawn.pixels[..., 0]

    # interpolation reaches half a pixel over an edge
    assert pixels[prob > 0].min(initial=1) >= 0.25
    assert pixels[prob == 0].max(initial=0) <= 0.75


@pytest.mark.parametrize("shape", [(20, 25), (20, 80), (1, 1), (31, 33)])
def test_an_image_smaller_than_a_patch_lies_in_ignored_surroundings(
    shape: tuple[int, int],
) -> None:
    labels = np.ones(shape, np.int32)
    pair = TrainingPair(name="a", image=np.full(shape, 5), labels=labels)

    batch = sampler(pair, grid=(1, 1)).batch(0)

    seen = (batch.targets.prob != IGNORED).sum(axis=(1, 2, 3))
    assert set(seen.tolist()) == {min(shape[0], 32) * min(shape[1], 32)}
    assert np.isfinite(batch.pixels).all()


def test_objects_keep_their_classes_whatever_their_numbers() -> None:
    labels = np.zeros((40, 40), np.int32)
    labels[4:16, 4:36], labels[20:36, 4:36] = 2**31 - 1, 70_000
    image = np.where(labels == 70_000, 2, labels > 0)
    pair = TrainingPair(
        name="a", image=image, labels=labels, classes={2**31 - 1: "b", 70_000: "a", 5: "a"}
    )

    batch = sampler(pair, grid=(1, 1), classes=("a", "b"), size=40).batch(0)

    pixels, classes = batch.pixels[..., 0], batch.targets.classes
    assert classes is not None
    for value, number in ((0.0, 0), (1.0, 1), (0.5, 2)):
        assert np.unique(classes[pixels == value].argmax(axis=-1)).tolist() == [number]


def test_classes_that_the_network_does_not_know_count_as_none() -> None:
    pair = disc_pair("a", 1)
    named = TrainingPair(
        name="a",
        image=pair.image,
        labels=pair.labels,
        classes={int(n): "odd" for n in np.unique(pair.labels) if n > 0},
    )

    classes = sampler(named, classes=("even",)).batch(0).targets.classes

    assert classes is not None
    assert not (classes[..., 1] == 1).any()
    assert (classes == IGNORED).any()


def test_intensities_in_16_bits_lose_less_than_a_thousandth() -> None:
    pair = disc_pair("a", 1, shape=(32, 32))

    drawn = sampler(pair, batch_size=8).batch(0).pixels[..., 0]
    values = normalize_pair(pair, WHOLE)[..., 0]

    for patch in drawn:
        turned = [np.rot90(part, k) for part in (values, values[:, ::-1]) for k in range(4)]
        lost = min(float(np.abs(patch - part).max()) for part in turned)
        assert lost <= 0.0005


def test_a_hot_pixel_of_any_brightness_is_a_number() -> None:
    image = np.full((40, 40), 100.0) + np.eye(40) * 1e-3
    image[5, 5] = 1e9
    pair = TrainingPair(name="a", image=image, labels=discs(1, (40, 40)))

    batch = sampler(pair, recipe=Recipe(percentiles=(1, 99)), augmentation=Augmentation()).batch(0)

    assert np.isfinite(batch.pixels).all()


def test_images_without_objects_are_drawn_from_too() -> None:
    empty = TrainingPair(name="a", image=np.eye(50), labels=np.zeros((50, 50), int))
    unseen = TrainingPair(name="b", image=np.eye(50), labels=np.full((50, 50), IGNORED))

    assert not sampler(empty).batch(0).targets.prob.any()
    assert (sampler(unseen).batch(0).targets.prob == IGNORED).all()


def test_patches_come_from_the_old_domain_as_often_as_wished() -> None:
    new = TrainingPair(name="n", image=np.eye(40), labels=np.ones((40, 40), int))
    old = TrainingPair(name="o", image=np.eye(40), labels=np.full((40, 40), IGNORED))

    def share(rehearse: float) -> float:
        drawn = sampler(new, rehearsal=[old], rehearse=rehearse, batch_size=200, size=8).batch(0)
        return float((drawn.targets.prob[:, 0, 0, 0] == IGNORED).mean())

    assert share(0) == 0
    assert share(0.3) == pytest.approx(0.3, abs=0.1)
    assert not same(sampler(new, rehearsal=[old], rehearse=0.9).batch(0), sampler(new).batch(0))


def test_most_patches_hold_an_object() -> None:
    labels = np.zeros((400, 400), np.int32)
    labels[200:206, 200:206] = 1
    pair = TrainingPair(name="a", image=np.eye(400), labels=labels)

    drawn = sampler(pair, batch_size=100).batch(0)

    assert (drawn.targets.prob.max(axis=(1, 2, 3)) > 0).mean() == pytest.approx(0.9, abs=0.08)
