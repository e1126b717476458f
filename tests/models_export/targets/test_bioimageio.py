"""The bioimage.io package: what it says of normalisation is what its test tensors show."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge.model.recipe import Normalization
from models_export import export
from tests.models_export.architectures import ARCHITECTURES, write_model

pytestmark = pytest.mark.model


def package(folder: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]], Any]:
    """Export a package; give its description, its test tensors and its network."""
    onnxruntime = pytest.importorskip("onnxruntime")
    export(folder, ["bioimageio"], out=folder.parent / "out", verify=False)
    (path,) = (folder.parent / "out").glob("*.zip")
    with zipfile.ZipFile(path) as archive:
        tensors = {
            name: np.load(io.BytesIO(archive.read(f"test_{name}.npy")))
            for name in ("input", "output")
        }
        session = onnxruntime.InferenceSession(archive.read("model.onnx"))
        return json.loads(archive.read("rdf.yaml")), tensors, session


@pytest.mark.parametrize(
    ("normalize", "axes"), [("channels", ["y", "x"]), ("joint", ["channel", "y", "x"])]
)
def test_the_percentiles_are_over_the_recipes_channels(
    tmp_path: Path, normalize: Normalization, axes: list[str]
) -> None:
    folder = write_model(tmp_path / "colours", ARCHITECTURES["three_channels"])
    (folder / "recipe.json").write_text(json.dumps({"normalize": normalize}))

    description, tensors, network = package(folder)

    (step,) = description["inputs"][0]["preprocessing"]
    assert step["id"] == "scale_range"
    assert step["kwargs"]["axes"] == axes
    raw = tensors["input"]
    over = tuple(["batch", "channel", "y", "x"].index(axis) for axis in axes)
    low, high = np.percentile(raw, (1, 99.8), axis=over, keepdims=True)
    normalised = ((raw - low) / (high - low + step["kwargs"]["eps"])).astype(np.float32)
    (output,) = network.run(None, {network.get_inputs()[0].name: normalised})
    assert output == pytest.approx(tensors["output"], abs=1e-4)
