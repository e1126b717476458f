"""Checks of existing model files, from any program."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from bridge.errors import StarbridgeError
from bridge.model.export_settings import RECORD_ENDING
from bridge.model.folder import ModelFolder, open_model
from models_export.checks import Check, check_everywhere
from models_export.console import Listener
from models_export.contents import ModelFile, read_model_file
from models_export.keras_model import KerasModel
from models_export.parity import Reference
from models_export.runtimes.pool import Runtimes
from models_export.targets import usual_runtimes


@dataclass(frozen=True)
class Verdict:
    """The result of the checks of a file.

    Attributes:
        file: the file.
        kind: ``saved_model``, ``graph``, ``onnx`` or ``bioimageio``.
        made_with: the program that wrote it, as far as the file says.
        checks: one for each runtime.
    """

    file: Path
    kind: str
    made_with: str
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Tell whether it passed in at least one runtime and failed in none."""
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
        weights: the weights of the model, as in :func:`models_export.export`.
        runtimes: some of :data:`models_export.runtimes.pool.RUNTIMES`; left out, those that the
            file is for.
        listener: receives the steps.

    Raises:
        BadInputError: no such file, a damaged or dangerous one, or none of these kinds; an unknown
            runtime.
        MissingPartError: TensorFlow or onnx is not installed.

    Example:
        >>> verdict = verify("downloaded.tf1.12.zip")  # doctest: +SKIP
        >>> verdict.ok, str(verdict.checks[0])  # doctest: +SKIP
        (False, 'failed in TensorFlow 1.12.0: operation Einsum is unknown to TensorFlow 1.12.0')
    """
    file = read_model_file(path)
    opened = _recorded_model(file) if model is None else open_model(model, weights, allow_3d=True)
    reference = None if opened is None else Reference(KerasModel(opened))
    names = runtimes or usual_runtimes(file.kind, fixed_size=file.has_fixed_plane)
    with Runtimes(listener) as pool:
        checks = check_everywhere(file, reference, pool, names)
    return Verdict(file.path, file.kind, file.made_with, checks)


def _recorded_model(file: ModelFile) -> ModelFolder | None:
    """Return the model in a record beside the file, if both still have the recorded hashes."""
    for record in sorted(file.path.absolute().parent.glob(f"*{RECORD_ENDING}")):
        try:
            content = json.loads(record.read_bytes())
            files = {entry["name"]: entry["sha256"] for entry in content["files"]}
            if files.get(file.path.name) != hashlib.sha256(file.path.read_bytes()).hexdigest():
                continue
            recorded = content["model"]
            model = open_model(recorded["folder"], recorded["weights"], allow_3d=True)
            if model.sha256 == recorded["sha256"]:
                return model
        except (OSError, ValueError, LookupError, TypeError, StarbridgeError):
            continue
    return None
