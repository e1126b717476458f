"""``NAME.export.json``: the model, the files exported from it, and how they were checked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bridge.files.atomic import write_bytes
from bridge.model.folder import ModelFolder
from models_export.checks import Check


@dataclass(frozen=True)
class ExportedFile:
    """A file that was written.

    Attributes:
        path: the file.
        target: one of :data:`models_export.TARGETS`, or ``script``.
        sha256: its hash.
        size: its bytes.
        checks: one for each runtime; empty for scripts, or where nothing was to be verified.
    """

    path: Path
    target: str
    sha256: str
    size: int
    checks: tuple[Check, ...] = ()


def write_record(path: Path, model: ModelFolder, files: Sequence[ExportedFile]) -> None:
    """Write the record, without dates or durations: equal exports have equal records.

    Raises:
        BadInputError: the file cannot be written.
    """
    inside = model.weights.parent.absolute() == model.path.absolute()
    content = {
        "model": {
            "name": model.file_name,
            "folder": model.origin,
            **({"source": model.provenance.to_json()} if model.provenance else {}),
            "weights": model.weights.name if inside else str(model.weights.absolute()),
            "sha256": model.sha256,
            "config": model.config,
            "dimensions": model.n_dim,
            "grid": list(model.grid),
            "rays": model.n_rays,
            "channels": model.n_channels,
            "classes": model.n_classes,
        },
        "recipe": model.recipe.to_json(),
        "versions": _versions(),
        "files": [
            {
                "name": file.path.name,
                "target": file.target,
                "sha256": file.sha256,
                "bytes": file.size,
                "checks": [_check(check) for check in file.checks],
            }
            for file in files
        ],
    }
    write_bytes(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())


def _check(check: Check) -> dict[str, Any]:
    entry: dict[str, Any] = {"runtime": check.runtime, "status": check.status}
    if check.reason:
        entry["reason"] = check.reason
    if check.compared_with:
        entry["compared_with"] = check.compared_with
    if check.differences:
        entry["images"] = [
            {
                "image": d.image,
                "probability": float(f"{d.probability:.2g}"),
                "distance_px": float(f"{d.distance:.2g}"),
                **({} if d.classes is None else {"classes": float(f"{d.classes:.2g}")}),
                **(
                    {}
                    if d.objects is None
                    else {"objects": d.objects, "same_objects": d.same_objects}
                ),
                **({"remark": d.remark} if d.remark else {}),
            }
            for d in check.differences
        ]
    return entry


def _versions() -> dict[str, str]:
    found = {}
    for name in ("starbridge", "stardist", "tensorflow", "keras", "onnx"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
