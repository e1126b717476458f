"""The network of a training, with its first weights."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bridge.errors import BadInputError
from bridge.model.folder import ModelFolder, demo_model_folder, open_model
from bridge.model.recipe import Recipe
from bridge.training.learning.architecture import Architecture
from bridge.training.learning.network import (
    Plan,
    build_network,
    median_diameter,
    plan_network,
    write_settings,
)
from tests.training.scenes import TINY, disc_pair


def weights(network: Any) -> dict[str, list[Any]]:
    """Weights by layer; Keras numbers the first two through all networks of a process."""
    layers = [layer for layer in network.layers if layer.weights]
    return {
        f"before the grid {k}" if layer.name.startswith("conv2d") else layer.name: (
            layer.get_weights()
        )
        for k, layer in enumerate(layers)
    }


@pytest.fixture(scope="module")
def classless() -> ModelFolder:
    return open_model(demo_model_folder())


@pytest.fixture(scope="module")
def with_classes(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    """A tiny model of the classes ``a`` and ``b``."""
    folder = tmp_path_factory.mktemp("models") / "ab"
    plan = plan_network([disc_pair("p", 1)], None, TINY, ("a", "b"))
    write_settings(plan, folder)
    build_network(plan, 3)[0].save_weights(str(folder / "weights_best.h5"))
    return open_model(folder)


def test_pairs_say_channels_and_size() -> None:
    plan = plan_network([disc_pair("a", 1, channels=2), disc_pair("b", 2, channels=2)], None)

    assert plan.config["n_channel_in"] == 2
    assert plan.recipe.channel == (0, 1)
    assert plan.recipe.percentiles == (0.2, 99.8)
    assert plan.recipe.diameter == median_diameter([disc_pair("a", 1), disc_pair("b", 2)])
    assert not plan.is_same_network


@pytest.mark.parametrize(
    ("learned", "size", "pixel"), [(12.0, 12.0, 0.5), (24.0, None, None), (6.0, None, None)]
)
def test_objects_of_another_size_than_the_starts_count(
    classless: ModelFolder, learned: float, size: float | None, pixel: float | None
) -> None:
    pairs = [disc_pair("a", 1)]
    before = replace(classless.recipe, diameter=learned, pixel_size=0.5)

    plan = plan_network(pairs, replace(classless, recipe=before))

    assert plan.recipe.diameter == (size or median_diameter(pairs))
    assert plan.recipe.pixel_size == pixel


def test_no_pairs_are_refused() -> None:
    with pytest.raises(BadInputError, match="training pairs: are none"):
        plan_network([], None)


@pytest.mark.parametrize(("wanted", "side"), [(None, 160), (96, 96), (8, 8)])
def test_patches_are_multiples_of_what_the_network_divides_by(wanted: int, side: int) -> None:
    assert plan_network([disc_pair("a", 1)], None, Architecture()).patch_size(wanted) == side


def test_a_patch_that_is_no_multiple_is_refused_with_the_next_one() -> None:
    plan = plan_network([disc_pair("a", 1)], None, Architecture(grid=2))

    with pytest.raises(BadInputError, match="--patch: 100 is no multiple of 16; give 112"):
        plan.patch_size(100)


@pytest.mark.model
def test_equal_seeds_give_equal_weights() -> None:
    plan = plan_network([disc_pair("a", 1)], None, TINY)

    first, second, third = (build_network(plan, seed)[0].get_weights() for seed in (1, 1, 2))

    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, third, strict=True))


@pytest.mark.model
def test_a_start_keeps_its_weights_and_settings(classless: ModelFolder) -> None:
    plan = plan_network([disc_pair("a", 1)], classless)
    network, note = build_network(plan, 1)

    assert plan.is_same_network
    assert note == ""
    assert plan.recipe == classless.recipe
    start = build_network(Plan(classless.config, classless.recipe, classless), 2)[0]
    for a, b in zip(network.get_weights(), start.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.model
def test_classes_are_added_and_all_else_stays(classless: ModelFolder) -> None:
    plan = plan_network([disc_pair("a", 1)], classless, classes=("x", "y"))
    network, note = build_network(plan, 1)

    assert not plan.is_same_network
    assert plan.config["train_class_weights"] == [1, 1, 1]
    assert "began with random weights" in note
    before = weights(build_network(plan_network([disc_pair("a", 1)], classless), 1)[0])
    after = weights(network)
    assert set(after) - set(before) == {"features_class", "prob_class"}
    for name, arrays in before.items():
        for a, b in zip(after[name], arrays, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.model
@pytest.mark.parametrize(
    ("classes", "kept"),
    [((), True), (("a", "b"), True), (("b", "a"), False), (("c", "d"), False), (("a",), False)],
)
def test_a_class_under_another_name_is_learnt_anew(
    with_classes: ModelFolder, classes: tuple[str, ...], kept: bool
) -> None:
    plan = plan_network([disc_pair("a", 1)], with_classes, classes=classes)
    network, note = build_network(plan, 9)
    before = weights(build_network(plan_network([disc_pair("a", 1)], with_classes), 9)[0])

    same = {
        name: all(np.array_equal(a, b) for a, b in zip(arrays, before[name], strict=True))
        for name, arrays in weights(network).items()
    }

    assert plan.recipe.classes == (classes or ("a", "b"))
    assert plan.is_same_network == same.pop("prob_class") == kept
    assert bool(note) != kept
    assert all(same.values())


@pytest.mark.model
def test_classes_without_names_are_named(with_classes: ModelFolder, tmp_path: Path) -> None:
    folder = tmp_path / "nameless"
    shutil.copytree(with_classes.path, folder)
    write_settings(Plan(with_classes.config, replace(with_classes.recipe, classes=())), folder)

    plan = plan_network([disc_pair("a", 1)], open_model(folder), classes=("neuron", "glia"))

    assert plan.keeps_classes
    assert plan_network([disc_pair("a", 1)], open_model(folder)).recipe.classes == (
        "class 1",
        "class 2",
    )


def test_settings_come_back_as_they_were_written(tmp_path: Path) -> None:
    recipe = Recipe(prob=0.61, nms=0.33, percentiles=(2, 98), diameter=17.5)
    plan = Plan(TINY.config(1), recipe)

    write_settings(plan, tmp_path)
    (tmp_path / "weights_best.h5").write_bytes(b"")

    assert open_model(tmp_path).recipe == recipe
    assert open_model(tmp_path).config == plan.config
