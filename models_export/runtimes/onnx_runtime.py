"""ONNX Runtime, on the processor."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.model.telemetry import disable_telemetry
from models_export.runtimes import Program, RunError, Runtime, import_library


class OnnxRuntime(Runtime):
    """ONNX Runtime."""

    def start(self) -> None:
        """Import ONNX Runtime."""
        disable_telemetry()
        self._library = import_library("onnxruntime", "ONNX Runtime", "export")
        self.name = f"ONNX Runtime {self._library.__version__}"

    def run(self, program: Program, image: NDArray[Any]) -> NDArray[Any]:
        """Run an ONNX model, channels first or last; see :class:`Runtime`."""
        options = self._library.SessionOptions()
        options.log_severity_level = 4
        try:
            session = self._library.InferenceSession(
                str(program.path), options, providers=["CPUExecutionProvider"]
            )
            entering = session.get_inputs()[0]
            last = _channels_last(entering.shape, image.shape[-1])
            ordered = image if last else np.moveaxis(image, -1, 0)
            batch = np.ascontiguousarray(ordered[np.newaxis], np.float32)
            results = [part[0] for part in session.run(None, {entering.name: batch})]
        except Exception as error:  # its exceptions share no other base class
            raise RunError(str(error)[:400]) from error
        return np.concatenate(
            [part if last else np.moveaxis(part, 0, -1) for part in results], axis=-1
        )


def _channels_last(shape: list[Any], channels: int) -> bool:
    return bool(shape[-1] == channels and shape[1] != channels)
