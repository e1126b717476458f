"""The repair of files that no Fiji loads: a model is read out of one and exported anew."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from bridge.errors import BadInputError
from bridge.model.graphs.importing import import_model
from models_export.checks import Check, check_file
from models_export.console import Listener
from models_export.contents import read_model_file
from models_export.exporting import find_targets, write_files
from models_export.keras_model import KerasModel
from models_export.parity import Reference
from models_export.record import ExportedFile
from models_export.runtimes.pool import Runtimes


@dataclass(frozen=True)
class Repair:
    """The result of a repair.

    Attributes:
        source: the file that was given.
        files: the files that were made of it, each with its checks.
        original: the given file, run in the TensorFlow of today and compared with the model that
            was read out of it; ``None`` where it does not run there either.
    """

    source: Path
    files: tuple[ExportedFile, ...]
    original: Check | None

    @property
    def ok(self) -> bool:
        """Tell whether nothing failed in a runtime."""
        return all(check.status != "failed" for file in self.files for check in file.checks)


def repair(
    path: str | PathLike[str],
    targets: Sequence[str] = ("tf1.12",),
    *,
    out: str | PathLike[str] | None = None,
    config: str | PathLike[str] | None = None,
    verify: bool = True,
    listener: Listener | None = None,
) -> Repair:
    """Make a file that Fiji or QuPath loads from one that it does not.

    The weights are those of the given file, bit for bit.

    Args:
        path: a file as :func:`bridge.model.graphs.importing.import_model` takes it.
        targets: some of :data:`models_export.TARGETS`.
        out: folder for the new files, which are called ``NAME.repaired.tf1.12.zip`` and the like;
            the folder of the given file where ``None``.
        config: ``config.json`` of the model's training, which a 3D model needs.
        verify: whether the new files are run in the programs that must load them, and the given one
            in the TensorFlow of today.
        listener: receives the steps.

    Raises:
        BadInputError: no file, a damaged one, or no StarDist network; a target that the model does
            not allow; the given file gives other numbers than the model that was read out of it.
        MissingPartError: TensorFlow, StarDist or onnx is not installed.

    Example:
        >>> repair("TF_SavedModel.zip", ["tf1.12"]).ok  # doctest: +SKIP
        True
    """
    listener = listener or Listener()
    path = Path(path).expanduser()
    listener.doing(f"read {path.name}")
    name = re.sub(r"[^\w.-]+", "_", path.stem).strip("._") or "model"
    with tempfile.TemporaryDirectory(prefix="starbridge-") as folder:
        model = import_model(path, Path(folder) / f"{name}.repaired", config=config, ask=False)
        keras = KerasModel(model)
        specs, left_out = find_targets(model, targets)
        if left_out:
            key, why = next(iter(left_out.items()))
            raise BadInputError(path, why, f"leave out --for {key}")
        place = path.parent if out is None else Path(out).expanduser()
        reference = Reference(keras) if verify else None
        with Runtimes(listener) as pool:
            original = None if reference is None else _compare_original(path, reference, pool)
            files = write_files(keras, specs, place, listener, reference, pool)
    return Repair(path, tuple(files), original)


def _compare_original(path: Path, reference: Reference, pool: Runtimes) -> Check | None:
    """Run the given file where today's TensorFlow can, to prove that it was read right."""
    file = read_model_file(path)
    runtime: Any = "onnxruntime" if file.kind == "onnx" else "tensorflow"
    if file.kind == "bioimageio":
        return None
    check = check_file(file, runtime, pool, reference)
    if check.status == "failed" and check.differences:
        raise BadInputError(
            path,
            f"gives other numbers than the model that was read out of it: {check.reason}",
            "please report this, with the file",
        )
    return check if check.status == "passed" else None
