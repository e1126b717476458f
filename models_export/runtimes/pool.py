"""The runtimes by name, each started once and only if it is needed."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from bridge.errors import BadInputError
from models_export.listener import Listener
from models_export.runtimes import Runtime, RuntimeMissingError
from models_export.runtimes.tensorflow1 import VERSIONS, TensorFlow1

TENSORFLOW1 = {f"tf{version.rsplit('.', 1)[0]}": version for version in VERSIONS}
"""Names of the TensorFlow 1 runtimes (``tf1.12``) and their versions."""

NAMES = (*TENSORFLOW1, "opencv", "onnxruntime")
"""What a person can ask for."""


class Runtimes:
    """Gives runtimes by name, and ends them all when the block ends.

    Args:
        listener: told of downloads.
    """

    def __init__(self, listener: Listener | None = None) -> None:
        self._listener = listener or Listener()
        self._started: dict[str, Runtime] = {}
        self._missing: dict[str, RuntimeMissingError] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for runtime in self._started.values():
            runtime.close()
        self._started.clear()

    def get(self, name: str) -> Runtime:
        """A runtime, ready to run.

        Args:
            name: one of :data:`NAMES`, or ``tensorflow`` for the TensorFlow of today.

        Raises:
            BadInputError: no such name.
            RuntimeMissingError: it cannot be had here.
        """
        if name in self._missing:
            raise self._missing[name]
        if name not in self._started:
            try:
                self._started[name] = self._start(name)
            except RuntimeMissingError as error:
                self._missing[name] = error
                raise
        return self._started[name]

    def _start(self, name: str) -> Runtime:
        if name in TENSORFLOW1:
            version = TENSORFLOW1[name]
            try:
                return TensorFlow1(version, self._listener)
            except BadInputError as error:  # a cache folder that cannot be written
                raise RuntimeMissingError(f"TensorFlow {version}", str(error)) from error
        if name == "opencv":
            from models_export.runtimes.opencv import OpenCV

            return OpenCV()
        if name == "onnxruntime":
            from models_export.runtimes.onnx_runtime import OnnxRuntime

            return OnnxRuntime()
        if name == "tensorflow":
            from models_export.runtimes.tensorflow2 import TensorFlow2

            return TensorFlow2()
        raise BadInputError("runtime", f"{name!r} is unknown", f"choose one of {', '.join(NAMES)}")
