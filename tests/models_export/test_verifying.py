"""Checks of existing model files, from any program."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.errors import BadInputError
from bridge.files.archive import zip_bytes
from models_export import verify
from models_export.targets.saved_model import saved_model_bytes
from tests.models_export.conftest import Exported

pytestmark = pytest.mark.model

Give = Callable[[str], Exported]


def status(path: Path, runtime: str, **options: str) -> tuple[str, str, str]:
    verdict = verify(path, runtimes=[runtime], **options)  # type: ignore[arg-type]
    check = verdict.checks[0]
    if check.status == "not verified":
        pytest.skip(str(check))
    assert verdict.ok == (check.status == "passed")
    return check.status, check.reason, check.compared_with


def test_the_record_beside_a_file_names_its_model(exported: Give) -> None:
    assert status(exported("demo").path(".pb"), "opencv") == ("passed", "", "Keras")


def test_without_its_model_a_file_is_compared_with_itself(exported: Give, tmp_path: Path) -> None:
    path = tmp_path / "downloaded.pb"
    shutil.copy(exported("demo").path(".pb"), path)
    state, _, compared = status(path, "opencv")
    assert (state, compared.split(".")[0]) == ("passed", "TensorFlow 2")
    onnx = tmp_path / "downloaded.onnx"
    shutil.copy(exported("demo").path(".512x512.onnx"), onnx)
    state, reason, _ = status(onnx, "onnxruntime")
    assert (state, "give --model" in reason) == ("passed", True)
    state, _, compared = status(onnx, "opencv")
    assert (state, compared.split(".")[0]) == ("passed", "ONNX Runtime 1")


def test_a_record_of_another_file_is_not_believed(exported: Give, tmp_path: Path) -> None:
    demo = exported("demo")
    for ending in (".pb", ".export.json"):
        source = demo.path(".pb") if ending == ".pb" else demo.result.record
        shutil.copy(source, tmp_path / f"demo{ending}")
    record = tmp_path / "demo.export.json"
    content = json.loads(record.read_text())
    content["model"]["sha256"] = "0" * 64
    record.write_text(json.dumps(content))
    assert status(tmp_path / "demo.pb", "opencv")[2].startswith("TensorFlow 2")
    record.write_text('{"files": 3}')
    assert status(tmp_path / "demo.pb", "opencv")[2].startswith("TensorFlow 2")


def test_another_models_file_fails(exported: Give) -> None:
    path = exported("demo").path(".pb")
    state, reason, _ = status(path, "opencv", model=str(exported("grid4").model))
    assert state == "failed"
    assert "another model" in reason
    state, reason, _ = status(path, "opencv", model=str(exported("grid2_batch_norm").model))
    assert state == "failed"
    assert "probabilities differ" in reason


@pytest.mark.legacy_tf
def test_a_model_that_is_not_upsampled_would_give_four_times_the_nuclei(
    exported: Give, tmp_path: Path
) -> None:
    from models_export.keras_model import KerasModel

    demo = exported("demo")
    network = KerasModel(demo.result.model).network()
    path = tmp_path / "plain.zip"
    path.write_bytes(zip_bytes({"saved_model.pb": saved_model_bytes(network, (1, 1), "1.12")}))
    for options in ({}, {"model": "demo"}):
        state, reason, _ = status(path, "tf1.12", **options)
        assert state == "failed"
        assert "4 times too many objects" in reason


@pytest.mark.legacy_tf
def test_a_file_of_todays_keras_fails_with_the_unknown_operation(tmp_path: Path) -> None:
    import keras

    image = keras.Input((None, None, 1), name="input")
    hidden = keras.layers.Conv2D(4, 3, padding="same", activation="gelu")(image)
    model = keras.Model(image, keras.layers.Conv2D(33, 1)(hidden))
    model.export(str(tmp_path / "saved"), verbose=False)
    files = [p for p in sorted((tmp_path / "saved").rglob("*")) if p.is_file()]
    path = tmp_path / "theirs.zip"
    path.write_bytes(
        zip_bytes({p.relative_to(tmp_path / "saved").as_posix(): p.read_bytes() for p in files})
    )
    state, reason, _ = status(path, "tf1.12")
    assert state == "failed"
    assert reason.startswith("made with TensorFlow 2")
    assert "is unknown to TensorFlow 1.12.0" in reason


def test_an_unknown_runtime_is_refused(exported: Give) -> None:
    with pytest.raises(BadInputError, match=r"'tf1\.9' is unknown; choose one of tf1\.12"):
        verify(exported("demo").path(".pb"), runtimes=["tf1.9"])


def test_bioimageio_tests_its_package_itself(exported: Give) -> None:
    pytest.importorskip("bioimageio.core")
    verdict = verify(exported("demo").path(".bioimageio.zip"))
    assert verdict.ok, str(verdict.checks[0])
