"""Models in files that other programs wrote, and files that hold none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bridge.errors import BadInputError
from bridge.model.graphs.importing import import_model, read_exported_model
from tests.model.graphs.foreign_exports import KERAS_2
from tests.model.graphs.weights_files import stored_weights
from tests.models_export.architectures import SMALL, VOLUMES

pytestmark = pytest.mark.model

SETTINGS: dict[str, Any] = {"prob": 0.5, "nms": 0.4, "percentiles": (1.0, 99.8)}

NORMALISED: dict[str, Any] = {
    **SMALL,
    "grid": (2, 2),
    "unet_batch_norm": True,
    "unet_dropout": 0.2,
    "n_channel_in": 3,
}
CLASSES: dict[str, Any] = {
    **SMALL,
    "grid": (2, 4),
    "n_classes": 2,
    "unet_activation": "elu",
    "unet_last_activation": "tanh",
    "unet_expansion": 1.5,
}
FILES: dict[str, tuple[str, dict[str, Any], int]] = {
    "StarDist, variables, batch norm": ("stardist_zip", NORMALISED, 2),
    "StarDist, variables, volume": ("stardist_zip", VOLUMES["volume_unet"], 3),
    "StarDist, variables, resnet": ("stardist_zip", VOLUMES["volume_resnet"], 3),
    "Keras 2, functions, classes": ("saved_by_keras_2", CLASSES, 2),
    "Keras 3, functions, batch norm": ("exported_by_keras_3", NORMALISED, 2),
    "Keras 3, functions, classes": ("exported_by_keras_3", CLASSES, 2),
    "Keras 3, functions, resnet": ("exported_by_keras_3", VOLUMES["volume_resnet"], 3),
    "TensorFlow 2, frozen, batch norm": ("frozen_by_tensorflow_2", NORMALISED, 2),
    # ends the use of TensorFlow 2 in its process
    "TensorFlow 1, variables, batch norm": ("written_by_tensorflow_1", NORMALISED, 2),
}
"""Writer, settings and number of axes of each file."""


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function that gives the folder of a file, all of them written on the first call."""
    pytest.importorskip("tf_keras")
    top = tmp_path_factory.mktemp("foreign")
    root = Path(__file__).parents[3]
    folders = {name: top / str(number) for number, name in enumerate(FILES)}
    for legacy in ("0", "1"):
        jobs = [
            [*FILES[name], str(folder)]
            for name, folder in folders.items()
            if (FILES[name][0] in KERAS_2) == (legacy == "1")
        ]
        subprocess.run(
            [sys.executable, "-m", "tests.model.graphs.foreign_exports", json.dumps(jobs)],
            check=True,
            cwd=root,
            env={**os.environ, "TF_USE_LEGACY_KERAS": legacy, "PYTHONPATH": str(root)},
        )
    return folders.__getitem__


def exported(folder: Path) -> Path:
    return next(folder.glob("exported.*"))


@pytest.mark.parametrize("name", FILES)
def test_weights_come_back_bit_for_bit(
    foreign: Callable[[str], Path], tmp_path: Path, name: str
) -> None:
    folder, n_dim = foreign(name), FILES[name][2]
    config = folder / "config.json" if n_dim == 3 else None

    model = import_model(exported(folder), tmp_path / "model", config=config, **SETTINGS)

    with np.load(folder / "weights.npz") as numbers:
        for found, array in zip(stored_weights(model.weights), numbers.values(), strict=False):
            np.testing.assert_array_equal(found, array)
    original = json.loads((folder / "config.json").read_text())
    unseen = {"unet_dropout"}
    assert {k: v for k, v in model.config.items() if k in original and k not in unseen} == {
        k: v for k, v in original.items() if k in model.config and k not in unseen
    }


