"""Which engine runs a model."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge import Segmenter
from bridge.errors import BadInputError, MissingPartError
from bridge.model.folder import ModelFolder, open_model
from bridge.segment.engines import select
from bridge.segment.engines.keras import KerasEngine
from bridge.segment.engines.onnx import OnnxEngine
from bridge.segment.engines.openvino import OpenVinoEngine
from bridge.segment.engines.select import EngineChoice
from bridge.segment.engines.winograd.engine import WinogradEngine


def without(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    """Let an import fail as if the library were not installed."""
    monkeypatch.setitem(__import__("sys").modules, module, None)


def test_starbridge_runs_a_model_where_nothing_is_said_and_there_is_no_graphics_card() -> None:
    if select._tensorflow_sees_graphics_card():
        pytest.skip("there is a graphics card")

    assert isinstance(EngineChoice()(open_model("demo")), WinogradEngine)
    assert Segmenter.load("demo").engine.name == "starbridge"


@pytest.mark.model
@pytest.mark.parametrize(("installed", "kind"), [(True, OpenVinoEngine), (False, KerasEngine)])
def test_what_starbridge_cannot_run_is_for_openvino_and_else_for_tensorflow(
    model_of: Callable[[str], ModelFolder],
    monkeypatch: pytest.MonkeyPatch,
    *,
    installed: bool,
    kind: type,
) -> None:
    if not installed:
        without(monkeypatch, "openvino")

    assert isinstance(EngineChoice()(model_of("three_channels")), kind)


@pytest.mark.model
def test_tensorflow_runs_what_the_others_cannot_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = open_model("demo")
    odd = replace(model, config={**model.config, "unet_activation": "gelu"})

    with caplog.at_level("INFO", logger="bridge"):
        engine = EngineChoice()(odd)

    assert isinstance(engine, KerasEngine)
    assert "activation 'gelu'" in caplog.text
    assert "demo: runs in keras on CPU" in caplog.text


def test_an_engine_that_was_asked_for_is_not_replaced_by_another() -> None:
    model = open_model("demo")
    odd = replace(model, config={**model.config, "unet_activation": "gelu"})

    with pytest.raises(BadInputError, match="which only TensorFlow runs; use --engine keras"):
        EngineChoice("openvino")(odd)


@pytest.mark.parametrize(
    ("engine", "module", "part"),
    [("openvino", "openvino", "openvino"), ("onnx", "onnxruntime", "export")],
)
def test_an_engine_that_is_not_installed_names_its_part(
    monkeypatch: pytest.MonkeyPatch, engine: Any, module: str, part: str
) -> None:
    without(monkeypatch, module)

    with pytest.raises(MissingPartError, match=rf"starbridge\[{part}\]"):
        EngineChoice(engine)(open_model("demo"))


def test_onnx_runtime_runs_a_model_where_it_is_asked_for() -> None:
    engine = Segmenter.load("demo", engine="onnx").engine

    assert isinstance(engine, OnnxEngine)
    assert set(engine.versions) == {"onnxruntime"}
    assert engine.device


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("tensorrt", "f32"), "'tensorrt' is not one of them; choose from auto, starbridge"),
        (("auto", "int4"), "'int4' is not one of them; choose from f32, int8"),
        (("keras", "int8"), "int8 is for OpenVINO, not for keras"),
    ],
)
def test_what_cannot_be_chosen_is_said(words: tuple[Any, Any], said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        EngineChoice(*words)


def test_eight_bits_without_a_calibrated_network_are_said(
    tmp_path: Path, cache_folder: Path
) -> None:
    copy = tmp_path / "model"
    shutil.copytree(open_model("demo").path, copy)

    with pytest.raises(BadInputError, match="has no 8-bit network yet; run starbridge segment"):
        Segmenter.load(copy, precision="int8")


def test_a_choice_goes_to_other_processes() -> None:
    choice = EngineChoice("onnx")

    assert pickle.loads(pickle.dumps(choice)) == choice  # noqa: S301 - our own
