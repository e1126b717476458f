"""The real programs that must load an exported model, each a :class:`Runtime`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.errors import StarbridgeError
from models_export.console import Listener

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
        path: the file or folder that the runtime loads.
        input: name of the tensor that enters.
        output: name of the tensor that leaves.
        n_dim: spatial axes.
    """

    kind: str
    path: Path
    input: str
    output: str
    n_dim: int


class Runtime(ABC):
    """A program that runs networks. A subclass loads its library in :meth:`start`.

    Args:
        version: the version to start, for a program of which several can be had.
        listener: receives the steps.

    Attributes:
        name: the program's name and version (``"TensorFlow 1.12.0"``), set by :meth:`start`.

    Raises:
        RuntimeMissingError: the program cannot be had here.

    Example:
        >>> class Nothing(Runtime):
        ...     def start(self): self.name = "Nothing 1"
        ...     def run(self, program, image): return image
        >>> Nothing().name
        'Nothing 1'
    """

    name: str

    def __init__(self, version: str = "", listener: Listener | None = None) -> None:
        self.version = version
        self.listener = listener or Listener()
        self.start()

    @abstractmethod
    def start(self) -> None:
        """Load the program and set :attr:`name`."""

    @abstractmethod
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

    def close(self) -> None:  # noqa: B027 - most hold nothing
        """Release processes and memory."""


def import_library(module: str, title: str, part: str) -> Any:
    """Import the library of a runtime.

    Args:
        module: the Python module.
        title: the runtime's name.
        part: the installable part of starbridge that contains it (``"export"``).

    Raises:
        RuntimeMissingError: it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        reason = f'is not installed; pip install "starbridge[{part}]" brings it'
        raise RuntimeMissingError(title, reason) from error
