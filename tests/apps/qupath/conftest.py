"""A real QuPath, where there is one; and images to review in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile

from bridge import Detections, ImageInfo, PixelSize
from bridge.apps.finding import find_qupath
from bridge.apps.qupath.session import QuPath
from tests.groovy.conftest import QuPath as QuPathScripts
from tests.groovy.conftest import launcher


@pytest.fixture(scope="session")
def qupath() -> Iterator[QuPath]:
    """QuPath without its window, started once."""
    pytest.importorskip("paquo", reason='needs the qupath part: pip install "starbridge[qupath]"')
    if find_qupath() is None:
        pytest.skip("needs a QuPath: set PAQUO_QUPATH_DIR to its folder")
    with QuPath() as session:
        yield session


@pytest.fixture(scope="session")
def qupath_scripts(tmp_path_factory: pytest.TempPathFactory) -> QuPathScripts:
    """A QuPath that runs scripts: what starbridge itself never draws is drawn by it."""
    app = find_qupath()
    if app is None:
        pytest.skip("needs a QuPath: set PAQUO_QUPATH_DIR to its folder")
    return QuPathScripts(launcher(app.path), tmp_path_factory.mktemp("preferences"))


@pytest.fixture
def section(tmp_path: Path) -> Path:
    """An image of 300 x 400 px with three channels, 0.5 µm a pixel."""
    path = tmp_path / "images" / "my section µ.tif"
    path.parent.mkdir()
    rng = np.random.default_rng(3)
    tifffile.imwrite(
        path,
        rng.integers(0, 4000, (3, 300, 400), np.uint16),
        imagej=True,
        resolution=(2, 2),
        metadata={"axes": "CYX", "unit": "um", "Labels": ["DAPI", "488", "T b"]},
    )
    return path


def nuclei(count: int = 300, *, shift: float = 0.0, seed: int = 1) -> Detections:
    """Nuclei on a grid, with classes, probabilities and two measurements.

    Args:
        count: how many, at most 300.
        shift: pixels to the right.
        seed: of their shapes.
    """
    import shapely

    rng = np.random.default_rng(seed)
    angle = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    shapes = []
    for number in range(count):
        y, x = 10 + number // 20 * 18.0, 10 + number % 20 * 19.0 + shift
        radius = rng.uniform(5, 8, 32)
        xy = np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], axis=1)
        shapes.append(shapely.Polygon(np.clip(xy, 0, 400)))
    return Detections.from_polygons(
        shapes,
        columns={
            "class": [("neuron", "glia: active", None)[number % 3] for number in range(count)],
            "prob": rng.uniform(0.5, 1, count),
            "Area": [shape.area for shape in shapes],
            "DAPI: Mean": rng.uniform(0, 4000, count),
        },
        image=ImageInfo(
            name="my section µ",
            width=400,
            height=300,
            pixel_size=PixelSize(0.5, 0.5),
            channels=("DAPI", "488", "T b"),
        ),
        outline="star",
    )
