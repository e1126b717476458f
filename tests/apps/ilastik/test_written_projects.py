"""A real ilastik opens, trains and exports the projects that are written for it."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import shapely
import tifffile
from numpy.typing import NDArray

from bridge import Detections, ImageInfo
from bridge.apps.ilastik.finding import IlastikApp, find_ilastik
from bridge.apps.ilastik.process import run_program
from bridge.apps.ilastik_projects import NewProject
from bridge.formats.axistags import axistags
from bridge.formats.ilastik.feature_selection import FeatureSelection
from bridge.formats.ilastik.lanes import LaneImage
from bridge.formats.ilastik.project import read_project
from bridge.outlines import trace

pytestmark = [pytest.mark.ilastik, pytest.mark.slow, pytest.mark.timeout(600)]

CLASSES = ["background", "nucleus"]
STACKED = "TZCYX"


@pytest.fixture(scope="module")
def real_ilastik() -> IlastikApp:
    """An ilastik that was named for the tests."""
    if not os.environ.get("ILASTIK"):
        pytest.skip("needs a real ilastik: set ILASTIK to its folder or program")
    app = find_ilastik()
    assert app is not None
    return app


def run(app: IlastikApp, project: Path, *arguments: object) -> str:
    """Run a project, train it, and save it."""
    log = project.with_suffix(".log")
    command = [str(app.launcher), "--headless", f"--project={project}"]
    command += ["--retrain", "--readonly=0", *map(str, arguments)]
    code = run_program(command, log=log, folder=project.parent)
    printed = log.read_text(errors="replace")
    assert code == 0, printed[-3000:]
    return printed


def address(image: LaneImage) -> str:
    """Return a lane's image as ilastik's arguments name it."""
    return f"{image.files[0]}/{image.dataset}" if image.dataset else str(image.files[0])


def scene(axes: str, sizes: dict[str, int]) -> NDArray[np.uint16]:
    """Return a bright square on noise, in some order of axes."""
    full = [sizes.get(axis, 1) for axis in STACKED[:3]]
    values = np.random.default_rng(0).normal(100, 10, (*full, 64, 72))
    values[..., 20:40, 20:40] += 150
    left = [axis for axis in STACKED if axis in axes]
    kept = values[tuple(slice(None) if axis in axes else 0 for axis in STACKED)]
    return kept.astype(np.uint16).transpose([left.index(axis) for axis in axes])


@pytest.mark.parametrize(
    ("name", "axes", "sizes"),
    [
        ("a.tif", "YX", {}),
        ("a.tif", "CYX", {"C": 3}),
        ("a.tif", "ZYX", {"Z": 45}),
        ("a.tif", "TZCYX", {"T": 2, "Z": 12, "C": 2}),
        ("a.h5", "XYC", {"C": 3}),
        ("a.h5", "ZYXC", {"Z": 12}),
        ("a.h5", "TZYXC", {"C": 2}),
        ("a.h5", "CYX", {}),
    ],
)
def test_a_project_of_pixels_opens_trains_and_exports(
    real_ilastik: IlastikApp, tmp_path: Path, name: str, axes: str, sizes: dict[str, int]
) -> None:
    image, values = tmp_path / name, scene(axes, sizes)
    if image.suffix == ".tif":
        tifffile.imwrite(image, values, metadata={"axes": axes}, photometric="minisblack")
    else:
        with h5py.File(image, "w") as file:
            file["volume/data"] = values
            file["volume/data"].attrs["axistags"] = axistags(axes)
    times, slices = sizes.get("T", 1), sizes.get("Z", 1)
    labels = np.zeros((times, slices, 64, 72), np.uint8)
    labels[-1, slices // 2, 2:10, 2:30], labels[-1, slices // 2, 25:35, 25:35] = 1, 2
    tifffile.imwrite(tmp_path / "a_labels.tif", labels, metadata={"axes": "TZYX"})
    path, out = tmp_path / "p.ilp", tmp_path / "out.h5"
    reviews = [tmp_path / "a_labels.tif"]
    project = NewProject(path=path, images=[image], classes=CLASSES, reviews=reviews)
    project.write_for_pixels(FeatureSelection.by_name("default"))
    raw = read_project(path).lanes[0].raw
    assert raw is not None

    run(
        real_ilastik,
        path,
        "--export_source=Probabilities",
        "--output_format=hdf5",
        f"--output_filename_format={out}",
        f"--input_axes={raw.axes.lower()}",
        "--raw_data",
        address(raw),
    )

    trained = read_project(path)
    assert trained.has_forest
    assert trained.label_counts == ({1: 224, 2: 100},)
    with h5py.File(out) as file:
        tags = json.loads(file["exported_data"].attrs["axistags"])["axes"]
        probabilities = file["exported_data"][()]
    found = "".join(tag["key"] for tag in tags).upper()

    def nucleus(y: int, x: int) -> float:
        at = {"T": times - 1, "Z": slices // 2, "C": 1, "Y": y, "X": x}
        return float(probabilities[tuple(at[axis] for axis in found)])

    assert nucleus(30, 30) > 0.9
    assert nucleus(5, 60) < 0.1


@pytest.mark.parametrize("times", [1, 2])
def test_objects_keep_their_classes_in_a_project_of_objects(
    real_ilastik: IlastikApp, tmp_path: Path, times: int
) -> None:
    random = np.random.default_rng(1)
    image = random.normal(100, 5, (times, 256, 256))
    labels = np.zeros((times, 256, 256), np.uint16)
    bright: dict[tuple[int, int], bool] = {}
    for t in range(times):
        numbers = random.permutation(200)[:64] + 1
        for number, (row, column) in zip(numbers.tolist(), np.ndindex(8, 8), strict=True):
            here = (
                t,
                slice(8 + row * 30, 22 + row * 30 + t),
                slice(8 + column * 30, 22 + column * 30),
            )
            bright[t, number] = bool(random.integers(2))
            labels[here] = number
            image[here] += 200 if bright[t, number] else 60
    metadata: dict[str, Any] = {"axes": "TYX"}
    for name, values in (("a.tif", image.astype(np.uint16)), ("a_labels.tif", labels)):
        tifffile.imwrite(tmp_path / name, values, metadata=metadata, photometric="minisblack")
    outlines, columns = [], {"class": [], "t": []}  # type: ignore[var-annotated]
    for t in range(times):
        for number, outline in zip(*trace(labels[t]), strict=True):
            if int(number) % 3 == 0:
                outlines.append(shapely.buffer(outline, -2))
                columns["class"].append("bright" if bright[t, int(number)] else "dim")
                columns["t"].append(t)
    info = ImageInfo(name="a", width=256, height=256, size_t=times)
    review = Detections.from_polygons(outlines, columns=columns, image=info)
    review.write(tmp_path / "review.geojson")
    path = tmp_path / "p.ilp"
    project = NewProject(
        path=path,
        images=[tmp_path / "a.tif"],
        classes=["dim", "bright"],
        reviews=[tmp_path / "review.geojson"],
    )
    project.write_for_objects([tmp_path / "a_labels.tif"])
    lane = read_project(path).lanes[0]
    raw, seg = lane.raw, lane.of("Label Image")
    assert raw is not None
    assert seg is not None

    run(
        real_ilastik,
        path,
        "--export_source=Object Predictions",
        "--output_format=hdf5",
        f"--output_filename_format={tmp_path / 'out.h5'}",
        f"--table_filename={tmp_path / 'out.csv'}",
        "--raw_data",
        address(raw),
        "--label_image",
        address(seg),
    )

    with (tmp_path / "p_images/a_numbers.csv").open() as stream:
        own = {
            (int(row["time"]), int(row["label"])): int(row["original_label"])
            for row in csv.DictReader(stream)
        }
    with next(tmp_path.glob("out_table.csv")).open() as stream:
        rows = [*csv.DictReader(stream)]
    right = [
        (row["Predicted Class"] == "bright")
        == bright[
            int(row["timestep"]), own[int(row["timestep"]), int(float(row["labelimage_oid"]))]
        ]
        for row in rows
    ]
    assert len(rows) == 64 * times
    assert sum(right) >= 63 * times
