"""Every engine says what StarDist's own network says, and needs no TensorFlow for it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge import Segmenter
from bridge.errors import BadInputError
from bridge.files.threads import allowed_threads
from bridge.model.folder import ModelFolder
from bridge.segment.engines.base import (
    SMALLEST_DISTANCE,
    Engine,
    Prediction,
    translate_memory_error,
)
from bridge.segment.engines.keras import KerasEngine
from bridge.segment.engines.onnx import OnnxEngine
from bridge.segment.engines.winograd.engine import WinogradEngine
from models_export.parity import DISTANCE_BAR, PROBABILITY_BAR
from tests.models_export.architectures import ARCHITECTURES

ENGINES = [OnnxEngine]

SEGMENT = """
import sys
import numpy as np
from bridge import Segmenter
found = Segmenter.load("demo", engine=sys.argv[1]).segment(np.load(sys.argv[2]))
print(len(found), *{"tensorflow", "keras", "stardist"} & set(sys.modules))
"""


def microscope_tile(model: ModelFolder, image: NDArray[Any], engine: Engine) -> NDArray[np.float32]:
    """Normalised channels, of the next smaller size that the network takes."""
    height, width = ((384 - 100 * i) // d * d for i, d in enumerate(engine.divisor))
    low, high = np.percentile(image, (1, 99.8))
    channels = [np.roll(image, 40 * c, axis=0)[:height, :width] for c in range(model.n_channels)]
    return np.asarray((np.stack(channels, axis=-1) - low) / (high - low), np.float32)


def copied(prediction: Prediction) -> Prediction:
    classes = prediction.classes
    return Prediction(
        prediction.prob.copy(),
        prediction.dist.copy(),
        None if classes is None else classes.copy(),
    )


@pytest.mark.model
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ["demo", *ARCHITECTURES])
def test_predictions_are_those_of_tensorflow(
    model_of: Callable[[str], ModelFolder],
    real_image: tuple[NDArray[Any], NDArray[Any]],
    name: str,
    engine: Callable[[ModelFolder], Engine],
) -> None:
    model = model_of(name)
    reference, other = KerasEngine(model), engine(model)
    tile = microscope_tile(model, real_image[0], reference)

    expected, found = reference.predict(tile), other.predict(tile)

    assert other.divisor == reference.divisor
    assert other.halo == reference.halo
    assert found.prob.shape == expected.prob.shape
    assert np.abs(found.prob - expected.prob).max() < PROBABILITY_BAR
    assert np.abs(found.dist - expected.dist).max() < DISTANCE_BAR
    assert (found.classes is None) == (expected.classes is None)
    if found.classes is not None and expected.classes is not None:
        assert found.classes.shape == expected.classes.shape
        assert np.abs(found.classes - expected.classes).max() < PROBABILITY_BAR


@pytest.mark.model
@pytest.mark.parametrize("tiles", [1, (3, 2)])
@pytest.mark.parametrize("engine", ["starbridge", "onnx"])
def test_the_label_image_is_the_same_pixel_by_pixel(
    real_image: tuple[NDArray[Any], NDArray[Any]], engine: Any, tiles: Any
) -> None:
    image = real_image[0]
    expected = Segmenter.load("demo", engine="keras").segment(image, tiles=tiles)

    found = Segmenter.load("demo", engine=engine).segment(image, tiles=tiles)

    assert len(found) > 100
    assert np.array_equal(found.to_labels(), expected.to_labels())
    assert found.objects["prob"].to_numpy() == pytest.approx(
        expected.objects["prob"].to_numpy(), abs=PROBABILITY_BAR
    )


@pytest.mark.parametrize("engine", [WinogradEngine, *ENGINES])
def test_tiles_of_many_sizes_one_after_another_do_not_disturb_each_other(
    model_of: Callable[[str], ModelFolder],
    real_image: tuple[NDArray[Any], NDArray[Any]],
    engine: Callable[[ModelFolder], Engine],
) -> None:
    model = model_of("demo")
    many = engine(model)
    tile = microscope_tile(model, real_image[0], many)
    sizes = [(64, 64), (192, 96), (96, 192), (64, 64), (192, 192), (16, 16)]

    for height, width in sizes:
        part = tile[:height, :width]
        found = copied(many.predict(part))
        alone = engine(model).predict(part)
        assert np.array_equal(found.prob, alone.prob)
        assert np.array_equal(found.dist, alone.dist)


@pytest.mark.parametrize("engine", [WinogradEngine, *ENGINES])
def test_no_distance_is_shorter_than_stardist_allows(
    model_of: Callable[[str], ModelFolder], engine: Callable[[ModelFolder], Engine]
) -> None:
    dark = np.full((64, 64, 1), -5, np.float32)

    assert engine(model_of("demo")).predict(dark).dist.min() >= SMALLEST_DISTANCE


@pytest.mark.parametrize("engine", ["starbridge", "onnx"])
def test_tensorflow_is_not_loaded_for_them(
    real_image: tuple[NDArray[Any], NDArray[Any]], tmp_path: Path, engine: str
) -> None:
    np.save(tmp_path / "image.npy", real_image[0])

    done = subprocess.run(
        [sys.executable, "-c", SEGMENT, engine, str(tmp_path / "image.npy")],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )

    assert done.stdout.split() == ["118"]


def test_the_makers_of_onnx_runtime_are_not_told_of_its_use(tmp_path: Path) -> None:
    code = "import bridge.model.telemetry as t; t.disable_telemetry(); import onnxruntime"
    environment = {k: v for k, v in os.environ.items() if k != "CI"}
    environment |= {"HOME": str(tmp_path), "MPLCONFIGDIR": str(tmp_path / "matplotlib")}
    environment.pop("ORT_DISABLE_TELEMETRY", None)

    subprocess.run([sys.executable, "-c", code], check=True, env=environment)

    # It keeps a made-up name for the user here once it reports.
    names = {path.name for path in tmp_path.rglob("*")}
    assert not names & {"deviceid", "onnxruntime.db"}


def test_a_tile_that_takes_too_much_memory_is_said() -> None:
    tile = np.zeros((8, 16, 1), np.float32)

    full = translate_memory_error(RuntimeError("std::bad_alloc"), tile)

    assert isinstance(full, BadInputError)
    assert "a tile of 8 x 16 pixels does not fit into memory" in str(full)


def test_another_failure_of_an_engine_is_not_called_a_lack_of_memory() -> None:
    error = RuntimeError("unknown layer")

    assert translate_memory_error(error, np.zeros((8, 16, 1), np.float32)) is error


@pytest.mark.parametrize(("said", "threads"), [("3", 3), ("", 0), ("many", 0)])
def test_engines_keep_to_the_threads_that_a_parallel_run_leaves_them(
    monkeypatch: pytest.MonkeyPatch, said: str, threads: int
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", said)

    assert allowed_threads() == threads
