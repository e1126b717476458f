"""Fixtures that all tests share."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from numpy.typing import NDArray
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from bridge import Detections, ImageInfo, PixelSize, Segmenter
from bridge.examples.microscope_image import read_microscope_image, read_microscope_mask

# Tests write thousands of files, none of which has to survive a loss of power.
os.environ.setdefault("STARBRIDGE_FSYNC", "0")

settings.register_profile(
    "starbridge",
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    derandomize=not os.environ.get("STARBRIDGE_RANDOM_TESTS"),
)
settings.load_profile("starbridge")


LONG = (
    "models_export",
    "fuzzing",
    "cli/test_train.py",
    "cli/test_human_in_the_loop.py",
    "demo/test_model.py",
    "batch/workers",
    "macros",
    "apps/fiji/test_script_parameters.py",
    "apps/fiji/test_macros.py",
    "apps/fiji/test_reviews_in_imagej.py",
    "apps/fiji/test_fault_matrix.py",
    "segment/engines",
    "groovy",
    "cli/test_select.py",
    "review/test_no_edit_is_lost.py",
    "test_collection.py",
    "aggregate/test_workbook.py",
)
"""Folders and files of tests that take long, the longest first; they start first."""

SLOW = (
    "batch/workers",
    "cli/test_killed_runs.py",
    "apps/fiji/test_fault_matrix.py",
    "segment/engines/test_runs.py",
    "review/test_no_edit_is_lost.py",
    "test_collection.py",
    "aggregate/test_workbook.py",
)
"""Of these, what `make test-fast` leaves out though no marker says what it needs."""

TOGETHER = ("models_export",)
"""Folders whose tests share what takes long to make; the others share within a file."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start long tests first, so that two processes end together, and mark slow ones."""
    rank = {}
    for item in items:
        place = item.nodeid.partition("::")[0]
        rank[item] = next((n for n, it in enumerate(LONG) if is_in(place, it)), len(LONG))
        if any(is_in(place, slow) for slow in SLOW):
            item.add_marker("slow")
    items.sort(key=rank.__getitem__)


class SharingScheduler(LoadScopeScheduling):  # type: ignore[misc]
    """A scheduler that keeps tests in one process that share models or virtual machines."""

    def _split_scope(self, nodeid: str) -> str:
        place = nodeid.partition("::")[0]
        return next((folder for folder in TOGETHER if is_in(place, folder)), place)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> SharingScheduler | None:
    """Take the scheduler above for ``--dist loadfile``."""
    return SharingScheduler(config, log) if config.getvalue("dist") == "loadfile" else None


def is_in(place: str, folder: str) -> bool:
    """Tell whether a test file is this file of ``tests``, or lies in this folder of it."""
    return f"{place}/".startswith(f"tests/{folder}/")


def pytest_report_header() -> str:
    """Say how examples are chosen, and how to have others."""
    if os.environ.get("STARBRIDGE_RANDOM_TESTS"):
        return "examples: random"
    return "examples: the same each time; STARBRIDGE_RANDOM_TESTS=1 draws others"


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name bytes by their parameter: a test's name holds no file contents.

    Contents may hold the time of day (gzip, zip), and processes that run the tests together must
    find the same names.
    """
    return argname if isinstance(val, bytes) else None


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data that developers and CI have, and users do not."""
    given = os.environ.get("STARBRIDGE_SHARED")
    folder = Path(given) if given else Path(__file__).parents[2] / "shared"
    if not (folder / "data").is_dir():
        pytest.skip("needs the shared data: set STARBRIDGE_SHARED, or put it at ../shared")
    return folder / "data"


@pytest.fixture(scope="session")
def haug2_mask_path(shared: Path) -> Path:
    """A real label image: uint16, 1266 x 1593 px, 12,551 nuclei, ids with gaps."""
    return shared / "haug2_OG2_s1_mask.tif"


@pytest.fixture(scope="session")
def real_image() -> tuple[NDArray[Any], NDArray[Any]]:
    """StarDist's own test image (512 x 512, uint16) and its hand-made mask."""
    pytest.importorskip("stardist")
    return read_microscope_image(), read_microscope_mask()


@pytest.fixture(scope="session")
def demo_segmenter() -> Segmenter:
    """The built-in model, loaded once."""
    return Segmenter.load("demo")


@pytest.fixture
def model_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache in place of the user's, no shared models, and no way out but this computer."""
    monkeypatch.setenv("STARBRIDGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("STARBRIDGE_MODELS", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "cache"


@pytest.fixture
def square() -> Detections:
    """One object: the pixels of rows 3 and 4, columns 5 to 7, of a 10 x 12 image."""
    labels = np.zeros((10, 12), np.uint16)
    labels[3:5, 5:8] = 1
    info = ImageInfo(name="square", pixel_size=PixelSize(0.5, 0.5), channels=("DAPI",))
    return Detections.from_labels(labels, image=info)


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    """A screen for windows: the one that is there, else one that nobody sees."""
    if there := os.environ.get("DISPLAY"):
        yield there
        return
    if shutil.which("Xvfb") is None:
        pytest.skip("needs a screen, or Xvfb (Debian: apt-get install xvfb)")
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x900x24", "-nolisten", "tcp"],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as stream:
        number = stream.readline().strip()
    os.environ["DISPLAY"] = f":{number}"
    yield f":{number}"
    os.environ.pop("DISPLAY", None)
    server.terminate()
    server.wait()
