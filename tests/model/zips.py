"""Zips of models, as StarDist's downloads and people's computers make them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bridge.model.folder import demo_model_folder

FILES = ("config.json", "thresholds.json", "weights_best.h5")


def model_files() -> dict[str, bytes]:
    """Return the three files of a model as StarDist publishes them, from the demo model."""
    return {name: (demo_model_folder() / name).read_bytes() for name in FILES}


def pack(files: Mapping[str, bytes]) -> bytes:
    """Return a zip."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def write_zip(path: Path, files: Mapping[str, bytes]) -> Path:
    """Write a zip."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pack(files))
    return path


def stardist_rdf(**changes: Any) -> dict[str, Any]:
    """Return a description as StarDist's ``export_bioimageio`` has it written (spec 0.4)."""
    config = json.loads((demo_model_folder() / "config.json").read_text())
    return {
        "format_version": "0.4.10",
        "type": "model",
        "name": "demo",
        "inputs": [
            {
                "name": "input",
                "axes": "byxc",
                "preprocessing": [
                    {
                        "name": "scale_range",
                        "kwargs": {
                            "mode": "per_sample",
                            "axes": "yx",
                            "min_percentile": 2.0,
                            "max_percentile": 99.5,
                        },
                    }
                ],
            }
        ],
        "weights": {
            "tensorflow_saved_model_bundle": {"source": "TF_SavedModel.zip"},
        },
        "attachments": {"files": ["stardist_weights.h5", "stardist_postprocessing.ijm"]},
        "config": {
            "stardist": {
                "python_version": "0.9.2",
                "thresholds": {"prob": 0.61, "nms": 0.35},
                "weights": "stardist_weights.h5",
                "config": config,
            }
        },
        **changes,
    }


def package_files(rdf: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the files of a bioimage.io package; JSON is YAML."""
    return {
        "rdf.yaml": json.dumps(rdf).encode(),
        "stardist_weights.h5": model_files()["weights_best.h5"],
        "TF_SavedModel.zip": b"PK",
        "test_input.npy": b"x",
    }
