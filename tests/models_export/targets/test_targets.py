"""The registry of targets: one line for a new one, and a page that names them all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models_export import export, targets
from models_export.keras_model import KerasModel
from models_export.runtimes.pool import RUNTIMES
from models_export.targets import TARGETS, TargetSpec, usual_runtimes

PAGE = Path(__file__).parents[3] / "docs" / "which-file.md"


def contents(spec: TargetSpec, model: KerasModel, network: object) -> dict[str, bytes]:
    """Make the file of the toy target."""
    return {spec.endings[0]: f"{model.folder.name} {type(network).__name__}".encode()}


@pytest.mark.model
def test_a_new_target_is_one_module_and_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = TargetSpec("toy", __name__, "a toy", "toy", (".toy",))
    monkeypatch.setitem(targets.TARGETS, "toy", toy)

    done = export("demo", ["toy"], out=tmp_path)

    assert (tmp_path / "demo.toy").read_text() == "demo Network"
    assert json.loads(done.record.read_text())["files"][0]["target"] == "toy"


def test_the_page_names_every_file() -> None:
    page = PAGE.read_text("utf-8")
    for spec in TARGETS.values():
        files = ", ".join(f"`NAME{ending}`" for ending in spec.endings)
        assert f"| `{spec.key}` | {spec.program} | {files} |" in page


def test_every_runtime_of_a_target_can_be_started() -> None:
    names = [n for spec in TARGETS.values() for n in spec.runtimes_for(fixed_size=True)]
    assert set(names) <= set(RUNTIMES)
    assert usual_runtimes("saved_model") == ("tf1.12", "tf1.15")
    assert usual_runtimes("onnx", fixed_size=True) == ("onnxruntime", "opencv")
