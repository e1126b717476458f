"""The registry of export targets: a new one is a module in this folder and a line below."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.model.folder import ModelFolder
    from bridge.model.network import Network
    from models_export.keras_model import KerasModel


@dataclass(frozen=True)
class TargetSpec:
    """A kind of file that a model can be exported as.

    Its module has a function ``contents(spec, model, network)`` that returns the bytes of each
    file by ending (``".pb"``).

    Attributes:
        key: name of the target, as ``--to`` takes it.
        module: full name of its module.
        program: the programs that load its files.
        kind: kind of its files, as :attr:`models_export.contents.ModelFile.kind`.
        endings: endings of its files; each is appended to the model's name.
        runtimes: runtimes in which a new file is checked.
        fixed_size_runtimes: further ones, for 2D files that take one image size only.
        only_2d: the reason why a 3D model cannot be exported so; ``""`` where it can.
        script: module of the script that runs its first file, with a function
            ``script(model, model_file)``; ``""`` where there is none.

    Example:
        >>> TARGETS["pb"].endings, TARGETS["pb"].runtimes
        (('.pb',), ('opencv',))
        >>> TARGETS["onnx"].refusal(3)
        ''
    """

    key: str
    module: str
    program: str
    kind: str
    endings: tuple[str, ...]
    runtimes: tuple[str, ...] = ()
    fixed_size_runtimes: tuple[str, ...] = ()
    only_2d: str = ""
    script: str = ""

    def refusal(self, n_dim: int) -> str:
        """Return the reason why a model of so many axes cannot be exported, or ``""``."""
        return self.only_2d if n_dim != 2 else ""

    def runtimes_for(self, *, fixed_size: bool = False) -> tuple[str, ...]:
        """Return the runtimes of a file that takes 2D images of one size only, or of any."""
        return self.runtimes + (self.fixed_size_runtimes if fixed_size else ())

    def contents(self, model: KerasModel, network: Network) -> dict[str, bytes]:
        """Return the bytes of each file by ending; ``network`` is that of ``model``."""
        make: Callable[[TargetSpec, KerasModel, Network], dict[str, bytes]]
        make = import_module(self.module).contents
        return make(self, model, network)

    def script_for(self, model: ModelFolder, model_file: Path) -> tuple[str, bytes]:
        """Return the ending and the bytes of the script that runs ``model_file``."""
        module = import_module(self.script)
        return module.ENDING, module.script(model, model_file).encode()


_HERE = "models_export.targets"
_MACRO = f"{_HERE}.macro"

TARGETS = {
    spec.key: spec
    for spec in (
        TargetSpec(
            "tf1.12",
            f"{_HERE}.saved_model",
            "Fiji, TensorFlow 1.12 or later",
            "saved_model",
            (".tf1.12.zip",),
            ("tf1.12",),
            script=_MACRO,
        ),
        TargetSpec(
            "tf1.15",
            f"{_HERE}.saved_model",
            "Fiji, TensorFlow 1.15",
            "saved_model",
            (".tf1.15.zip",),
            ("tf1.15",),
            script=_MACRO,
        ),
        TargetSpec(
            "pb",
            f"{_HERE}.frozen_graph",
            "QuPath",
            "graph",
            (".pb",),
            ("opencv",),
            only_2d="is a 3D model, and QuPath's StarDist, which reads .pb files, works in 2D only",
            script=f"{_HERE}.groovy",
        ),
        TargetSpec(
            "onnx",
            f"{_HERE}.onnx",
            "ONNX Runtime, OpenCV",
            "onnx",
            (".onnx", ".512x512.onnx"),
            ("onnxruntime",),
            fixed_size_runtimes=("opencv",),
        ),
        TargetSpec(
            "bioimageio",
            f"{_HERE}.bioimageio",
            "DeepImageJ, ilastik",
            "bioimageio",
            (".bioimageio.zip",),
            ("bioimageio.core",),
            only_2d="is a 3D model, which is not written for bioimage.io yet",
        ),
    )
}
"""Targets by key, in the order in which they are written."""


def usual_runtimes(kind: str, *, fixed_size: bool = False) -> tuple[str, ...]:
    """Return the runtimes in which a file of a kind is checked.

    Args:
        kind: as :attr:`models_export.contents.ModelFile.kind`.
        fixed_size: whether the file takes 2D images of one size only.

    Example:
        >>> usual_runtimes("saved_model")
        ('tf1.12', 'tf1.15')
    """
    specs = [spec for spec in TARGETS.values() if spec.kind == kind]
    names = (name for spec in specs for name in spec.runtimes_for(fixed_size=fixed_size))
    return tuple(dict.fromkeys(names))
