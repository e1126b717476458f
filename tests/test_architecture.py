"""Who may import whom, and how little the command needs to answer."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.waiting import PATIENCE

HEAVY = ("tensorflow", "keras", "stardist", "jpype", "scyjava", "imagej", "paquo", "openvino")


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
        "import bridge.apps.qupath.sync, bridge.apps.qupath.results, bridge.apps.qupath.crops",
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
