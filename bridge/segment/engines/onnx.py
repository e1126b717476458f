"""ONNX Runtime: on a graphics card where it sees one, else on the processor."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.errors import MissingPartError
from bridge.files.threads import allowed_threads
from bridge.model.folder import ModelFolder
from bridge.model.onnx_graph import onnx_bytes
from bridge.model.telemetry import disable_telemetry
from bridge.segment.engines.base import (
    NO_MARGINS,
    SMALLEST_DISTANCE,
    Margins,
    Prediction,
    remove_margins,
    translate_memory_error,
)
from bridge.segment.engines.unet import UnetTiles, read_unet

_PROVIDERS: dict[str, dict[str, str]] = {
    # TensorFloat-32 has three digits in place of seven. Every new size of a tile would be a new
    # exhaustive search for the fastest convolution.
    "CUDAExecutionProvider": {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"},
    "DmlExecutionProvider": {},
    # Apple's neural engine rounds to half precision; the graphics card beside it does not.
    "CoreMLExecutionProvider": {"ModelFormat": "MLProgram", "MLComputeUnits": "CPUAndGPU"},
    "CPUExecutionProvider": {},
}
"""ONNX Runtime's providers, the best first, with settings that keep single precision."""

_ENDING = "ExecutionProvider"

_sessions_of_parents: list[Any] = []
"""Kept, because to end one waits for its threads, which do not run in a forked process."""


class OnnxEngine(UnetTiles):
    """A StarDist 2D model in ONNX Runtime.

    Args:
        model: the model folder.

    Raises:
        MissingPartError: ONNX Runtime is not installed.
        BadInputError: a network of another kind than StarDist's own U-Net, or weights that are
            damaged or belong to another architecture.
    """

    name = "onnx"

    def __init__(self, model: ModelFolder) -> None:
        super().__init__(model)
        disable_telemetry()
        try:
            import onnxruntime
        except ImportError as error:
            raise MissingPartError("export", "run a model in ONNX Runtime", "onnxruntime") from (
                error
            )
        self.versions = {"onnxruntime": str(onnxruntime.__version__)}
        self._network = read_unet(model)
        self._session: Any = None
        self._start_session()

    def _start_session(self) -> None:
        """Start a session in this process: a parent's threads do not run in a forked one."""
        import onnxruntime

        if self._session is not None:
            _sessions_of_parents.append(self._session)
        self._process = os.getpid()
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # a provider that does not work is replaced by the next
        options.enable_mem_pattern = False  # tiles differ in size; DirectML requires it
        options.intra_op_num_threads = allowed_threads()
        there = onnxruntime.get_available_providers()
        self._session = onnxruntime.InferenceSession(
            onnx_bytes(self._network, self._folder.grid),
            options,
            providers=[(name, given) for name, given in _PROVIDERS.items() if name in there],
        )
        self.device = str(self._session.get_providers()[0]).removesuffix(_ENDING)

    def predict(
        self, tile: NDArray[Any], margins: Margins = NO_MARGINS, min_prob: float = 0.0
    ) -> Prediction:
        """Run the network on one (height, width, channels) float32 tile.

        Raises:
            BadInputError: the tile does not fit into memory.
        """
        if self._process != os.getpid():
            self._start_session()
        channels_first = np.ascontiguousarray(np.moveaxis(tile, -1, 0)[np.newaxis], np.float32)
        try:
            (joined,) = self._session.run(None, {"input": channels_first})
        except (RuntimeError, MemoryError) as error:
            raise translate_memory_error(error, tile) from error
        values = joined[0]
        dist = values[1 : 1 + self._folder.n_rays]
        np.maximum(dist, SMALLEST_DISTANCE, out=dist)
        classes = np.moveaxis(values[1 + self._folder.n_rays :], 0, -1)
        whole = Prediction(
            values[0], np.moveaxis(dist, 0, -1), classes if classes.shape[-1] else None
        )
        return remove_margins(margins, whole, self._folder.grid)


def has_gpu_build() -> bool:
    """Tell whether an ONNX Runtime is installed that was built for a graphics card.

    Apple's provider is in every ONNX Runtime for the Mac, and proves nothing.
    """
    disable_telemetry()
    try:
        import onnxruntime
    except ImportError:
        return False
    made_for = {"CUDAExecutionProvider", "DmlExecutionProvider"}
    return bool(made_for & set(onnxruntime.get_available_providers()))
