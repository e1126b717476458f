"""Brush strokes of a project as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from bridge.detections import Detections
from bridge.errors import BadInputError
from bridge.formats.ilastik.label_files import names_of_lanes, write_label_files
from bridge.formats.ilastik.project import read_project
from bridge.images import open_image
from tests.formats.ilastik.projects import write_project


def test_strokes_of_a_project_of_ilastik_itself(shared: Path, tmp_path: Path) -> None:
    project = read_project(shared / "ilastik/MyProject.ilp")

    (files,) = write_label_files(project, tmp_path)

    assert files.labels.name == "basics_example_subsampled_labels.tif"
    with open_image(files.labels) as image:
        assert (image.size("Z"), image.height, image.width) == (26, 151, 170)
        assert image.dtype == np.uint8
        stack = np.stack([image.plane(0, z=z) for z in range(26)])
    assert np.bincount(stack.ravel()).tolist()[1:] == [232, 258]
    found = Detections.read(files.geojson).objects
    assert found.geometry.area.groupby(found["class"]).sum().to_dict() == {
        "Label 1": 232,
        "Label 2": 258,
    }


def test_each_lane_with_strokes_has_files_of_its_own(tmp_path: Path) -> None:
    one, two = np.ones((1, 2, 3, 1), np.uint8), np.full((1, 2, 1), 2, np.uint8)
    path = write_project(
        tmp_path / "p.ilp",
        lanes=[
            ("x/a.tif", "tyx", (4, 30, 40)),
            ("b.tif", "yx", (30, 40)),
            ("y/a.tif", "yx", (30, 40)),
        ],
        blocks={0: [("[3:4,0:2,0:3,0:1]", one, "tyxc")], 2: [("[5:6,7:9,0:1]", two, "yxc")]},
    )

    files = write_label_files(read_project(path), tmp_path / "out")

    assert [each.counts for each in files] == [{1: 6}, {2: 2}]
    assert len({each.labels for each in files}) == 2
    with open_image(files[0].labels) as image:
        assert image.plane(0, t=3)[:2, :3].all()
        assert not image.plane(0, t=2).any()
    assert Detections.read(files[0].geojson).objects["t"].tolist() == [3]


def test_names_that_would_lead_out_of_the_folder_do_not(tmp_path: Path) -> None:
    path = write_project(tmp_path / "p.ilp", lanes=[("../../../up.tif", "yx", (3, 4))])

    assert names_of_lanes(read_project(path)) == ["up"]


def test_a_size_that_no_image_has_is_refused(tmp_path: Path) -> None:
    block = np.ones((1, 1, 1, 1, 1), np.uint8)
    path = write_project(
        tmp_path / "p.ilp",
        lanes=[("a.tif", "tzyx", (2**10, 2**10, 2**10, 2**10))],
        blocks={0: [("[0:1,0:1,0:1,0:1,0:1]", block, "tzyxc")]},
    )

    with pytest.raises(BadInputError, match="claims an image"):
        write_label_files(read_project(path), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_image_without_strokes_has_no_files(tmp_path: Path) -> None:
    path = write_project(tmp_path / "p.ilp")

    assert write_label_files(read_project(path), tmp_path / "out") == []


def test_the_label_image_is_uint8_with_its_axes(tmp_path: Path) -> None:
    path = write_project(
        tmp_path / "p.ilp",
        blocks={0: [("[0:1,0:1,0:1]", np.ones((1, 1, 1), np.uint8), "yxc")]},
    )

    (files,) = write_label_files(read_project(path), tmp_path)

    stored = tifffile.imread(files.labels)
    assert stored.shape == (30, 40)
    assert stored.dtype == np.uint8
