"""OpenCV 4's networks: what QuPath runs a .pb or .onnx with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_export.runtimes import Program, RunError, RuntimeMissingError


class OpenCV:
    """OpenCV's DNN module, on the processor.

    Raises:
        RuntimeMissingError: it is not installed, or a version without the TensorFlow importer.
    """

    def __init__(self) -> None:
        try:
            import cv2
        except ImportError as error:
            raise RuntimeMissingError(
                "OpenCV", 'is not installed; pip install "starbridge[export]" brings it'
            ) from error
        self.name = f"OpenCV {cv2.__version__}"
        if int(cv2.__version__.split(".")[0]) != 4:
            raise RuntimeMissingError(self.name, "QuPath has OpenCV 4, which is another one")
        self._cv2 = cv2

    def run(self, program: Program, image: NDArray[Any]) -> NDArray[Any]:
        """Load a frozen graph or an ONNX model and run it; see :class:`Runtime`."""
        cv2 = self._cv2
        # A copy in memory: OpenCV cannot open every path that Windows can.
        content = np.frombuffer(program.path.read_bytes(), np.uint8)
        try:
            if program.kind == "graph":
                network = cv2.dnn.readNetFromTensorflow(content)
            else:
                network = cv2.dnn.readNetFromONNX(content)
            network.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
            # Winograd is quick but only good to three digits.
            network.enableWinograd(False)
            entering = np.ascontiguousarray(np.moveaxis(image, -1, 0)[np.newaxis], np.float32)
            network.setInput(entering)
            result = np.array(network.forward())
        except cv2.error as error:
            raise RunError(_plain(str(error))) from error
        if result.ndim != program.n_dim + 2:
            raise RunError(f"its output has {result.ndim} axes instead of {program.n_dim + 2}")
        return np.moveaxis(result[0], 0, -1)

    def close(self) -> None:
        """Nothing is held."""


def _plain(message: str) -> str:
    """OpenCV's message without its version, file and line."""
    lines = [line.strip(" >") for line in message.splitlines() if line.strip(" >")]
    return (lines[0].split(") ", 1)[-1] if lines else message)[:400]
