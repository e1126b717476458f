"""The registry of engines, and which one runs a model."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bridge import Segmenter
from bridge.errors import BadInputError, MissingPartError
from bridge.model.folder import ModelFolder, open_model
from bridge.segment.engines import registry
from bridge.segment.engines.keras import KerasEngine
from bridge.segment.engines.onnx import OnnxEngine
from bridge.segment.engines.registry import AUTO, ENGINES, EngineSpec, engine_names, find_engine
from bridge.segment.engines.winograd.engine import WinogradEngine

DOCS = Path(__file__).parents[3] / "docs" / "engines.md"
TOY = EngineSpec("toy", "tests.segment.engines.toy:ToyEngine", "a toy")


def test_a_new_engine_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "ENGINES", (TOY, *ENGINES))

    segmenter = Segmenter.load("demo", engine="toy")

    assert len(segmenter.segment(np.random.default_rng(0).random((64, 64)))) == 1
    assert engine_names() == ("auto", "toy", "starbridge", "onnx", "keras")
    assert AUTO.load(open_model("demo")).name == "toy"
    with pytest.raises(BadInputError, match="choose from auto, toy, starbridge"):
        find_engine("tensorrt")


def test_a_spec_goes_to_other_processes() -> None:
    for spec in (AUTO, TOY, *ENGINES):
        assert pickle.loads(pickle.dumps(spec)) == spec  # noqa: S301 - our own


def test_the_command_offers_every_engine() -> None:
    command = [sys.executable, "-m", "bridge.cli", "segment"]

    shown = subprocess.run([*command, "--help"], capture_output=True, text=True, check=True)
    command += ["a.tif", "--out", "out", "--engine", "tensorrt"]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)

    assert f"--engine [{'|'.join(engine_names())}]" in shown.stdout
    assert f"choose from {', '.join(engine_names())}" in " ".join(refused.stderr.split())


def test_the_documentation_lists_every_engine() -> None:
    text = DOCS.read_text(encoding="utf-8")

    for spec in (*ENGINES, AUTO):
        install = f"`{spec.install}`" if spec.install else "nothing more" * (spec != AUTO)
        assert f"| `{spec.key}` | {spec.about} | {install}".rstrip() + " |" in text


def test_starbridge_runs_a_model_where_nothing_is_said_and_there_is_no_graphics_card() -> None:
    if any(spec.has_gpu() for spec in ENGINES):
        pytest.skip("there is a graphics card")

    assert isinstance(AUTO.load(open_model("demo")), WinogradEngine)
    assert Segmenter.load("demo").engine.name == "starbridge"


@pytest.mark.model
@pytest.mark.parametrize(("installed", "kind"), [(True, OnnxEngine), (False, KerasEngine)])
def test_what_starbridge_cannot_run_is_for_onnx_runtime_and_else_for_tensorflow(
    model_of: Callable[[str], ModelFolder],
    monkeypatch: pytest.MonkeyPatch,
    *,
    installed: bool,
    kind: type,
) -> None:
    if not installed:
        monkeypatch.setitem(sys.modules, "onnxruntime", None)

    assert isinstance(AUTO.load(model_of("three_channels")), kind)


def test_a_graphics_card_comes_first_where_the_engine_runs_on_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    toy = replace(TOY, gpu_check="builtins:list")  # false
    monkeypatch.setattr(registry, "ENGINES", (*ENGINES, toy))
    assert AUTO.load(open_model("demo")).name == "starbridge"

    monkeypatch.setattr(registry, "ENGINES", (*ENGINES, replace(toy, gpu_check="time:time")))
    assert AUTO.load(open_model("demo")).name == "starbridge"  # it only ran on the CPU

    monkeypatch.setattr("tests.segment.engines.toy.ToyEngine.device", "CUDA")
    assert AUTO.load(open_model("demo")).name == "toy"


@pytest.mark.model
def test_tensorflow_runs_what_the_others_cannot_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    model = open_model("demo")
    odd = replace(model, config={**model.config, "unet_activation": "gelu"})

    with caplog.at_level("INFO", logger="bridge"):
        engine = AUTO.load(odd)

    assert isinstance(engine, KerasEngine)
    assert "activation 'gelu'" in caplog.text
    assert "demo: runs in keras on CPU" in caplog.text


def test_an_engine_that_was_asked_for_is_not_replaced_by_another() -> None:
    model = open_model("demo")
    odd = replace(model, config={**model.config, "unet_activation": "gelu"})

    with pytest.raises(BadInputError, match="which only TensorFlow runs; use --engine keras"):
        find_engine("onnx").load(odd)


@pytest.mark.parametrize(("engine", "module"), [("keras", "tensorflow"), ("onnx", "onnxruntime")])
def test_an_engine_that_is_not_installed_names_its_part(
    monkeypatch: pytest.MonkeyPatch, engine: str, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    spec = find_engine(engine)

    with pytest.raises(MissingPartError) as caught:
        spec.load(open_model("demo"))
    assert spec.install in str(caught.value)


def test_onnx_runtime_runs_a_model_where_it_is_asked_for() -> None:
    engine: Any = Segmenter.load("demo", engine="onnx").engine

    assert isinstance(engine, OnnxEngine)
    assert set(engine.versions) == {"onnxruntime"}
    assert engine.device
