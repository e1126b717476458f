"""Small untrained models of every shape that StarDist can build, with plausible numbers inside."""

from __future__ import annotations

import contextlib
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

SMALL = {"unet_n_filter_base": 8, "net_conv_after_unet": 16, "unet_n_depth": 2}

ARCHITECTURES: dict[str, dict[str, Any]] = {
    "grid1_depth4": {**SMALL, "grid": (1, 1), "unet_n_depth": 4, "unet_n_filter_base": 4},
    "grid2_batch_norm": {**SMALL, "grid": (2, 2), "unet_batch_norm": True, "unet_dropout": 0.2},
    "grid4": {**SMALL, "grid": (4, 4)},
    "grid_uneven": {**SMALL, "grid": (2, 4), "n_rays": 16},
    "kernel5_pool4": {**SMALL, "unet_kernel_size": (5, 5), "unet_pool": (4, 4), "unet_n_depth": 1},
    "kernel_even": {**SMALL, "unet_kernel_size": (2, 4), "unet_pool": (2, 4), "unet_n_depth": 1},
    "three_channels": {**SMALL, "grid": (2, 2), "n_channel_in": 3, "unet_activation": "elu"},
    "classes": {**SMALL, "grid": (2, 2), "n_classes": 3},
    "no_features": {**SMALL, "net_conv_after_unet": 0, "unet_last_activation": "tanh"},
}
"""Settings of ``Config2D`` by name."""

VOLUMES: dict[str, dict[str, Any]] = {
    "volume_unet": {**SMALL, "n_rays": 24, "grid": (1, 2, 2), "unet_n_filter_base": 4},
    "volume_resnet": {
        "n_rays": 24,
        "grid": (2, 2, 2),
        "backbone": "resnet",
        "resnet_n_filter_base": 4,
        "resnet_n_blocks": 2,
        "resnet_batch_norm": True,
        "net_conv_after_resnet": 8,
    },
}
"""Settings of ``Config3D`` by name."""


def write_model(folder: Path, settings: dict[str, Any], *, n_dim: int = 2) -> Path:
    """Write a model folder with random weights as the installed Keras saves them."""
    keras_model, config = build(settings, n_dim)
    folder.mkdir(parents=True)
    keras_model.save_weights(str(folder / "model.weights.h5"))
    (folder / "model.weights.h5").rename(folder / "weights_best.h5")
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "thresholds.json").write_text('{"prob": 0.5, "nms": 0.4}')
    return folder


def build(settings: dict[str, Any], n_dim: int = 2) -> tuple[Any, dict[str, Any]]:
    """Return a Keras model with random weights, and its ``config.json``."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from stardist.models import Config2D, Config3D, StarDist2D, StarDist3D

    config_class, model_class = (Config2D, StarDist2D) if n_dim == 2 else (Config3D, StarDist3D)
    with contextlib.redirect_stdout(io.StringIO()):
        config = config_class(**settings)
        model = model_class(config, name="random", basedir=None)
    randomize(model.keras_model)
    spread(model.keras_model)
    return model.keras_model, json.loads(json.dumps(vars(config)))


def randomize(keras_model: Any, seed: int = 0) -> None:
    """Give every weight a number such that probabilities spread and distances look like nuclei."""
    random = np.random.RandomState(seed)
    for layer in keras_model.layers:
        weights = layer.get_weights()
        if not weights:
            continue
        if weights[0].ndim == 1:  # batch normalisation: gamma, beta, mean, variance
            layer.set_weights(
                [
                    random.uniform(low, high, w.shape)
                    for (low, high), w in zip(
                        ((0.8, 1.2), (-0.1, 0.1), (-0.1, 0.1), (0.5, 1.5)), weights, strict=True
                    )
                ]
            )
            continue
        kernel = random.standard_normal(weights[0].shape) * np.sqrt(
            2 / np.prod(weights[0].shape[:-1])
        )
        bias = [random.uniform(-0.05, 0.05, w.shape) for w in weights[1:]]
        layer.set_weights([kernel, *bias])


def spread(keras_model: Any) -> None:
    """Make one pixel in a hundred of the real image a candidate, and distances those of nuclei."""
    from stardist.data import test_image_nuclei_2d, test_image_nuclei_3d

    n_dim = len(keras_model.inputs[0].shape) - 2
    image = (
        test_image_nuclei_2d()[:256, :256] if n_dim == 2 else test_image_nuclei_3d()[:24, :56, :56]
    )
    low, high = np.percentile(image, (1, 99.8))
    pixels = np.stack(
        [(image - low) / (high - low)] * keras_model.inputs[0].shape[-1], axis=-1
    ).astype(np.float32)
    prob, dist, *_ = keras_model.predict_on_batch(pixels[np.newaxis])
    logits = np.log(prob / (1 - prob))
    kernel, bias = keras_model.get_layer("prob").get_weights()
    factor = 0.5 / logits.std()
    keras_model.get_layer("prob").set_weights(
        [kernel * factor, (bias - np.quantile(logits, 0.99)) * factor]
    )
    kernel, bias = keras_model.get_layer("dist").get_weights()
    factor = 0.5 / dist.std()
    keras_model.get_layer("dist").set_weights([kernel * factor, (bias - dist.mean()) * factor + 8])
