"""Who may import whom, and how little the command needs to answer."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import PATIENCE

ROOT = Path(__file__).parents[1]
HEAVY = ("tensorflow", "keras", "stardist", "jpype", "scyjava", "imagej", "paquo")


def modules_after(statement: str) -> set[str]:
    """Top-level modules that a fresh Python has loaded after a statement."""
    listing = "import sys; print(' '.join({m.split('.')[0] for m in sys.modules}))"
    code = f"{statement}\n{listing}"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=PATIENCE
    )
    return set(done.stdout.split("\n")[-2].split())


@pytest.mark.parametrize(
    "statement",
    [
        "from bridge import Detections, ImageInfo, PixelSize, open_image",
        "from bridge import Segmenter",
        "import models_export, models_export.console",
        "import bridge.formats.labels, bridge.formats.hdf5, bridge.formats.geojson",
        "import bridge.formats.imagej_rois, bridge.formats.tables",
        "import bridge.batch.segment_job, bridge.pictures.preview",
        "import bridge.measure, bridge.measure.files",
        "import bridge.aggregate, bridge.select, bridge.select.files, bridge.pictures.page",
        "import bridge.review, bridge.apps.doctor, bridge.java.process",
        "from bridge.apps.fiji import Fiji; import bridge.apps.fiji.installing",
        "import bridge.apps.model_training, bridge.training.learning.progress",
        "import bridge.apps.qupath.sync, bridge.review.results, bridge.apps.qupath.crops",
    ],
)
def test_reading_and_writing_need_neither_tensorflow_nor_java(statement: str) -> None:
    assert not modules_after(statement) & set(HEAVY)


def test_the_command_alone_loads_nothing_that_takes_time() -> None:
    slow = {*HEAVY, "numpy", "pandas", "geopandas", "numba", "shapely", "tifffile", "zarr", "h5py"}

    assert not modules_after("import bridge, bridge.cli") & slow


def test_help_needs_no_more_than_the_command_itself() -> None:
    code = (
        "import sys, bridge.cli\n"
        "sys.argv = ['starbridge', 'segment', '--help']\n"
        "try:\n    bridge.cli.main()\nexcept SystemExit:\n    pass"
    )

    assert not modules_after(code) & {*HEAVY, "numpy", "pandas", "rich"}


def contracts() -> dict[str, Any]:
    """The layers as import-linter holds them in `make lint`, by the beginning of their names."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    found = tomllib.loads(text)["tool"]["importlinter"]["contracts"]
    return {contract["name"].split()[0]: contract for contract in found}


def test_every_room_has_a_place_in_the_layers() -> None:
    layers = " ".join(contracts()["A"]["layers"]).replace("|", " ").split()
    rooms = {path.stem for path in (ROOT / "bridge").iterdir() if path.stem[0] not in "_."}

    assert rooms - {"py"} <= {layer.strip("()") for layer in layers}
    assert len(layers) == len(set(layers))


def test_exports_may_import_four_rooms_only() -> None:
    forbidden = {
        name.removeprefix("bridge.") for name in contracts()["Exports"]["forbidden_modules"]
    }
    rooms = {path.stem for path in (ROOT / "bridge").iterdir() if path.suffix in {"", ".py"}}

    allowed = {"model", "files", "java", "errors", "__init__", "__pycache__", "groovy", "macros"}
    assert {room for room in rooms if not room.startswith(".")} - forbidden <= allowed
