"""Every type of ROI of ImageJ, made, saved and filled by ImageJ itself: the same pixels here."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge import Detections, ImageInfo
from bridge.apps.fiji.embedded import fetch_imagej
from bridge.apps.fiji.errors import FijiError

pytestmark = [pytest.mark.imagej, pytest.mark.network]

SIZE = 160
EACH = 40

Spec = list[Any]
Random = np.random.Generator


def whole(random: Random, low: int, high: int, count: int) -> list[int]:
    return [int(n) for n in random.integers(low, high, count)]


def digits(random: Random, low: float, high: float, count: int) -> list[float]:
    """Half of them on a fine grid, as zoomed selections are, so that some touch pixels' centres."""
    values = random.uniform(low, high, count)
    rounded = np.where(random.random() < 0.5, np.round(values * 4) / 4, values)
    return [float(np.float32(v)) for v in rounded]


def frame(random: Random) -> list[int]:
    return whole(random, -8, 90, 2) + whole(random, 1, 70, 2)


def subpixel_frame(random: Random) -> list[float]:
    return digits(random, 0, 90, 2) + digits(random, 0.5, 70, 2)


def corners(random: Random, numbers: Callable[..., list[Any]], low: int = 0) -> list[list[Any]]:
    count = int(random.integers(3, 25))
    return [
        list(xy)
        for xy in zip(
            numbers(random, low, 140, count), numbers(random, low, 140, count), strict=True
        )
    ]


def star(random: Random, numbers: Callable[..., list[Any]]) -> list[list[Any]]:
    """A ring of points round a centre, as somebody draws one."""
    count = int(random.integers(4, 30))
    angle = np.sort(random.uniform(0, 2 * np.pi, count))
    x, y = 75 + np.stack([np.cos(angle), np.sin(angle)]) * random.uniform(8, 60, count)
    shift = numbers(random, -10, 10, 2)
    is_whole = isinstance(shift[0], int)
    ring = np.round(np.stack([x, y], axis=1) * 4) / 4 + shift
    points: list[list[Any]] = (np.round(ring).astype(int) if is_whole else ring).tolist()
    return points


def steps(random: Random) -> list[list[int]]:
    """The outline of a staircase, as the wand traces it."""
    xs = np.cumsum(random.integers(1, 9, 8)).tolist()
    ys = np.cumsum(random.integers(1, 9, 8)).tolist()
    up = [xy for x, y, lower in zip(xs, ys, [0, *ys], strict=False) for xy in ((x, lower), (x, y))]
    return [[20, 20], *([20 + x, 20 + y] for x, y in up), [20, 20 + ys[-1]]]


def part(random: Random) -> Spec:
    choice: list[Spec] = [
        ["rectangle", *whole(random, 0, 60, 2), *whole(random, 20, 80, 2)],
        ["rectangle", *whole(random, 0, 60, 2), *whole(random, 20, 80, 2), 12],
        ["oval", *whole(random, 0, 60, 2), *whole(random, 20, 80, 2)],
        ["polygon", "POLYGON", star(random, whole)],
        ["polygon", "FREEROI", star(random, digits)],
        ["curved", "Ellipse2D", *digits(random, 0, 60, 2), *digits(random, 20, 80, 2)],
    ]
    return choice[int(random.integers(len(choice)))]


KINDS: dict[str, Callable[[Random], Spec]] = {
    "rectangle": lambda r: ["rectangle", *frame(r)],
    "rectangle with digits": lambda r: ["rectangle", *subpixel_frame(r)],
    "rounded rectangle": lambda r: ["rectangle", *frame(r), *whole(r, 1, 60, 1)],
    "rounded rectangle with digits": lambda r: [
        "rectangle",
        *subpixel_frame(r),
        *whole(r, 1, 60, 1),
    ],
    "rotated rectangle": lambda r: ["rotated", *digits(r, 20, 120, 4), *digits(r, 2, 60, 1)],
    "oval": lambda r: ["oval", *frame(r)],
    "oval with digits": lambda r: ["oval", *subpixel_frame(r)],
    "ellipse": lambda r: ["ellipse", *digits(r, 20, 120, 4), *digits(r, 0.1, 1, 1)],
    "polygon": lambda r: ["polygon", "POLYGON", star(r, whole)],
    "polygon with digits": lambda r: ["polygon", "POLYGON", star(r, digits)],
    "polygon that crosses itself": lambda r: ["polygon", "POLYGON", corners(r, whole, -9)],
    "polygon with digits that crosses itself": lambda r: ["polygon", "POLYGON", corners(r, digits)],
    "spline": lambda r: ["polygon", "POLYGON", star(r, whole), True],
    "spline with digits": lambda r: ["polygon", "POLYGON", star(r, digits), True],
    "spline that crosses itself": lambda r: ["polygon", "POLYGON", corners(r, whole), True],
    "spline through pixels' corners": lambda r: ["polygon", "POLYGON", steps(r), True],
    "spline through a freehand selection": lambda r: ["polygon", "FREEROI", star(r, whole), True],
    "freehand": lambda r: ["polygon", "FREEROI", star(r, whole)],
    "freehand with digits": lambda r: ["polygon", "FREEROI", star(r, digits)],
    "traced": lambda r: ["polygon", "TRACED_ROI", steps(r)],
    "union": lambda r: ["composite", "or", part(r), part(r)],
    "exclusive or": lambda r: ["composite", "xor", part(r), part(r), part(r)],
    "difference": lambda r: ["composite", "not", part(r), part(r)],
    "intersection": lambda r: ["composite", "and", ["rectangle", 10, 10, 90, 90], part(r)],
    "ellipse as a path": lambda r: [
        "curved",
        "Ellipse2D",
        *digits(r, 0, 60, 2),
        *digits(r, 2, 80, 2),
    ],
    "path of quadratic curves": lambda r: [
        "path",
        ["moveTo", *digits(r, 0, 140, 2)],
        *(["quadTo", *digits(r, 0, 140, 4)] for _ in range(3)),
        ["closePath"],
        ["moveTo", *whole(r, 0, 140, 2)],
        ["lineTo", *whole(r, 0, 140, 2)],
        ["curveTo", *digits(r, 0, 140, 6)],
        ["closePath"],
    ],
}

