"""The record of an export: the model, and where it came from."""

from __future__ import annotations

import json
from pathlib import Path

from bridge.model.folder import open_model
from models_export.record import write_record
from tests.model.zips import model_files, write_zip


def test_the_record_leads_to_a_model_that_came_in_a_zip(model_cache: Path, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "python_m.zip", model_files())
    model = open_model(path)
    assert model.provenance is not None

    write_record(tmp_path / "m.export.json", model, [])

    recorded = json.loads((tmp_path / "m.export.json").read_text())["model"]
    assert recorded["name"] == "m"
    assert recorded["source"] == {
        "kind": "file",
        "given": str(path),
        "sha256": model.provenance.sha256,
    }
    path.unlink()
    assert open_model(recorded["folder"], recorded["weights"]) == model


def test_a_folder_of_a_user_has_no_source(tmp_path: Path) -> None:
    write_record(tmp_path / "demo.export.json", open_model("demo"), [])

    recorded = json.loads((tmp_path / "demo.export.json").read_text())["model"]
    assert recorded["folder"] == "demo"
    assert "source" not in recorded
