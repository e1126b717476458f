"""Model files are recognised by their content."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.errors import BadInputError
from bridge.files.archive import read_zip, zip_bytes
from models_export.contents import read_model_file
from tests.models_export.conftest import Exported

pytestmark = pytest.mark.model

Give = Callable[[str], Exported]


def test_exported_files_are_recognised(exported: Give) -> None:
    demo = exported("demo")
    saved = read_model_file(demo.path(".tf1.12.zip"))
    assert (saved.kind, saved.input, saved.output) == ("saved_model", "input:0", "output:0")
    assert saved.made_with.startswith("TensorFlow 2")
    graph = read_model_file(demo.path(".pb"))
    assert (graph.kind, graph.input, graph.output) == ("graph", "input:0", "output:0")
    onnx = read_model_file(demo.path(".512x512.onnx"))
    assert (onnx.kind, onnx.size, onnx.channels) == ("onnx", (512, 512), 1)
    package = read_model_file(demo.path(".bioimageio.zip"))
    assert package.kind == "bioimageio"
    files = (saved, graph, onnx, package)
    assert not any(file.problems for file in files)
    assert {file.n_dim for file in files} == {2}


def test_a_volume_is_recognised(exported: Give) -> None:
    volume = exported("volume_unet")
    assert read_model_file(volume.path(".tf1.12.zip")).n_dim == 3
    assert read_model_file(volume.path(".onnx")).n_dim == 3


def test_a_pb_that_is_a_saved_model_is_refused(exported: Give, tmp_path: Path) -> None:
    path = tmp_path / "model.pb"
    path.write_bytes(read_zip(exported("demo").path(".tf1.12.zip"))["saved_model.pb"])
    with pytest.raises(BadInputError, match="SavedModel, not a frozen graph.*--to pb"):
        read_model_file(path)


@pytest.mark.parametrize("ending", [".tf1.12.zip", ".pb", ".onnx", ".bioimageio.zip"])
def test_a_truncated_download_is_refused(exported: Give, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"cut{ending}"
    data = exported("demo").path(ending).read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(BadInputError, match="too early|damaged") as caught:
        read_model_file(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.pb", "a.onnx", "a.zip"])
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with pytest.raises(BadInputError, match="does not exist"):
        read_model_file(path)
    path.write_bytes(b"")
    with pytest.raises(BadInputError, match="empty|is no zip"):
        read_model_file(path)
    path.write_bytes(b"<html>404</html>")
    with pytest.raises(BadInputError, match="is no "):
        read_model_file(path)
    with pytest.raises(BadInputError, match="is a folder"):
        read_model_file(tmp_path)


def test_a_zip_for_nobody_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(zip_bytes({"weights_best.h5": b"x"}))
    with pytest.raises(BadInputError, match=r"no saved_model\.pb"):
        read_model_file(path)
    path.write_bytes(zip_bytes({"model/saved_model.pb": b"x"}))
    assert "top level" in read_model_file(path).problems[0]
    path.write_bytes(zip_bytes({"saved_model.pb": b"\xff\xff"}))
    with pytest.raises(BadInputError, match="is damaged"):
        read_model_file(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../saved_model.pb", b"x")
    with pytest.raises(BadInputError, match="leaves its folder"):
        read_model_file(path)


def test_a_saved_model_that_fiji_cannot_use_has_its_problem_named(
    exported: Give, tmp_path: Path
) -> None:
    from tensorflow.core.protobuf import saved_model_pb2

    content = read_zip(exported("demo").path(".tf1.12.zip"))["saved_model.pb"]
    path = tmp_path / "a.zip"

    def problem(change: Callable[[object], None]) -> str:
        saved = saved_model_pb2.SavedModel.FromString(content)
        change(saved.meta_graphs[0])
        path.write_bytes(zip_bytes({"saved_model.pb": saved.SerializeToString()}))
        return read_model_file(path).problems[0]

    def retag(meta: object) -> None:
        meta.meta_info_def.tags[:] = ["train"]  # type: ignore[attr-defined]

    def unsign(meta: object) -> None:
        del meta.signature_def["serving_default"]  # type: ignore[attr-defined]

    def two_outputs(meta: object) -> None:
        outputs = meta.signature_def["serving_default"].outputs  # type: ignore[attr-defined]
        outputs["second"].name = "dist:0"

    assert "'serve' (its tags: train)" in problem(retag)
    assert "serving_default" in problem(unsign)
    assert "2 outputs (output, second)" in problem(two_outputs)


def test_a_network_that_takes_no_image_has_its_problem_named(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    helper, number = onnx.helper, onnx.TensorProto.FLOAT
    path = tmp_path / "a.onnx"
    for shape, problem in (([1, 10], "2 axes"), ([1, 1, 10**9, 10**9], "far larger")):
        value, result = (helper.make_tensor_value_info(n, number, shape) for n in "xy")
        node = helper.make_node("Relu", ["x"], ["y"])
        graph = helper.make_graph([node], "graph", [value], [result])
        path.write_bytes(helper.make_model(graph).SerializeToString())
        assert problem in read_model_file(path).problems[0]


def test_a_graph_that_reaches_for_files_is_not_run(tmp_path: Path) -> None:
    from tensorflow.core.framework import graph_pb2

    graph = graph_pb2.GraphDef()
    graph.node.add(name="input", op="Placeholder")
    graph.node.add(name="output", op="Identity", input=["input"])
    graph.library.function.add().node_def.add(name="theft", op="WriteFile")
    path = tmp_path / "a.pb"
    path.write_bytes(graph.SerializeToString())
    assert read_model_file(path).problems == (
        "would reach for files or programs (operation WriteFile)",
    )
