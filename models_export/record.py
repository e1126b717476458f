"""``NAME.export.json``: what was exported from what, and how it was proved."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.files.atomic import write_bytes
from bridge.model.folder import recipe_json
from models_export.checks import Check
from models_export.source import Source

if TYPE_CHECKING:
    from models_export.exporting import ExportedFile

RECORD_ENDING = ".export.json"


def write_record(path: Path, source: Source, files: Sequence[ExportedFile]) -> None:
    """Write the record. It holds neither dates nor durations: the same export, the same record.

    Args:
        path: the file to write.
        source: the model.
        files: what was written.

    Raises:
        BadInputError: the file cannot be written.
    """
    weights = source.weights
    inside = weights.parent.absolute() == source.folder.absolute()
    content = {
        "model": {
            "name": source.name,
            "folder": source.origin,
            "weights": weights.name if inside else str(weights.absolute()),
            "sha256": source.sha256,
            "dimensions": source.n_dim,
            "grid": list(source.grid),
            "rays": source.n_rays,
            "channels": source.n_channels,
            "classes": source.n_classes,
        },
        "recipe": recipe_json(source.recipe),
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
