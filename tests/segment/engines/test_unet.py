"""StarDist's network without TensorFlow: its layers, its weights in every layout, its reach."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from bridge.errors import BadInputError
from bridge.model.folder import ModelFolder, open_model
from bridge.model.network import BatchNormalization
from bridge.segment.engines.base import Engine
from bridge.segment.engines.keras import KerasEngine
from bridge.segment.engines.onnx import OnnxEngine
from bridge.segment.engines.unet import UnetTiles, read_unet
from bridge.segment.engines.winograd.engine import WinogradEngine
from tests.models_export.architectures import ARCHITECTURES

KERAS2 = """
import json, sys
import numpy as np
from tests.models_export.architectures import SMALL, build
settings = {**SMALL, "grid": (2, 2), "unet_batch_norm": True, "unet_n_depth": 1, "n_classes": 2}
model, config = build(settings)
assert type(model).__module__.startswith("tf_keras")
folder = sys.argv[1]
model.save_weights(folder + "/weights_best.h5")
model.save(folder + "/whole.hdf5")
json.dump(config, open(folder + "/config.json", "w"))
image = np.random.RandomState(1).random_sample((1, 64, 64, 1)).astype(np.float32)
np.save(folder + "/image.npy", image[0])
np.save(folder + "/output.npy", np.concatenate(model.predict_on_batch(image), axis=-1)[0])
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Copy the demo model, to be damaged."""
    copy = tmp_path / "model"
    shutil.copytree(open_model("demo").path, copy)
    return copy


def with_config(model: ModelFolder, **changes: object) -> ModelFolder:
    return replace(model, config={**model.config, **changes})


@pytest.mark.model
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_divisor_is_stardists_own_and_the_halo_no_less(
    model_of: Callable[[str], ModelFolder], name: str
) -> None:
    model = model_of(name)
    network = KerasEngine(model)._network.stardist

    tiles = UnetTiles(model)
    assert tiles.divisor == network._axes_div_by("YX")
    # StarDist's comes from one impulse, cut off at 64 predictions.
    assert all(a >= b for a, b in zip(tiles.halo, network._axes_tile_overlap("YX"), strict=True))


@pytest.mark.parametrize(
    ("make", "name", "share"),
    [
        (OnnxEngine, "demo", 0.8),
        pytest.param(OnnxEngine, "kernel_even", 0.8, marks=pytest.mark.model),
        # Beyond half of its halo, a pixel changes no more than last digits, and seldom those.
        (WinogradEngine, "demo", 0.4),
    ],
)
def test_no_pixel_beyond_the_halo_changes_a_prediction_and_one_at_it_may(
    model_of: Callable[[str], ModelFolder],
    make: Callable[[ModelFolder], Engine],
    name: str,
    share: float,
) -> None:
    model = model_of(name)
    engine = make(model)
    by, reach = engine.alignment[1], engine.halo[1]
    grid = model.grid[1]
    width = -(-(4 * reach + 2 * by) // by) * by
    rng = np.random.default_rng(0)
    tile = rng.random((2 * engine.divisor[0], width, model.n_channels), np.float32)
    before = engine.predict(tile).dist.copy()
    middle = width // 2
    seen = 0
    for x in range(middle, middle + by):
        changed = tile.copy()
        changed[:, x] += 100
        columns = np.nonzero((engine.predict(changed).dist != before).any(axis=(0, 2)))[0] * grid
        assert columns.size
        seen = max(seen, *np.abs(columns - x))
        assert np.abs(columns - x).max() <= reach
    assert seen > share * reach


@pytest.mark.model
def test_batch_normalisation_is_folded_into_the_convolutions(
    model_of: Callable[[str], ModelFolder],
) -> None:
    network = read_unet(model_of("grid2_batch_norm"))

    assert not any(isinstance(step, BatchNormalization) for step in network.steps)


@pytest.mark.model
@pytest.mark.parametrize("whole", [False, True])
def test_weights_and_whole_models_of_keras_2_are_read(tmp_path: Path, whole: bool) -> None:
    pytest.importorskip("tf_keras")
    root = Path(__file__).parents[3]
    subprocess.run(
        [sys.executable, "-c", KERAS2, str(tmp_path)],
        check=True,
        cwd=root,
        env={**os.environ, "TF_USE_LEGACY_KERAS": "1", "PYTHONPATH": str(root)},
    )
    if whole:
        (tmp_path / "weights_best.h5").unlink()

    found = OnnxEngine(open_model(tmp_path)).predict(np.load(tmp_path / "image.npy"))

    assert found.classes is not None
    joined = np.concatenate([found.prob[..., np.newaxis], found.dist, found.classes], axis=-1)
    np.testing.assert_allclose(joined, np.load(tmp_path / "output.npy"), atol=1e-4)


def test_a_file_that_is_no_hdf5_is_named(folder: Path) -> None:
    (folder / "weights_best.h5").write_bytes(b"no weights")

    with pytest.raises(BadInputError, match=r"weights_best\.h5: is not an HDF5 file"):
        read_unet(open_model(folder))


@pytest.mark.parametrize("change", [{"unet_n_filter_base": 24}, {"n_classes": 2}, {"grid": [1, 1]}])
def test_weights_of_another_architecture_are_said(folder: Path, change: dict[str, object]) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **change}))

    with pytest.raises(BadInputError, match="holds the weights of another architecture"):
        read_unet(open_model(folder))


def test_weights_that_are_no_real_numbers_are_refused(folder: Path) -> None:
    with h5py.File(folder / "weights_best.h5", "a") as file:
        group = file["features/features"]
        values = group["kernel"][()]
        del group["kernel"]
        group["kernel"] = values.astype("int32")

    with pytest.raises(BadInputError, match="holds the weights of another architecture"):
        read_unet(open_model(folder))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"backbone": "resnet"}, "backbone 'resnet'"),
        ({"unet_activation": "gelu"}, "activation 'gelu'"),
        ({"unet_shortcuts": True}, "unknown setting 'unet_shortcuts'"),
        ({"unet_kernel_size": [3]}, "unet_kernel_size"),
        ({"unet_n_depth": "deep"}, "unet_n_depth 'deep'"),
        ({"grid": [3, 3]}, "no powers of 2"),
    ],
)
def test_what_only_tensorflow_runs_is_said_with_the_way_out(
    change: dict[str, object], said: str
) -> None:
    with pytest.raises(BadInputError, match=f"{said}.*--engine keras"):
        read_unet(with_config(open_model("demo"), **change))


def test_what_an_old_configuration_leaves_out_is_stardists_default() -> None:
    model = open_model("demo")
    old = {k: v for k, v in model.config.items() if k != "unet_expansion"}

    assert len(read_unet(replace(model, config=old)).steps) == len(read_unet(model).steps)
