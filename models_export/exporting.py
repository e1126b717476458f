"""A StarDist model folder becomes the files that other programs load."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

from bridge.errors import BadInputError
from bridge.model.network import Network
from models_export.checks import Check
from models_export.contents import read_model_file
from models_export.keras_model import KerasModel
from models_export.listener import Listener
from models_export.parity import Reference
from models_export.record import RECORD_ENDING, write_record
from models_export.runtimes.pool import Runtimes
from models_export.source import Source, open_source

TARGETS = ("tf1.12", "tf1.15", "pb", "onnx", "bioimageio")
"""What a model can be written as."""

ONNX_SIZE = (512, 512)
"""Image size (y, x) of the ONNX variant for programs that take one size only."""

_RUNTIMES = {"tf1.12": ("tf1.12",), "tf1.15": ("tf1.15",)}


@dataclass(frozen=True)
class ExportedFile:
    """A file that was written.

    Attributes:
        path: where it is.
        target: one of :data:`TARGETS`, or ``script``.
        sha256: its hash.
        size: its bytes.
        checks: the runtimes it was run in; empty for scripts, or where nothing was to be verified.
    """

    path: Path
    target: str
    sha256: str
    size: int
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True)
class Export:
    """What came of an export.

    Attributes:
        source: the model.
        files: everything written but the record.
        record: ``NAME.export.json``.
        left_out: targets that this model cannot be written as, and why.
    """

    source: Source
    files: tuple[ExportedFile, ...]
    record: Path
    left_out: dict[str, str]

    @property
    def ok(self) -> bool:
        """Whether nothing failed in a runtime."""
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
    """Write a StarDist model for Fiji, QuPath and others, and prove each file where it will run.

    Args:
        model: the model folder, or ``demo``.
        targets: some of :data:`TARGETS`; left out, all that this model can be written as.
        out: folder for the files; made where missing.
        weights: a weights file, ``best`` or ``last``; left out, the best if there are any.
        verify: whether each file is run in its real runtime and compared with Keras. A runtime
            that cannot be had leaves its file "not verified"; it is no error.
        listener: told what is done.

    Raises:
        BadInputError: not a StarDist model, an unknown target, a layer without counterpart in
            TensorFlow 1, a target that this model cannot be written as, an output folder that
            cannot be written.
        MissingPartError: TensorFlow, StarDist or onnx is not installed.
    """
    listener = listener or Listener()
    unknown = [name for name in targets or () if name not in TARGETS]
    if unknown:
        raise BadInputError(
            "export target", f"{unknown[0]!r} is unknown", f"choose from {', '.join(TARGETS)}"
        )
    source = open_source(model, weights)
    left_out = _impossible(source)
    for name in targets or ():
        if name in left_out:
            raise BadInputError(source.folder, left_out[name], f"leave out --to {name}")
    wanted = [n for n in TARGETS if n not in left_out and (targets is None or n in targets)]
    listener.doing(f"read {source.name}")
    keras = KerasModel(source)
    network = keras.network().folded()
    folder = Path(out).expanduser()
    files: list[ExportedFile] = []
    for target in wanted:
        listener.doing(f"write {target}")
        files += _write(target, source, network, keras, folder)
    files += _write_scripts(source, folder, files)
    if verify:
        files = _verified(files, Reference(source, keras), listener)
    record = folder / f"{source.name}{RECORD_ENDING}"
    write_record(record, source, files)
    return Export(source, tuple(files), record, {} if targets else left_out)


def _impossible(source: Source) -> dict[str, str]:
    if source.n_dim == 2:
        return {}
    return {
        "pb": "is a 3D model, and QuPath's StarDist, which reads .pb files, works in 2D only",
        "bioimageio": "is a 3D model, which is not written for bioimage.io yet",
    }


def _write(
    target: str, source: Source, network: Network, keras: KerasModel, folder: Path
) -> list[ExportedFile]:
    name = source.name
    if target.startswith("tf"):
        from models_export.targets.saved_model import write_saved_model

        path = folder / f"{name}.{target}.zip"
        write_saved_model(network, source.grid, path, tensorflow=target.removeprefix("tf"))
        return [_written(path, target)]
    if target == "pb":
        from models_export.targets.frozen_graph import write_frozen_graph

        path = folder / f"{name}.pb"
        write_frozen_graph(network, path)
        return [_written(path, target)]
    if target == "onnx":
        from models_export.targets.onnx import write_onnx

        written = []
        sizes = (None, ONNX_SIZE) if source.n_dim == 2 else (None,)
        for size in sizes:
            ending = "" if size is None else "." + "x".join(map(str, size))
            path = folder / f"{name}{ending}.onnx"
            write_onnx(network, source.grid, path, size=size)
            written.append(_written(path, target))
        return written
    from models_export.targets.bioimageio import write_package

    path = folder / f"{name}.bioimageio.zip"
    write_package(source, network, keras, path)
    return [_written(path, target)]


def _write_scripts(
    source: Source, folder: Path, files: Sequence[ExportedFile]
) -> list[ExportedFile]:
    if source.n_dim != 2:
        return []
    from models_export.targets.groovy import write_groovy
    from models_export.targets.macro import write_macro

    scripts = []
    by_target = {file.target: file.path for file in reversed(files)}
    # What TensorFlow 1.12 loads, every later one loads too.
    zipped = by_target.get("tf1.12", by_target.get("tf1.15"))
    if zipped is not None:
        path = folder / f"{source.name}.ijm"
        write_macro(source, zipped, path)
        scripts.append(_written(path, "script"))
    graph = by_target.get("pb")
    if graph is not None:
        path = folder / f"{source.name}.groovy"
        write_groovy(source, graph, path)
        scripts.append(_written(path, "script"))
    return scripts


def _written(path: Path, target: str) -> ExportedFile:
    data = path.read_bytes()
    return ExportedFile(path, target, hashlib.sha256(data).hexdigest(), len(data))


def _verified(
    files: Sequence[ExportedFile], reference: Reference, listener: Listener
) -> list[ExportedFile]:
    from models_export.verifying import check_everywhere

    with Runtimes(listener) as pool:
        return [
            file
            if file.target == "script"
            else replace(
                file,
                checks=check_everywhere(
                    read_model_file(file.path),
                    reference,
                    pool,
                    _RUNTIMES.get(file.target),
                    listener,
                ),
            )
            for file in files
        ]
