"""The registry of runtimes, and the pool that starts each of them once, when it is needed."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Self

from bridge.errors import BadInputError
from models_export.console import Listener
from models_export.runtimes import Runtime, RuntimeMissingError


@dataclass(frozen=True)
class RuntimeSpec:
    """A runtime that can be started: a new one is a module and a line in :data:`RUNTIMES`.

    Attributes:
        key: its name for ``--runtime``.
        title: its name in messages.
        location: module and class, ``models_export.runtimes.opencv:OpenCV``.
        version: the version to start, where several can be had.
    """

    key: str
    title: str
    location: str
    version: str = ""

    def start(self, listener: Listener) -> Runtime:
        """Start it.

        Raises:
            RuntimeMissingError: it cannot be had here.
        """
        module, name = self.location.split(":")
        started: Runtime = getattr(import_module(module), name)(self.version, listener)
        return started


_HERE = "models_export.runtimes"

RUNTIMES = {
    spec.key: spec
    for spec in (
        # TensorFlow 1 in the versions that Fiji offers in Edit › Options › TensorFlow…
        *(
            RuntimeSpec(f"tf{v[:4]}", f"TensorFlow {v}", f"{_HERE}.tensorflow1:TensorFlow1", v)
            for v in ("1.12.0", "1.13.1", "1.14.0", "1.15.0")
        ),
        RuntimeSpec("opencv", "OpenCV", f"{_HERE}.opencv:OpenCV"),
        RuntimeSpec("onnxruntime", "ONNX Runtime", f"{_HERE}.onnx_runtime:OnnxRuntime"),
        RuntimeSpec("bioimageio.core", "bioimageio.core", f"{_HERE}.bioimageio:BioimageioCore"),
        RuntimeSpec("tensorflow", "TensorFlow", f"{_HERE}.tensorflow2:TensorFlow2"),
    )
}
"""Runtimes by key; ``tensorflow`` is the installed one, which no program for biologists has."""


class Runtimes:
    """A pool of runtimes by name, which ends them all when its block ends.

    Args:
        listener: receives the steps and downloads.
    """

    def __init__(self, listener: Listener | None = None) -> None:
        self.listener = listener or Listener()
        self._started: dict[str, Runtime] = {}
        self._missing: dict[str, RuntimeMissingError] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for runtime in self._started.values():
            runtime.close()
        self._started.clear()

    def get(self, name: str) -> Runtime:
        """Return a runtime, started if it is not yet.

        Args:
            name: a key of :data:`RUNTIMES`.

        Raises:
            BadInputError: no such name.
            RuntimeMissingError: it cannot be had here.
        """
        if name not in RUNTIMES:
            remedy = f"choose one of {', '.join(RUNTIMES)}"
            raise BadInputError("runtime", f"{name!r} is unknown", remedy)
        if name in self._missing:
            raise self._missing[name]
        if name not in self._started:
            try:
                self._started[name] = RUNTIMES[name].start(self.listener)
            except RuntimeMissingError as error:
                self._missing[name] = error
                raise
        return self._started[name]
