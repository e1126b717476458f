"""OpenCV 4, in which QuPath runs a .pb or .onnx."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_export.runtimes import (
    Program,
    RunError,
    Runtime,
    RuntimeMissingError,
    import_library,
)


class OpenCV(Runtime):
    """OpenCV's DNN module, on the processor; version 4 only, with its TensorFlow importer."""

    def start(self) -> None:
        """Import OpenCV."""
        self._cv2 = import_library("cv2", "OpenCV", "export")
        self.name = f"OpenCV {self._cv2.__version__}"
        if int(self._cv2.__version__.split(".")[0]) != 4:
            raise RuntimeMissingError(self.name, "QuPath has OpenCV 4, which is another one")

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


def _plain(message: str) -> str:
    """Return OpenCV's message without its version, file and line."""
    lines = [line.strip(" >") for line in message.splitlines() if line.strip(" >")]
    return (lines[0].split(") ", 1)[-1] if lines else message)[:400]
