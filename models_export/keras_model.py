"""A StarDist model in Keras: read into a :class:`Network`, and run as the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.model.folder import ModelFolder
from bridge.model.keras_network import read_network
from bridge.model.keras_weights import load_weights
from bridge.model.network import Network
from bridge.model.stardist_keras import build_stardist


class KerasModel:
    """A StarDist 2D or 3D model, loaded.

    Args:
        folder: the model folder.

    Raises:
        MissingPartError: TensorFlow or StarDist is not installed.
        BadInputError: a configuration that StarDist cannot build, weights that are damaged or of
            another architecture.
    """

    def __init__(self, folder: ModelFolder) -> None:
        self.folder = folder
        self._model = build_stardist(
            folder.config,
            folder.path / "config.json",
            "read a StarDist model",
            "copy the model folder again",
        )
        load_weights(self._model.keras_model, folder.weights)

    @property
    def divisor(self) -> tuple[int, ...]:
        """Pixels of which every axis of an image is a multiple, an axis each."""
        return tuple(int(n) for n in self._model._axes_div_by("ZYX"[-self.folder.n_dim :]))

    @property
    def rays(self) -> Any:
        """StarDist's rays object of a 3D model, which its NMS takes; ``None`` in 2D."""
        if self.folder.n_dim == 2:
            return None
        from stardist.rays3d import rays_from_json

        return rays_from_json(self.folder.config["rays_json"])

    def network(self) -> Network:
        """Return the trained network as plain steps.

        Raises:
            BadInputError: a layer without counterpart in TensorFlow 1; it is named.
        """
        return read_network(self._model.keras_model, str(self.folder.path))

    def predict(self, image: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Run the network.

        Args:
            image: (spatial…, channels) float32; every axis a multiple of :attr:`divisor`.

        Returns:
            Probability (spatial/grid…, 1), distances in pixels (spatial/grid…, rays) and, for a
            model of several classes, their probabilities, all float32.
        """
        outputs = self._model.keras_model.predict_on_batch(image[np.newaxis])
        return tuple(np.asarray(output[0], np.float32) for output in outputs)
