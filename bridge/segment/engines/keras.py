"""The reference engine: StarDist's own network in TensorFlow."""

from __future__ import annotations

import os
import shutil
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.model.folder import ModelFolder
from bridge.model.keras_weights import load_weights
from bridge.model.stardist_keras import build_stardist
from bridge.segment.engines.base import (
    NO_MARGINS,
    SMALLEST_DISTANCE,
    Margins,
    Prediction,
    remove_margins,
    translate_memory_error,
)
from bridge.segment.engines.unet import UnetTiles


class KerasNetwork:
    """A StarDist network in TensorFlow, of planes or of volumes.

    Args:
        model: the model folder.

    Attributes:
        stardist: the ``StarDist2D`` or ``StarDist3D``.
        device: ``CPU`` or ``GPU``.
        versions: of the libraries that decide the result.

    Raises:
        MissingPartError: TensorFlow or StarDist is not installed.
        BadInputError: weights that are damaged or belong to another architecture.
    """

    def __init__(self, model: ModelFolder) -> None:
        # before TensorFlow is imported, so that it does not greet
        self.stardist = build_stardist(
            model.config,
            model.path / "config.json",
            "run a StarDist model",
            "copy the model folder again",
        )
        import tensorflow as tf

        load_weights(self.stardist.keras_model, model.weights)
        self.device = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
        # Of seven digits, a graphics card's TensorFloat-32 would keep three.
        tf.config.experimental.enable_tensor_float_32_execution(False)
        self.versions = {name: version(name) for name in ("stardist", "tensorflow", "keras")}
        self._process = os.getpid()

    def predict(self, tile: NDArray[Any]) -> Prediction:
        """Run the network on one (spatial…, channels) float32 tile.

        Raises:
            BadInputError: the tile does not fit into memory, or this process was forked from the
                one that loaded the network.
        """
        import tensorflow as tf

        if self._process != os.getpid():  # TensorFlow would wait for its threads for ever
            raise BadInputError(
                "engine keras",
                "was loaded before this process was forked, and TensorFlow does not survive that",
                'take --engine starbridge or onnx, or the start method "spawn" of multiprocessing',
            )

        try:
            outputs = self.stardist.keras_model.predict_on_batch(tile[np.newaxis])
        except (tf.errors.ResourceExhaustedError, MemoryError) as error:
            raise translate_memory_error(error, tile) from error
        prob, dist = outputs[0][0, ..., 0], outputs[1][0]
        classes = outputs[2][0] if len(outputs) > 2 else None
        return Prediction(prob, np.maximum(dist, SMALLEST_DISTANCE), classes)


class KerasEngine(UnetTiles):
    """A StarDist 2D model in TensorFlow.

    Args:
        model: the model folder.

    Raises:
        MissingPartError: TensorFlow or StarDist is not installed.
        BadInputError: weights that are damaged or belong to another architecture.
    """

    name = "keras"

    def __init__(self, model: ModelFolder) -> None:
        super().__init__(model)
        self._network = KerasNetwork(model)
        self.device = self._network.device
        self.versions = self._network.versions

    def predict(
        self, tile: NDArray[Any], margins: Margins = NO_MARGINS, min_prob: float = 0.0
    ) -> Prediction:
        """Run the network on one (height, width, channels) float32 tile.

        Raises:
            BadInputError: the tile does not fit into memory, or this process was forked from the
                one that loaded the network.
        """
        return remove_margins(margins, self._network.predict(tile), self._folder.grid)


def has_gpu() -> bool:
    """Tell whether TensorFlow finds a graphics card.

    TensorFlow takes seconds to load: where NVIDIA's driver is missing, it is not asked.
    """
    if shutil.which("nvidia-smi") is None:
        return False
    try:
        import tensorflow as tf
    except ImportError:
        return False
    return bool(tf.config.list_physical_devices("GPU"))
