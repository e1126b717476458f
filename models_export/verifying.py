"""The proof for files that exist already, whoever made them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from bridge.errors import StarbridgeError
from models_export.checks import Check, check_file
from models_export.contents import ModelFile, read_model_file
from models_export.keras_model import KerasModel
from models_export.listener import Listener
from models_export.parity import Reference
from models_export.record import RECORD_ENDING
from models_export.runtimes.pool import Runtimes
from models_export.source import Source, open_source

_USUAL = {"saved_model": ("tf1.12", "tf1.15"), "graph": ("opencv",), "onnx": ("onnxruntime",)}


@dataclass(frozen=True)
class Verdict:
    """What became of a file.

    Attributes:
        file: the file.
        kind: ``saved_model``, ``graph``, ``onnx`` or ``bioimageio``.
        made_with: what wrote it, as far as it says.
        checks: one for each runtime.
    """

    file: Path
    kind: str
    made_with: str
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether it passed in at least one runtime and failed in none."""
        states = [check.status for check in self.checks]
        return "passed" in states and "failed" not in states


def verify(
    path: str | PathLike[str],
    *,
    model: str | PathLike[str] | None = None,
    weights: str | PathLike[str] | None = None,
    runtimes: Sequence[str] | None = None,
    listener: Listener | None = None,
) -> Verdict:
    """Run a model file in the programs that must load it, and compare with the model in Keras.

    Args:
        path: a zip with a SavedModel or a bioimage.io package, a .pb or an .onnx.
        model: the StarDist model folder it was made from. Left out, it is looked up in the
            ``.export.json`` beside the file; where there is none, the file is compared with itself
            in the TensorFlow of today.
        weights: which weights of the model, as in :func:`models_export.export`.
        runtimes: names of runtimes (``tf1.12``, ``tf1.13``, ``tf1.14``, ``tf1.15``, ``opencv``,
            ``onnxruntime``); left out, those that the file is for.
        listener: told what is done.

    Raises:
        BadInputError: no such file, a damaged or dangerous one, or none of these kinds; an unknown
            runtime.
        MissingPartError: TensorFlow or onnx is not installed.
    """
    listener = listener or Listener()
    file = read_model_file(path)
    if model is not None:
        source: Source | None = open_source(model, weights)
    else:
        source = _recorded_source(file)
    with Runtimes(listener) as pool:
        checks = check_everywhere(file, _reference(source), pool, runtimes, listener)
    return Verdict(file.path, file.kind, file.made_with, checks)


def check_everywhere(
    file: ModelFile,
    reference: Reference | None,
    pool: Runtimes,
    runtimes: Sequence[str] | None = None,
    listener: Listener | None = None,
) -> tuple[Check, ...]:
    """Check a file in all the runtimes it is for; arguments as in :func:`verify`."""
    if file.kind == "bioimageio":
        from models_export.runtimes.bioimageio import check_package

        return (check_package(file.path, listener or Listener()),)
    names = runtimes or _USUAL[file.kind]
    if runtimes is None and file.kind == "onnx" and file.size is not None and file.n_dim == 2:
        names = (*names, "opencv")
    return tuple(check_file(file, name, pool, reference, listener) for name in names)


def _reference(source: Source | None) -> Reference | None:
    return None if source is None else Reference(source, KerasModel(source))


def _recorded_source(file: ModelFile) -> Source | None:
    """The model that a record beside the file names, if both are still what they were."""
    for record in sorted(file.path.absolute().parent.glob(f"*{RECORD_ENDING}")):
        try:
            content = json.loads(record.read_bytes())
            files = {entry["name"]: entry["sha256"] for entry in content["files"]}
            if files.get(file.path.name) != hashlib.sha256(file.path.read_bytes()).hexdigest():
                continue
            source = open_source(content["model"]["folder"], content["model"]["weights"])
            if source.sha256 == content["model"]["sha256"]:
                return source
        except (OSError, ValueError, LookupError, TypeError, StarbridgeError):
            continue
    return None
