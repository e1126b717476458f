"""Crops segmented anew agree with the whole image."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge import Segmenter
from bridge.images import from_array
from bridge.select import Window, crop
from bridge.select.resegmenting import recipe_of_run, resegment, scale_of_run

pytestmark = pytest.mark.model


@pytest.mark.parametrize(
    "window", [Window(150, 201, 100, 120), Window(0, 0, 90, 111), Window(413, 300, 99, 212)]
)
def test_the_objects_of_a_crop_are_those_of_the_whole_image(
    demo_segmenter: Segmenter, real_image: tuple[NDArray[Any], NDArray[Any]], window: Window
) -> None:
    # Brighter on the right, so that the crop's own percentiles would be others.
    pixels = (real_image[0] * np.linspace(0.3, 1, 512)).astype(np.uint16)
    image = from_array(pixels, name="nuclei")
    whole = demo_segmenter.segment(image)

    found = crop(image, resegment(image, window, demo_segmenter), window=window)

    expected = crop(image, whole, window=window)
    ours, theirs = (made.nuclei.to_labels() for made in (found, expected))
    assert len(found.nuclei) == len(expected.nuclei) > 3
    # The numbers follow the probability in the surroundings, so that they may differ.
    pairs = np.unique(np.stack([ours.ravel(), theirs.ravel()]), axis=1)
    assert pairs.shape[1] == len(found.nuclei) + 1
    alone = demo_segmenter.segment(np.ascontiguousarray(window.of(pixels))).to_labels()
    assert not np.array_equal(alone > 0, theirs > 0)


def test_the_recipe_is_that_of_the_run_that_made_the_objects(
    demo_segmenter: Segmenter, tmp_path: Path
) -> None:
    model = demo_segmenter.model
    objects = tmp_path / "lbl" / "a_labels.tif"
    recipe = model.recipe.with_changes(prob=0.7, percentiles=(2.0, 99.0), channel=(1,))

    def run(record: Any) -> None:
        (tmp_path / "run.json").write_text(json.dumps({"images": {}, **record}))

    assert recipe_of_run(objects, model) == model.recipe
    run({"model": {"sha256": model.sha256}, "recipe": recipe.to_json()})
    assert recipe_of_run(objects, model) == recipe
    run({"model": {"sha256": "another"}, "recipe": recipe.to_json()})
    assert recipe_of_run(objects, model) == model.recipe
    for damaged in ({"prob": 7}, {"unknown": 1}, [1], None, {"percentiles": 4}):
        run({"model": {"sha256": model.sha256}, "recipe": damaged})
        assert recipe_of_run(objects, model) == model.recipe


def test_the_scale_is_that_of_the_run_that_made_the_objects(
    demo_segmenter: Segmenter, tmp_path: Path
) -> None:
    model, objects = demo_segmenter.model, tmp_path / "lbl" / "a_labels.tif"
    assert scale_of_run(objects, model) is None

    for sha256, scale, expected in (
        (model.sha256, 2, 2.0),
        (model.sha256, None, None),
        (model.sha256, "two", None),
        ("another", 2, None),
    ):
        record = {"images": {}, "model": {"sha256": sha256}, "scale": scale}
        (tmp_path / "run.json").write_text(json.dumps(record))
        assert scale_of_run(objects, model) == expected


def test_a_crop_of_a_scaled_run_is_segmented_at_its_scale(
    demo_segmenter: Segmenter, real_image: tuple[NDArray[Any], NDArray[Any]]
) -> None:
    half = real_image[0].reshape(256, 2, 256, 2).mean(axis=(1, 3)).astype(np.uint16)
    image, window = from_array(half, name="nuclei"), Window(64, 80, 96, 96)
    whole = demo_segmenter.segment(image, scale=2).to_labels() > 0

    found = resegment(image, window, demo_segmenter, scale=2).to_labels() > 0

    assert window.of(whole).mean() > 0.1
    # resampled parts differ by fractions of a pixel
    assert (window.of(found) == window.of(whole)).mean() > 0.99
