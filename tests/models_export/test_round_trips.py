"""A model folder, exported as everything and imported again, has its own weights."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge.model.folder import open_model
from bridge.model.graphs.importing import import_model
from models_export.keras_model import KerasModel
from models_export.targets import TARGETS
from tests.model.graphs.weights_files import stored_weights
from tests.models_export.architectures import ARCHITECTURES, VOLUMES
from tests.models_export.conftest import Exported

pytestmark = pytest.mark.model

FILES = [
    (name, ending)
    for name in ("demo", *ARCHITECTURES, *VOLUMES)
    for spec in TARGETS.values()
    for ending in spec.endings
    if name not in VOLUMES or (not spec.only_2d and ending != ".512x512.onnx")
]


@pytest.fixture(scope="module")
def weights(exported: Callable[[str], Exported]) -> Callable[[str], list[NDArray[Any]]]:
    """Return a function that gives the weights of an architecture, in the layers' order."""

    @cache
    def give(name: str) -> list[NDArray[Any]]:
        model = KerasModel(open_model(exported(name).model, allow_3d=True))
        return [np.asarray(array) for array in model._model.keras_model.get_weights()]

    return give


def assert_same(before: list[NDArray[Any]], folder: Path) -> None:
    after = stored_weights(folder / "weights_best.h5")
    for first, second in zip(before, after, strict=True):
        np.testing.assert_array_equal(first, second)
        assert first.tobytes() == second.tobytes()


@pytest.mark.parametrize(("name", "ending"), FILES)
def test_weights_come_back_bit_for_bit(
    exported: Callable[[str], Exported],
    weights: Callable[[str], list[NDArray[Any]]],
    tmp_path: Path,
    name: str,
    ending: str,
) -> None:
    model = exported(name)

    imported = import_model(model.path(ending), tmp_path / "back")

    original = open_model(model.model, allow_3d=True)
    assert imported.config == original.config
    assert imported.recipe == original.recipe
    assert_same(weights(name), imported.path)


@pytest.mark.parametrize("name", [*ARCHITECTURES])
def test_a_frozen_graph_alone_says_what_it_was_built_like(
    exported: Callable[[str], Exported],
    weights: Callable[[str], list[NDArray[Any]]],
    tmp_path: Path,
    name: str,
) -> None:
    alone = tmp_path / "alone.pb"
    alone.write_bytes(exported(name).path(".pb").read_bytes())

    imported = import_model(alone, tmp_path / "back", prob=0.5, nms=0.4, percentiles=(1, 99.8))

    original = open_model(exported(name).model)
    told = {"unet_dropout"}  # leaves no trace
    assert {k: v for k, v in imported.config.items() if k not in told} == {
        k: v for k, v in original.config.items() if k in imported.config and k not in told
    }
    assert_same(weights(name), imported.path)