def test_stardists_own_zip_has_the_weights_that_stardist_saved(
    shared: Path, tmp_path: Path
) -> None:
    file = shared / "models/stardist_export_TF.zip"

    model = import_model(file, tmp_path / "model", **SETTINGS)

    before = stored_weights(shared / "models/stardist_export_TF.weights_best.h5")
    for found, array in zip(stored_weights(model.weights), before, strict=True):
        assert found.tobytes() == array.tobytes()
    assert model.grid == (2, 2)


def test_what_the_file_does_not_hold_is_asked_for(shared: Path, tmp_path: Path) -> None:
    file = shared / "models/stardist_export_TF.zip"

    with pytest.raises(
        BadInputError,
        match="does not hold the model's probability threshold and overlap threshold and "
        "percentiles; .* --prob 0.5 --nms 0.4 --percentiles 1 99.8",
    ):
        import_model(file, tmp_path / "model")
    with pytest.raises(BadInputError, match=r"model's percentiles; .* --percentiles 1 99.8$"):
        import_model(file, tmp_path / "model", prob=0.5, nms=0.4)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_is_left_alone(shared: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(BadInputError, match="is there already; choose another --out"):
        import_model(shared / "models/stardist_export_TF.zip", tmp_path, **SETTINGS)

    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_volume_of_others_needs_its_rays(foreign: Callable[[str], Path], tmp_path: Path) -> None:
    folder = foreign("StarDist, variables, resnet")

    with pytest.raises(BadInputError, match=r"is a 3D model.*--config"):
        import_model(exported(folder), tmp_path / "model", **SETTINGS)


def frozen(build: Callable[[Any], Any], path: Path) -> Path:
    """Write a frozen graph: what TensorFlow 1 operations make of an image of one channel."""
    import tensorflow as tf

    graph = tf.Graph()
    with graph.as_default():
        image = tf.compat.v1.placeholder(tf.float32, [None, None, None, 1], name="input")
        tf.identity(build(image), name="output")
    path.write_bytes(graph.as_graph_def().SerializeToString())
    return path


def convolved(image: Any, channels: int, size: int = 3, name: str | None = None) -> Any:
    import tensorflow as tf

    kernel = np.ones((size, size, image.shape[-1], channels), np.float32)
    return tf.nn.bias_add(
        tf.nn.conv2d(image, kernel, 1, "SAME"), np.zeros(channels, np.float32), name=name
    )


def heads(image: Any) -> Any:
    import tensorflow as tf

    return tf.concat([tf.sigmoid(convolved(image, 1, 1)), convolved(image, 8, 1)], -1)


OTHERS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "smooth enlargement": (
        lambda x: heads(_tf().image.resize(x, [64, 64])),
        r"'resize/Resize.*' \(ResizeBilinear\) belongs to none",
    ),
    "leaky relu": (
        lambda x: heads(_tf().nn.leaky_relu(convolved(x, 8))),
        r"'LeakyRelu' \(LeakyRelu\) belongs to none",
    ),
    "normalisation inside": (
        lambda x: heads(convolved(x / 255.0, 8)),
        r"'truediv' \(RealDiv\) divides",
    ),
    "dilation": (
        lambda x: heads(_tf().nn.conv2d(x, np.ones((3, 3, 1, 8)), 1, "SAME", dilations=2)),
        r"'Conv2D' \(Conv2D\) is dilated",
    ),
    "another kernel": (
        lambda x: heads(_tf().nn.relu(convolved(_tf().nn.relu(convolved(x, 8)), 8, 5, "odd"))),
        "'odd' has weights of 5 x 5 x 8 x 8 where StarDist has 3 x 3 x 8 x 8",
    ),
    "distances only": (lambda x: convolved(x, 1, 1), "its results lack a probability"),
    "probability only": (lambda x: _tf().sigmoid(convolved(x, 1, 1)), "lack distances"),
    "features": (lambda x: _tf().nn.relu(convolved(x, 8)), "'Relu' is no probability, distances"),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_the_first_operation_that_does_not_fit_is_named(tmp_path: Path, kind: str) -> None:
    build, problem = OTHERS[kind]
    path = frozen(build, tmp_path / "other.pb")

    with pytest.raises(BadInputError, match=rf"other\.pb: is no StarDist network.*({problem})"):
        import_model(path, tmp_path / "model", **SETTINGS)
    assert not (tmp_path / "model").exists()


def _tf() -> Any:
    import tensorflow

    return tensorflow


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"saved_model.pb": b"\xff\xff"}, "its saved_model.pb is damaged"),
        ({"saved_model.pb": b""}, "holds no graph"),
        ({"variables/variables.index": b"nothing"}, "its variables are damaged"),
        ({"variables/variables.data-00000-of-00001": b"short"}, "is damaged|are damaged"),
        ({"variables/variables.index": None}, "has no weights in the file"),
        ({"saved_model.pb": None}, "holds no saved_model.pb"),
    ],
)
def test_a_damaged_zip_is_refused(
    shared: Path, tmp_path: Path, change: dict[str, bytes | None], problem: str
) -> None:
    with zipfile.ZipFile(shared / "models/stardist_export_TF.zip") as archive:
        files: dict[str, bytes | None] = {
            info.filename: archive.read(info) for info in archive.infolist() if not info.is_dir()
        }
    path = tmp_path / "damaged.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {**files, **change}.items():
            if data is not None:
                archive.writestr(name, data)

    with pytest.raises(BadInputError, match=rf"damaged\.zip: .*({problem})"):
        read_exported_model(path)


