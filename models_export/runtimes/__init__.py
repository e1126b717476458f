"""The real programs that must load an exported model. Each offers :class:`Runtime`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from bridge.errors import StarbridgeError


class RuntimeMissingError(StarbridgeError):
    """A runtime that cannot be had here (no network, no Java, another processor).

    Args:
        runtime: its name and version.
        reason: why, as a clause.
    """

    def __init__(self, runtime: str, reason: str) -> None:
        self.reason = " ".join(reason.split())
        super().__init__(f"{runtime}: {self.reason}")


class RunError(StarbridgeError):
    """A file that a runtime refuses to load or to run; its text is the runtime's own."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


@dataclass(frozen=True)
class Program:
    """A model file, unpacked and ready to be loaded.

    Attributes:
        kind: ``saved_model`` (``path`` is a folder), ``graph`` (a frozen graph) or ``onnx``.
        path: what the runtime loads.
        input: name of the tensor that enters.
        output: name of the tensor that leaves.
        n_dim: spatial axes.
    """

    kind: str
    path: Path
    input: str
    output: str
    n_dim: int


class Runtime(Protocol):
    """A program that runs networks."""

    name: str
    """What a person calls it, with its version (``"TensorFlow 1.12.0"``)."""

    def run(self, program: Program, image: NDArray[Any]) -> NDArray[Any]:
        """Load a model and run it.

        Args:
            program: the model.
            image: (spatial…, channels) float32.

        Returns:
            (spatial…, channels) float32, whatever the order inside the model is.

        Raises:
            RunError: the runtime refuses the model, or fails in it.
            RuntimeMissingError: the runtime cannot be had.
        """

    def close(self) -> None:
        """Let go of processes and memory."""
