"""Weights of every Keras, and layers that cannot be exported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bridge.errors import BadInputError
from bridge.model.folder import open_model
from bridge.model.network import Convolution
from models_export.keras_model import KerasModel
from tests.models_export.architectures import SMALL, write_model

pytestmark = pytest.mark.model

KERAS2 = """
import sys
import numpy as np
from tests.models_export.architectures import SMALL, build
import json
model, config = build({**SMALL, "grid": (2, 2), "unet_batch_norm": True, "unet_n_depth": 1})
assert type(model).__module__.startswith("tf_keras")
folder = sys.argv[1]
model.save_weights(folder + "/weights_best.h5")
json.dump(config, open(folder + "/config.json", "w"))
image = np.random.RandomState(1).random_sample((1, 64, 64, 1)).astype(np.float32)
np.save(folder + "/image.npy", image[0])
np.save(folder + "/output.npy", np.concatenate(model.predict_on_batch(image), axis=-1)[0])
"""


def test_weights_of_keras_2_are_read(tmp_path: Path) -> None:
    pytest.importorskip("tf_keras")
    root = Path(__file__).parents[2]
    subprocess.run(
        [sys.executable, "-c", KERAS2, str(tmp_path)],
        check=True,
        cwd=root,
        env={**os.environ, "TF_USE_LEGACY_KERAS": "1", "PYTHONPATH": str(root)},
    )
    model = KerasModel(open_model(tmp_path, allow_3d=True))
    output = np.concatenate(model.predict(np.load(tmp_path / "image.npy")), axis=-1)
    np.testing.assert_allclose(output, np.load(tmp_path / "output.npy"), atol=1e-5)
    assert any(isinstance(step, Convolution) for step in model.network().steps)


def test_weights_of_keras_3_in_its_older_format_are_read(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model", {**SMALL, "unet_n_depth": 1})
    model = KerasModel(open_model(folder, allow_3d=True))
    image = np.ones((16, 16, 1), np.float32)
    before = model.predict(image)[1]
    inner = model._model.keras_model
    (folder / "weights_best.h5").unlink()
    inner.save(str(folder / "whole.h5"))  # Keras 2's layout, a group for each layer
    again = KerasModel(open_model(folder, "whole.h5", allow_3d=True)).predict(image)[1]
    np.testing.assert_array_equal(before, again)


def test_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model", {**SMALL, "unet_n_depth": 1})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "unet_n_filter_base": 16}))
    with pytest.raises(BadInputError, match="another architecture"):
        KerasModel(open_model(folder, allow_3d=True))
    (folder / "weights_best.h5").write_bytes(b"no weights")
    with pytest.raises(BadInputError, match="not an HDF5 file"):
        KerasModel(open_model(folder, allow_3d=True))
    (folder / "config.json").write_text(json.dumps({**config, "backbone": "resnet"}))
    with pytest.raises(BadInputError, match="StarDist cannot build"):
        KerasModel(open_model(folder, allow_3d=True))


def test_layers_without_weights_are_not_left_untrained(tmp_path: Path) -> None:
    import h5py

    folder = write_model(tmp_path / "model", {**SMALL, "unet_n_depth": 1})
    with h5py.File(folder / "weights_best.h5", "r+") as file:
        file["layers/conv2d_3/vars/0"][...] += 0  # this layer exists
        for name in list(file["layers"])[:2]:
            del file["layers"][name]
    with pytest.raises(BadInputError, match="config.json and weights of the same training"):
        KerasModel(open_model(folder, allow_3d=True))