def test_a_constant_that_promises_more_than_the_file_holds_is_refused(tmp_path: Path) -> None:
    path = frozen(heads, tmp_path / "bomb.pb")
    graph = _graph(path)
    constant = next(n for n in graph.node if n.op == "Const" and len(_shape(n)) == 4)
    for dim in constant.attr["value"].tensor.tensor_shape.dim:
        dim.size = 100_000
    constant.attr["value"].tensor.ClearField("tensor_content")
    constant.attr["value"].tensor.float_val.append(1.0)
    path.write_bytes(graph.SerializeToString())

    with pytest.raises(BadInputError, match=r"its graph is damaged \(a constant of the shape"):
        read_exported_model(path)


def test_a_graph_that_runs_in_circles_is_refused(tmp_path: Path) -> None:
    path = frozen(lambda x: heads(_tf().identity(x, name="first")), tmp_path / "circle.pb")
    graph = _graph(path)
    next(n for n in graph.node if n.name == "first").input[0] = "first"
    path.write_bytes(graph.SerializeToString())

    with pytest.raises(BadInputError, match="runs in circles"):
        read_exported_model(path)


def _graph(path: Path) -> Any:
    from tensorflow.core.framework import graph_pb2

    return graph_pb2.GraphDef.FromString(path.read_bytes())


def _shape(node: Any) -> list[int]:
    return [dim.size for dim in node.attr["value"].tensor.tensor_shape.dim]


@pytest.mark.parametrize(
    "change",
    [
        {"unet_n_filter_base": 100_000},
        {"unet_n_depth": 1000},
        {"unet_n_depth": 30, "unet_expansion": 8},
        {"net_conv_after_unet": 10**9},
        {"n_rays": 10**6},
        {"unet_kernel_size": [999, 999]},
        {"n_dim": 3, "grid": [1, 2, 2], "unet_kernel_size": [3, 3, 3]},
    ],
)
def test_a_configuration_larger_than_the_graph_is_not_built(
    shared: Path, tmp_path: Path, change: dict[str, Any]
) -> None:
    config = json.loads((shared / "models/stardist_export_TF.config.json").read_text())
    path = tmp_path / "large.zip"
    path.write_bytes((shared / "models/stardist_export_TF.zip").read_bytes())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("config.json", json.dumps({**config, **change}))

    with pytest.raises(BadInputError, match=r"large\.zip: its config\.json is of another network"):
        import_model(path, tmp_path / "model", **SETTINGS)
