"""Models are scored on images whose objects are known, one image at a time."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bridge
from bridge import Segmenter
from bridge.errors import BadInputError, StarbridgeError
from bridge.examples.microscope_image import read_microscope_image, read_microscope_mask
from bridge.examples.simulator import simulate_nuclei
from bridge.model.folder import demo_model_folder
from bridge.training.evaluation.applying import apply_model, load_models, model_names
from bridge.training.evaluation.evaluating import ImageScore, evaluate
from bridge.training.evaluation.scoring import find_overlap
from bridge.training.pairs import IGNORED, TrainingPair


def simulated(name: str, seed: int, **more: Any) -> TrainingPair:
    image, labels = simulate_nuclei((160, 160), seed=seed)
    return TrainingPair(name=name, image=image, labels=labels, **more)


@pytest.fixture(scope="module")
def real() -> TrainingPair:
    """StarDist's test image with its hand-made mask."""
    labels = read_microscope_mask().astype(np.int32)
    return TrainingPair(name="real", image=read_microscope_image(), labels=labels)


def test_the_demo_model_outlines_real_nuclei(real: TrainingPair) -> None:
    at_half, at_seven_tenths = bridge.evaluate("demo", [real], ious=(0.5, 0.7)).scores
    assert at_half.n_true == 125
    # Measured 0.942 and 0.884; other processors differ in the last digits.
    assert at_half.f1 >= 0.90
    assert at_seven_tenths.f1 >= 0.75


def test_scores_are_those_of_the_segmenters_own_labels(real: TrainingPair) -> None:
    found = Segmenter.load("demo").segment(read_microscope_image()).to_labels()
    expected = find_overlap(real.labels, found).scores()
    assert evaluate("demo", [real]).scores == expected


def test_models_are_compared_on_the_same_images_in_their_order() -> None:
    pairs = [simulated("a", 1), simulated("b", 2)]
    strict = Segmenter.load("demo", prob=0.85)
    ours, theirs = evaluate(["demo", strict], pairs)
    assert [image.name for image in ours.images] == ["a", "b"]
    assert (ours.model, theirs.model) == ("demo (1)", "demo (2)")
    assert ours.score().n_true == theirs.score().n_true
    assert ours.score().n_found > theirs.score().n_found
    assert evaluate(strict, pairs).scores == theirs.scores


def test_dropping_improbable_objects_is_segmenting_with_another_threshold() -> None:
    pairs = [simulated("a", 3)]
    (image,) = evaluate(Segmenter.load("demo", prob=0.2), pairs).images
    assert (
        image.overlap.above(0.7).scores()
        == evaluate(Segmenter.load("demo", prob=0.7), pairs).scores
    )


def test_an_image_that_cannot_be_segmented_is_named_and_left_out() -> None:
    flat = np.zeros((64, 64))
    flat[30, 30] = 1  # both percentiles are 0
    broken = TrainingPair(name="broken", image=flat, labels=np.eye(64, dtype=np.int32))
    errors: list[StarbridgeError] = []
    result = evaluate(
        "demo", [simulated("a", 1), broken, simulated("b", 2)], on_error=errors.append
    )
    assert [image.name for image in result.images] == ["a", "b"]
    (error,) = errors
    assert str(error).startswith("broken: ")
    with pytest.raises(BadInputError, match="broken"):
        evaluate("demo", [broken])


def test_without_images_there_is_nothing_to_say() -> None:
    with pytest.raises(BadInputError, match="no image"):
        evaluate("demo", [])


def test_one_image_is_in_memory_at_a_time() -> None:
    alive: list[Any] = []

    def read() -> Iterator[TrainingPair]:
        import gc
        import weakref

        for number in range(3):
            gc.collect()
            assert sum(reference() is not None for reference in alive) <= 1
            pair = simulated(str(number), number + 1)
            alive.append(weakref.ref(pair.image))
            yield pair
            del pair

    assert len(evaluate("demo", read()).images) == 3


def test_a_region_is_seen_with_the_intensities_of_its_image(real: TrainingPair) -> None:
    segmenter = Segmenter.load("demo")
    low, high = np.percentile(real.image, segmenter.recipe.percentiles)
    part = (slice(0, 96), slice(0, 96))
    region = TrainingPair(
        name="part",
        image=real.image[part],
        labels=real.labels[part],
        ranges=((float(low), float(high)),),
    )
    found = apply_model(segmenter, region).to_labels()
    whole = segmenter.segment(real.image[..., 0]).to_labels()[part]
    inner = (slice(0, 64), slice(0, 64))  # beyond, the border of the part is seen
    agree = ((found > 0) == (whole > 0))[inner].mean()
    alone = apply_model(
        segmenter, TrainingPair(name="alone", image=region.image, labels=region.labels)
    )
    assert agree > 0.99
    assert agree > ((alone.to_labels() > 0) == (whole > 0))[inner].mean()


def test_the_recipe_chooses_among_more_channels_than_the_model_takes(real: TrainingPair) -> None:
    noise = np.random.default_rng(1).integers(0, 99, real.image.shape)
    second = TrainingPair(
        name="two", image=np.concatenate([noise, real.image], axis=-1), labels=real.labels
    )
    alone = evaluate("demo", [real]).scores
    assert evaluate(Segmenter.load("demo", channel=1), [second]).scores == alone
    assert evaluate(Segmenter.load("demo", channel=1), [real]).scores == alone


def test_pixels_that_nobody_looked_at_do_not_count(real: TrainingPair) -> None:
    labels = real.labels.copy()
    labels[:, 256:] = IGNORED
    half = evaluate("demo", [TrainingPair(name="half", image=real.image, labels=labels)]).score()
    assert half.f1 > 0.85
    labels[:, 256:] = 0
    wrong = evaluate("demo", [TrainingPair(name="half", image=real.image, labels=labels)]).score()
    assert wrong.fp > half.fp + 30


def test_groups_are_scored_where_images_share_them() -> None:
    pairs = [simulated(name, n, group=name[0]) for n, name in enumerate(["a1", "a2", "b1"], 1)]
    result = evaluate("demo", pairs)
    assert list(result.groups) == ["a", "b"]
    assert result.groups["a"][0] + result.groups["b"][0] == result.scores[0]
    assert evaluate("demo", [simulated("a", 1), simulated("b", 2)]).groups == {}


def test_sizes_add_up_and_are_the_same_for_all_models() -> None:
    pairs = [simulated("a", 1), simulated("b", 2)]
    ours, theirs = evaluate(["demo", Segmenter.load("demo", prob=0.9)], pairs)
    assert ours.bounds == theirs.bounds
    assert sum(score.n_true for score in ours.sizes()) == ours.score().n_true
    assert sum(score.fp for score in ours.sizes()) == ours.score().fp


def test_what_was_found_is_handed_over_image_by_image() -> None:
    seen: list[tuple[int, str, int]] = []

    def look(number: int, pair: TrainingPair, score: ImageScore, found: Any) -> None:
        assert found.shape == pair.labels.shape
        seen.append((number, pair.name, len(score.overlap.found_labels) - len(np.unique(found))))

    evaluate(["demo", "demo"], [simulated("a", 1)], on_image=look)
    assert seen == [(0, "a", -1), (1, "a", -1)]


def test_models_of_the_same_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    folders = [tmp_path / parent / "nuclei" for parent in ("before", "after")]
    for folder in folders:
        shutil.copytree(demo_model_folder(), folder)
    assert model_names(load_models(folders)) == ["before/nuclei", "after/nuclei"]
