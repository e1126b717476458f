"""The network that is trained: its configuration, its recipe and its first weights."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bridge.errors import BadInputError
from bridge.files.atomic import write_bytes
from bridge.model.folder import ModelFolder
from bridge.model.keras_weights import load_weights
from bridge.model.recipe import RECIPE_FILE, Recipe
from bridge.model.stardist_keras import build_stardist
from bridge.training.learning.architecture import Architecture, patch_divisor, with_classes
from bridge.training.pairs import TrainingPair

_OTHER_SIZE = 1.7  # as of bridge.segment.notes.note_on_size
_PATCH = 160
_CLASS_HEAD = "prob_class"
"""StarDist's name of the layer that tells classes apart."""

_PURPOSE = "train a StarDist model"


@dataclass(frozen=True)
class Plan:
    """A network before it is built.

    Attributes:
        config: content of ``config.json``.
        recipe: how images are shown to it.
        start: the model whose weights it begins with; ``None``: random weights.
    """

    config: dict[str, Any]
    recipe: Recipe
    start: ModelFolder | None = None

    @property
    def is_same_network(self) -> bool:
        """Is true where the start has the same layers, so that weights can be compared."""
        return self.start is not None and self.start.config == self.config and self.keeps_classes

    @property
    def keeps_classes(self) -> bool:
        """Is true where the start tells the same classes apart, as far as it names them."""
        if self.start is None or self.start.n_classes != int(self.config.get("n_classes") or 0):
            return False
        named = zip(self.start.recipe.classes, self.recipe.classes, strict=False)
        return all(before == after for before, after in named)

    def patch_size(self, wanted: int | None) -> int:
        """Return the side of a patch in pixels, a multiple of what the network divides by.

        Raises:
            BadInputError: the wanted one is none.
        """
        divisor = patch_divisor(self.config)
        if wanted is not None and wanted % divisor:
            nearest = -(-wanted // divisor) * divisor
            raise BadInputError(
                "--patch", f"{wanted} is no multiple of {divisor}", f"give {nearest}"
            )
        return wanted or -(-_PATCH // divisor) * divisor


def plan_network(
    pairs: Sequence[TrainingPair],
    start: ModelFolder | None,
    architecture: Architecture | None = None,
    classes: tuple[str, ...] = (),
) -> Plan:
    """Choose the network that learns from pairs.

    Args:
        pairs: they say how many channels there are, and how large objects are.
        start: the model to go on from.
        architecture: the network where there is no start.
        classes: names of the classes to tell apart; those of the start where empty.

    Raises:
        BadInputError: no pairs; pairs with another number of channels than the start; a 3D model.
    """
    if not pairs:
        raise BadInputError("training pairs", "are none", "give images with their objects")
    channels = pairs[0].image.shape[-1]
    if start is None:
        chosen = architecture or Architecture()
        recipe = Recipe(
            percentiles=chosen.percentiles,
            classes=classes,
            channel=0 if channels == 1 else tuple(range(channels)),
            diameter=median_diameter(pairs),
        )
        return Plan(chosen.config(channels, len(classes)), recipe)
    if start.n_dim != 2:
        raise BadInputError(start.path, "is a 3D model", "give a 2D model to start from")
    if channels != start.n_channels:
        raise BadInputError(
            pairs[0].source or pairs[0].name,
            f"has {channels} channels, and {start.name} takes {start.n_channels}",
            f"choose {start.n_channels} with --channel, or train from nothing with --new",
        )
    recipe = _for_size(start.recipe, median_diameter(pairs))
    if not classes:
        names = tuple(recipe.class_name(k + 1) for k in range(start.n_classes))
        return Plan(start.config, replace(recipe, classes=names), start)
    return Plan(with_classes(start.config, classes), replace(recipe, classes=classes), start)


def _for_size(recipe: Recipe, diameter: float | None) -> Recipe:
    """Return the recipe of a model that learns objects of a size.

    Where they are of another size than those of the start, whatever the reason, its diameter would
    advise a wrong scale, and its pixel size would enlarge images that were learned as they are.

    Args:
        recipe: of the start.
        diameter: median diameter of the objects, pixels of the training images.
    """
    if recipe.diameter is None or diameter is None:
        return replace(recipe, diameter=recipe.diameter or diameter)
    if 1 / _OTHER_SIZE <= diameter / recipe.diameter <= _OTHER_SIZE:
        return recipe
    return replace(recipe, diameter=diameter, pixel_size=None)


def build_network(plan: Plan, seed: int) -> tuple[Any, str]:
    """Build the Keras network with its first weights.

    Args:
        plan: the network.
        seed: of random weights.

    Returns:
        ``StarDist2D.keras_model``, and a sentence for the user, or ``""``.

    Raises:
        MissingPartError: StarDist or TensorFlow is not installed.
        BadInputError: an architecture that StarDist cannot build; damaged weights.
    """
    network = _build(plan.config, "--like", seed)
    if plan.start is None:
        return network, ""
    if plan.keeps_classes:
        load_weights(network, plan.start.weights)
        return network, ""
    before = _build(plan.start.config, str(plan.start.path), seed)
    load_weights(before, plan.start.weights)
    _copy_shared_layers(before, network)
    return network, (
        f"{plan.start.name} tells other classes apart: that part of the network began with random "
        "weights."
    )


def write_settings(plan: Plan, folder: Path, trained: Mapping[str, Any] | None = None) -> None:
    """Write all files of a model folder but the weights.

    Args:
        plan: the network.
        folder: the model folder.
        trained: settings of the training as StarDist's ``config.json`` names them
            (``train_patch_size``, …).
    """
    recipe = plan.recipe.to_json()
    thresholds = {key: recipe.pop(key) for key in ("prob", "nms")}
    for name, content in (
        ("config.json", plan.config | dict(trained or {})),
        ("thresholds.json", thresholds),
        (RECIPE_FILE, recipe),
    ):
        write_bytes(folder / name, (json.dumps(content, indent=1) + "\n").encode())


def median_diameter(pairs: Sequence[TrainingPair]) -> float | None:
    """Return the median over images of the median diameter of each one's objects, pixels.

    >>> labels = np.ones((10, 10), int)
    >>> median_diameter([TrainingPair(name="a", image=labels, labels=labels)])
    11.3
    """
    medians = []
    for pair in pairs:
        areas = np.unique(pair.labels[pair.labels > 0], return_counts=True)[1]
        if len(areas):
            medians.append(2 * np.sqrt(np.median(areas) / np.pi))
    return round(float(np.median(medians)), 1) if medians else None


def _build(config: dict[str, Any], source: str, seed: int) -> Any:
    remedy = "choose another architecture"
    # the first one says in one line what is not installed
    build_stardist(config, Path(source), _PURPOSE, remedy)
    import keras

    keras.utils.set_random_seed(seed)
    return build_stardist(config, Path(source), _PURPOSE, remedy).keras_model


def _copy_shared_layers(before: Any, network: Any) -> None:
    """Copy the weights of the layers that two networks share, which are all but the classes'."""
    known = {name: layer.get_weights() for name, layer in _layers_by_name(before)}
    for name, layer in _layers_by_name(network):
        weights = [] if name == _CLASS_HEAD else known.get(name, [])
        if [w.shape for w in weights] == [tuple(w.shape) for w in layer.weights]:
            layer.set_weights(weights)


def _layers_by_name(network: Any) -> Iterator[tuple[str, Any]]:
    """Yield the layers that have weights, with names that are the same in each network.

    StarDist leaves the layers before a coarser grid without names, and Keras numbers those through
    all networks of a process.
    """
    unnamed = 0
    for layer in network.layers:
        if not layer.weights:
            continue
        if re.fullmatch(r"(conv2d|batch_normalization)(_\d+)?", layer.name):
            unnamed += 1
            yield f"unnamed {unnamed}", layer
        else:
            yield layer.name, layer
