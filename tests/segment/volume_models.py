"""Small StarDist 3D models with random weights that find something."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

RADIUS = 4.0
_SPREAD = 0.5
_LOGITS = 1.0
_CANDIDATES = 150
_LIFT = 1000.0


def write_volume_model(
    folder: Path, volume: NDArray[Any], *, seed: int = 1, **settings: Any
) -> Any:
    """Write a model folder as StarDist does, and return StarDist's own model of it.

    Rays are about four voxels long, and probabilities spread from 0 to 1, as those of random
    weights alone would not be. The threshold leaves about 150 candidates of a normalised
    (z, y, x) volume: StarDist's suppression takes minutes for the thousands that random weights
    give otherwise.
    """
    import keras
    from stardist.models import Config3D, StarDist3D

    keras.utils.set_random_seed(seed)
    small: dict[str, Any] = {
        "rays": 32,
        "grid": (1, 2, 2),
        "anisotropy": (2, 1, 1),
        "n_channel_in": 1,
        "backbone": "unet",
        "unet_n_depth": 1,
        "unet_n_filter_base": 8,
        "net_conv_after_unet": 16,
    }
    if settings.get("backbone") == "resnet":
        small = {k: v for k, v in small.items() if "unet" not in k} | {
            "resnet_n_blocks": 2,
            "resnet_n_filter_base": 8,
            "net_conv_after_resnet": 16,
        }
    with contextlib.redirect_stdout(io.StringIO()):
        model = StarDist3D(
            Config3D(**(small | settings)), name=folder.name, basedir=str(folder.parent)
        )
        layer = model.keras_model.get_layer("prob")
        kernel, bias = layer.get_weights()
        logits = logit(model.predict(volume)[0].astype(np.float64))
        gain = np.float32(_LOGITS / logits.std())
        layer.set_weights([gain * kernel, gain * (bias - np.float32(logits.mean()))])
        layer = model.keras_model.get_layer("dist")
        kernel, bias = layer.get_weights()
        layer.set_weights([kernel, bias + np.float32(_LIFT)])  # StarDist clips distances at 0
        found = model.predict(volume)[1]
        gain = np.float32(_SPREAD / found.std())
        middle = np.float32(found.mean() - _LIFT)
        layer.set_weights([gain * kernel, gain * (bias - middle) + np.float32(RADIUS)])
        model.keras_model.save_weights(str(folder / "weights_best.weights.h5"))
        found = model.predict(volume)[0][(slice(2, -2),) * 3]  # StarDist keeps none at the border
        prob = float(np.sort(found, axis=None)[-_CANDIDATES])
        model.thresholds = {"prob": prob, "nms": 0.3}
    (folder / "thresholds.json").write_text(f'{{"prob": {prob}, "nms": 0.3}}')
    return model
