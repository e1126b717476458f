"""The export of a StarDist model folder as files that other programs load."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

from bridge.errors import BadInputError
from bridge.files.atomic import write_bytes
from bridge.model.folder import ModelFolder, open_model
from bridge.model.graphs.importing import RECORD_ENDING
from models_export.checks import check_everywhere
from models_export.console import Listener
from models_export.contents import read_model_file
from models_export.keras_model import KerasModel
from models_export.parity import Reference
from models_export.record import ExportedFile, write_record
from models_export.runtimes.pool import Runtimes
from models_export.targets import TARGETS


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
    unknown = [name for name in targets or () if name not in TARGETS]
    if unknown:
        raise BadInputError(
            "export target", f"{unknown[0]!r} is unknown", f"choose from {', '.join(TARGETS)}"
        )
    opened = open_model(model, weights, allow_3d=True)
    left_out = {k: why for k, spec in TARGETS.items() if (why := spec.refusal(opened.n_dim))}
    for name in targets or ():
        if name in left_out:
            raise BadInputError(opened.path, left_out[name], f"leave out --to {name}")
    listener.doing(f"read {opened.file_name}")
    keras = KerasModel(opened)
    network = keras.network()
    folder = Path(out).expanduser()
    files: list[ExportedFile] = []
    scripts: dict[str, bytes] = {}
    for key, spec in TARGETS.items():
        if key in left_out or (targets is not None and key not in targets):
            continue
        listener.doing(f"write {key}")
        contents = spec.contents(keras, network)
        written = [_write(folder, opened, *item, target=key) for item in contents.items()]
        files += written
        if spec.script and opened.n_dim == 2:
            # a script of two targets loads the first one's file, which more programs can load
            scripts.setdefault(*spec.script_for(opened, written[0].path))
    files += [_write(folder, opened, *item, target="script") for item in scripts.items()]
    if verify:
        reference = Reference(keras)
        with Runtimes(listener) as pool:
            files = [_checked(file, reference, pool) for file in files]
    record = folder / f"{opened.file_name}{RECORD_ENDING}"
    write_record(record, opened, files)
    return Export(opened, tuple(files), record, {} if targets else left_out)


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
