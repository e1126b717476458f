"""The export of a StarDist model folder as files that other programs load."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

from bridge.errors import BadInputError
from bridge.files.atomic import write_bytes
from bridge.model.export_settings import RECORD_ENDING
from bridge.model.folder import ModelFolder, open_model
from models_export.checks import check_everywhere
from models_export.console import Listener
from models_export.contents import read_model_file
from models_export.keras_model import KerasModel
from models_export.parity import Reference
from models_export.record import ExportedFile, write_record
from models_export.runtimes.pool import Runtimes
from models_export.targets import TARGETS, TargetSpec


@dataclass(frozen=True)
class Export:
    """The result of an export.

    Attributes:
        model: the model.
        files: everything written but the record.
        record: ``NAME.export.json``.
        left_out: targets that this model cannot be exported as, and why.
    """

    model: ModelFolder
    files: tuple[ExportedFile, ...]
    record: Path
    left_out: dict[str, str]

    @property
    def ok(self) -> bool:
        """Tell whether nothing failed in a runtime."""
        return all(check.status != "failed" for file in self.files for check in file.checks)


def export(
    model: str | PathLike[str],
    targets: Sequence[str] | None = None,
    *,
    out: str | PathLike[str] = ".",
    weights: str | PathLike[str] | None = None,
    verify: bool = True,
    listener: Listener | None = None,
) -> Export:
    """Export a StarDist model for Fiji, QuPath and others, and check each file where it will run.

    Args:
        model: the model folder, or ``demo``.
        targets: some of :data:`models_export.TARGETS`; left out, all that this model allows.
        out: folder for the files; made where missing.
        weights: a weights file, ``best`` or ``last``; left out, the best if there are any.
        verify: whether each file is run in its real runtime and compared with Keras. A runtime
            that cannot be had leaves its file "not verified"; it is no error.
        listener: receives the steps.

    Raises:
        BadInputError: not a StarDist model, an unknown target, a layer without counterpart in
            TensorFlow 1, a target that this model does not allow, an output folder that cannot be
            written.
        MissingPartError: TensorFlow, StarDist or onnx is not installed.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     done = export("demo", ["pb"], out=folder, verify=False)
        >>> [file.path.name for file in done.files]
        ['demo.pb', 'demo.groovy']
    """
    listener = listener or Listener()
    opened = open_model(model, weights, allow_3d=True)
    specs, left_out = find_targets(opened, targets)
    if targets and left_out:
        key, why = next(iter(left_out.items()))
        raise BadInputError(opened.path, why, f"leave out --to {key}")
    listener.doing(f"read {opened.file_name}")
    keras = KerasModel(opened)
    folder = Path(out).expanduser()
    reference = Reference(keras) if verify else None
    with Runtimes(listener) as pool:
        files = write_files(keras, specs, folder, listener, reference, pool)
    scripts: dict[str, bytes] = {}
    for spec in specs if opened.n_dim == 2 else ():
        if spec.script:
            # a script of two targets loads the first one's file, which more programs can load
            loaded = next(file.path for file in files if file.target == spec.key)
            scripts.setdefault(*spec.script_for(opened, loaded))
    files += [_write(folder, opened, *item, target="script") for item in scripts.items()]
    record = folder / f"{opened.file_name}{RECORD_ENDING}"
    write_record(record, opened, files)
    return Export(opened, tuple(files), record, left_out)


def find_targets(
    model: ModelFolder, keys: Sequence[str] | None
) -> tuple[list[TargetSpec], dict[str, str]]:
    """Return the targets that a model is exported as, in their usual order.

    Args:
        model: the model.
        keys: some of :data:`models_export.TARGETS`; ``None`` for all that the model allows.

    Returns:
        The targets, and those that were asked for and that the model does not allow, with the
        reason.

    Raises:
        BadInputError: an unknown target.

    Example:
        >>> specs, left_out = find_targets(open_model("demo"), ["pb"])
        >>> [spec.key for spec in specs], left_out
        (['pb'], {})
    """
    for key in keys or ():
        if key not in TARGETS:
            raise BadInputError(
                "export target", f"{key!r} is unknown", f"choose from {', '.join(TARGETS)}"
            )
    wanted = [spec for key, spec in TARGETS.items() if keys is None or key in keys]
    left_out = {spec.key: why for spec in wanted if (why := spec.refusal(model.n_dim))}
    return [spec for spec in wanted if spec.key not in left_out], left_out


def write_files(
    keras: KerasModel,
    specs: Sequence[TargetSpec],
    folder: Path,
    listener: Listener,
    reference: Reference | None,
    pool: Runtimes,
) -> list[ExportedFile]:
    """Write a model for each target, and check each file where it will run.

    Args:
        keras: the model, loaded.
        specs: the targets.
        folder: folder for the files; made where missing.
        listener: receives the steps.
        reference: the model's own output, with which files are compared; ``None`` where they are
            not to be run.
        pool: the runtimes.

    Raises:
        BadInputError: a layer without counterpart in TensorFlow 1, a folder that cannot be written.
        MissingPartError: onnx is not installed.
    """
    network = keras.network()
    files: list[ExportedFile] = []
    for spec in specs:
        listener.doing(f"write {spec.key}")
        for item in spec.contents(keras, network).items():
            files.append(_write(folder, keras.folder, *item, target=spec.key))
    return files if reference is None else [_checked(file, reference, pool) for file in files]


def _write(
    folder: Path, model: ModelFolder, ending: str, content: bytes, *, target: str
) -> ExportedFile:
    path = folder / f"{model.file_name}{ending}"
    write_bytes(path, content)
    return ExportedFile(path, target, hashlib.sha256(content).hexdigest(), len(content))


def _checked(file: ExportedFile, reference: Reference, pool: Runtimes) -> ExportedFile:
    if file.target == "script" or not TARGETS[file.target].runtimes:
        return file
    read = read_model_file(file.path)
    names = TARGETS[file.target].runtimes_for(fixed_size=read.has_fixed_plane)
    return replace(file, checks=check_everywhere(read, reference, pool, names))
