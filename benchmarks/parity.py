"""Compare every exported file with Keras in every program: ``python -m benchmarks.parity``.

Writes ``docs/parity.md``. Models other than the demo model have random weights: what is compared is
the arithmetic, not the nuclei.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge.files.atomic import write_bytes
from models_export import Check, export
from models_export.checks import check_file
from models_export.contents import read_model_file
from models_export.keras_model import KerasModel
from models_export.parity import DISTANCE_BAR, PROBABILITY_BAR, Reference
from models_export.runtimes.pool import Runtimes
from tests.models_export.architectures import ARCHITECTURES, VOLUMES, write_model

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "parity.md"
COLUMNS = (
    ("tf1.12", ".tf1.12.zip"),
    ("tf1.13", ".tf1.12.zip"),
    ("tf1.14", ".tf1.12.zip"),
    ("tf1.15", ".tf1.15.zip"),
    ("opencv", ".pb"),
    ("onnxruntime", ".onnx"),
)
DESCRIPTIONS = {
    "demo": "demo model (grid 2, trained)",
    "haug2": "stardist_haug2's architecture (grid 1, depth 3, base 32)",
    "grid1_depth4": "grid 1, depth 4",
    "grid2_batch_norm": "grid 2, batch normalisation, dropout",
    "grid4": "grid 4",
    "grid_uneven": "grid 2 x 4, 16 rays",
    "kernel5_pool4": "kernels 5 x 5, pooling 4 x 4",
    "kernel_even": "kernels 2 x 4, pooling 2 x 4",
    "three_channels": "three input channels, ELU",
    "classes": "three classes",
    "no_features": "no features layer, tanh",
    "volume_unet": "StarDist3D, U-Net, grid 1 x 2 x 2",
    "volume_resnet": "StarDist3D, ResNet, batch normalisation",
}


@dataclass(frozen=True)
class Row:
    """A model and the checks of its files, one for each runtime (``None``: no such file)."""

    name: str
    checks: tuple[Check | None, ...]


def models(folder: Path) -> Iterator[tuple[str, Path]]:
    yield "demo", Path("demo")
    config = Path(os.environ.get("STARBRIDGE_SHARED", ROOT.parent / "shared"))
    config = config / "data" / "haug2_config.json"
    if config.exists():
        settings: dict[str, Any] = json.loads(config.read_text())
        yield "haug2", write_model(folder / "haug2", settings)
    for name, settings in ARCHITECTURES.items():
        yield name, write_model(folder / name, settings)
    for name, settings in VOLUMES.items():
        yield name, write_model(folder / name, settings, n_dim=3)


def measure(folder: Path) -> Iterator[Row]:
    with Runtimes() as runtimes:
        for name, model in models(folder):
            print(name, flush=True)
            done = export(model, out=folder / "out" / name, verify=False)
            reference = Reference(KerasModel(done.model))
            paths = {file.path.name: file.path for file in done.files}
            checks = []
            for runtime, ending in COLUMNS:
                path = paths.get(f"{done.model.file_name}{ending}")
                file = None if path is None else read_model_file(path)
                checks.append(
                    None if file is None else check_file(file, runtime, runtimes, reference)
                )
            yield Row(name, tuple(checks))


def cell(check: Check | None) -> str:
    if check is None:
        return "not for volumes"
    if not check.differences:
        return f"{check.status}: {check.reason}"
    probability = max(d.probability for d in check.differences)
    distance = max(d.distance for d in check.differences)
    objects = check.differences[-1].objects
    mark = "" if check.status == "passed" else f" **{check.reason}**"
    return f"{probability:.0e} / {distance:.0e} / {objects}{mark}"


def page(rows: list[Row]) -> str:
    names = [next(r.checks[i].runtime for r in rows if r.checks[i]) for i in range(len(COLUMNS))]  # type: ignore[union-attr]
    lines = [
        "# How far exported files are from Keras",
        "",
        "Each model was exported and each file was run in the program that must load it, on a "
        "random image and on the microscope image that comes with StarDist. A cell holds the "
        "largest absolute difference of a probability / of a distance in pixels / the number of "
        "objects after the same non-maximum suppression on the microscope image, which are the "
        "very same objects as in Keras. Allowed are "
        f"{PROBABILITY_BAR:g} and {DISTANCE_BAR:g} px. All models but the demo model have random "
        "weights.",
        "",
        "| model | " + " | ".join(names) + " |",
        "|---" * (len(names) + 1) + "|",
    ]
    for row in rows:
        cells = " | ".join(cell(check) for check in row.checks)
        lines.append(f"| {DESCRIPTIONS[row.name]} | {cells} |")
    lines += [
        "",
        "The TensorFlow columns are its Java library, which Fiji loads; OpenCV runs the .pb as "
        "QuPath does; ONNX Runtime runs the .onnx of any size.",
        "",
        "This page is written by `python -m benchmarks.parity`.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        rows = list(measure(Path(folder)))
    write_bytes(PAGE, page(rows).encode())
    print(PAGE)
    if any(check and check.status == "failed" for row in rows for check in row.checks):
        sys.exit(1)


if __name__ == "__main__":
    main()