NO_OBJECTS: dict[str, Spec] = {
    "line": ["line", "Line", 3, 4, 30, 40],
    "arrow": ["line", "Arrow", 3, 4, 30, 40],
    "segmented line": ["polygon", "POLYLINE", [[1, 1], [9, 20], [30, 4]]],
    "freehand line": ["polygon", "FREELINE", [[1, 1], [9, 20], [30, 4]]],
    "angle": ["polygon", "ANGLE", [[1, 1], [9, 20], [30, 4]]],
    "point selection": ["point", 12, 14],
    "text": ["text", 10, 12, "nucleus"],
    "image": ["image", 5, 6, 20, 22],
    "part of a scale bar": ["named", "|SB|", ["rectangle", 10, 140, 60, 4]],
    "part of a calibration bar": ["named", "|CB|", ["rectangle", 140, 10, 4, 60]],
}


@pytest.fixture(scope="module")
def imagej(tmp_path_factory: pytest.TempPathFactory) -> Callable[[list[Spec]], Path]:
    """Have ImageJ make ROIs, and return the folder with its RoiSet.zip and its masks."""
    pytest.importorskip("jpype", reason='needs the fiji part: pip install "starbridge[fiji]"')
    try:
        java, jars = fetch_imagej()
    except FijiError as error:
        pytest.skip(str(error))

    def make(specs: list[Spec]) -> Path:
        folder = tmp_path_factory.mktemp("rois")
        (folder / "specs.json").write_text(json.dumps(specs))
        command = [sys.executable, "-m", "tests.formats.imagej_masks"]
        command += [str(java), str(jars[0]), str(folder / "specs.json"), str(folder)]
        run = subprocess.run(
            command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stderr
        return folder

    return make


@dataclass(frozen=True)
class Opened:
    """All kinds of areas, an odd assortment of each, as ImageJ and as starbridge open them."""

    specs: list[Spec]
    masks: dict[str, NDArray[Any]]
    objects: Detections


@pytest.fixture(scope="module")
def opened(imagej: Callable[[list[Spec]], Path]) -> Opened:
    """Areas that ImageJ made and saved."""
    random = np.random.default_rng(1789)
    specs = [kind(random) for kind in KINDS.values() for _ in range(EACH)]
    folder = imagej(specs)
    found = Detections.read(folder / "rois.zip", image=ImageInfo(width=SIZE, height=SIZE))
    with np.load(folder / "masks.npz") as masks:
        return Opened(specs, dict(masks), found)


def of_imagej(masks: dict[str, NDArray[Any]], number: int) -> NDArray[np.bool_]:
    """ImageJ's mask, in an image."""
    x, y = masks[f"x{number}"].tolist()
    mask = masks[f"mask{number}"]
    image = np.zeros((SIZE, SIZE), bool)
    top, left = max(y, 0), max(x, 0)
    part = mask[top - y : SIZE - y, left - x : SIZE - x] if x < SIZE and y < SIZE else mask[:0]
    image[top : top + part.shape[0], left : left + part.shape[1]] = part
    return image


@pytest.mark.parametrize("kind", KINDS)
def test_each_type_has_the_pixels_of_imagej(opened: Opened, kind: str) -> None:
    first = list(KINDS).index(kind) * EACH
    frame = opened.objects.objects
    filled = 0
    for number in range(first, first + EACH):
        expected = of_imagej(opened.masks, number)
        alone = frame[frame["name"] == f"{number:05d}"]
        drawn = Detections(alone, opened.objects.image).to_labels() > 0
        assert np.array_equal(drawn, expected), (opened.specs[number], drawn.sum(), expected.sum())
        filled += bool(expected.any())
    assert filled > EACH / 2  # the others lie outside of the image, or are lines


def test_what_is_no_object_is_left_out_and_named(
    imagej: Callable[[list[Spec]], Path], caplog: pytest.LogCaptureFixture
) -> None:
    folder = imagej([*NO_OBJECTS.values(), ["rectangle", 5, 5, 20, 30], NO_OBJECTS["arrow"]])

    with caplog.at_level(logging.WARNING, "bridge"):
        found = Detections.read(folder / "rois.zip")

    assert found.objects.geometry.area.tolist() == [600]
    assert len(caplog.records) == 1
    said = caplog.text
    assert "rois.zip" in said
    assert f"{len(NO_OBJECTS) + 1} ROIs" in said
    for kind in NO_OBJECTS:
        assert f"{2 if kind == 'arrow' else 1} x {kind}" in said
