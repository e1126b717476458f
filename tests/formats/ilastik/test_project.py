"""Reading projects: what is there, what is missing, and what is refused."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from bridge.errors import BadInputError
from bridge.formats.ilastik.lanes import split_path
from bridge.formats.ilastik.project import read_label_sets, read_project
from tests.formats.ilastik.projects import describe, write_project


def test_a_project_of_ilastik_itself(shared: Path) -> None:
    project = read_project(shared / "ilastik/MyProject.ilp")

    (lane,) = project.lanes
    assert project.version == "1.4.0"
    assert project.workflow == "Pixel Classification"
    assert project.is_of_pixels
    assert not project.is_of_objects
    assert lane.raw is not None
    assert (lane.raw.axes, lane.raw.shape) == ("CZYX", (2, 26, 151, 170))
    assert lane.raw.files[0].name == "basics_example_subsampled.h5"
    assert lane.raw.dataset == "image"
    assert project.classes == ("Label 1", "Label 2")
    assert project.colors == ((255, 225, 25), (0, 130, 200))
    assert project.features is not None
    assert project.features.in_2d == (False,) * 6 + (True,)
    assert project.has_forest
    assert len(project.feature_names) == 116
    assert [*project.missing()] == [f"the file {lane.raw.files[0]} is not there"]


@pytest.mark.parametrize("name", ["MyProject", "basics_example", "pixels2d"])
def test_as_many_labels_as_the_forest_was_trained_on(shared: Path, name: str) -> None:
    path = shared / f"ilastik/{name}.ilp"
    with h5py.File(path) as file:
        rows = file["PixelClassification/ClassifierForests/Forest0000/_ext_param/row_count_"][0]

    assert sum(read_project(path).label_counts[0].values()) == rows


def test_a_project_of_objects(shared: Path) -> None:
    project = read_project(shared / "ilastik/objects.ilp")

    assert project.is_of_objects
    assert project.roles == ("Raw Data", "Label Image", "Atlas")
    assert [image.role for image in project.lanes[0].images] == ["Raw Data", "Label Image"]
    assert project.label_counts == ({1: 15, 2: 15},)
    assert "Mean in neighborhood" in project.object_features
    assert project.has_table_export


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    block = np.ones((2, 3, 1), np.uint8)
    path = write_project(tmp_path / "p.ilp", blocks={0: [("[1:3,4:7,0:1]", block, "yxc")]})

    project = read_project(path)

    assert project.label_counts == ({1: 6},)
    assert [*project.missing()] == [
        f"the file {tmp_path / 'a.tif'} is not there",
        "the class 'nucleus' has no labels",
        "it has no trained classifier: ilastik trains one when it runs",
    ]


@pytest.mark.parametrize(
    ("classes", "said"),
    [((), "it has no classes"), (("nucleus",), "it has one class only (nucleus)")],
)
def test_too_few_classes_are_said(tmp_path: Path, classes: tuple[str, ...], said: str) -> None:
    project = read_project(write_project(tmp_path / "p.ilp", classes=classes))

    assert project.classes == classes
    assert said in [*project.missing()]


def test_features_that_say_nothing_of_2d_are_2d_in_planes_and_3d_in_stacks(tmp_path: Path) -> None:
    plane = read_project(write_project(tmp_path / "plane.ilp"))
    stack = read_project(
        write_project(tmp_path / "stack.ilp", lanes=[("a.tif", "zyx", (9, 30, 40))])
    )

    assert plane.features is not None
    assert plane.features.in_2d == (True, True)
    assert stack.features is not None
    assert stack.features.in_2d == (False, False)


def test_features_in_another_order_are_told_by_their_names(tmp_path: Path) -> None:
    path = write_project(tmp_path / "p.ilp")
    with h5py.File(path, "a") as file:
        group = file["FeatureSelections"]
        for name in ("FeatureIds", "SelectionMatrix"):
            values = group[name][()]
            del group[name]
            group[name] = values[::-1]

    features = read_project(path).features

    assert features is not None
    assert next(features.filters()) == ("GaussianSmoothing", 0.3, True)


def test_a_lane_without_roles_and_an_old_version(tmp_path: Path) -> None:
    path = write_project(tmp_path / "p.ilp", lanes=[])
    with h5py.File(path, "a") as file:
        del file["Input Data/Role Names"], file["ilastikVersion"]
        file["ilastikVersion"] = 0.6
        lane = file.create_group("Input Data/infos/lane0000")
        describe(lane, "old/a.h5/volume/data", "zyxc", (3, 30, 40, 1))
        del lane["axistags"], lane["__class__"]
        lane["axisorder"] = b"zyxc"

    project = read_project(path)

    raw = project.lanes[0].raw
    assert project.version == "0.6"
    assert raw is not None
    assert raw.files == (tmp_path / "old/a.h5",)
    assert (raw.dataset, raw.axes) == ("volume/data", "ZYXC")


@pytest.mark.parametrize(
    ("stored", "files", "dataset"),
    [
        ("a.tif", ["/p/a.tif"], ""),
        ("/data/a.h5/vol/raw", ["/data/a.h5"], "vol/raw"),
        ("s/a_1.tif:s/a_2.tif", ["/p/s/a_1.tif", "/p/s/a_2.tif"], ""),
        ("C:/data/a.h5/raw", ["C:/data/a.h5"], "raw"),
        ("C:\\data\\a.tif", ["C:/data/a.tif"], ""),
    ],
)
def test_paths_are_split_into_files_and_dataset(
    stored: str, files: list[str], dataset: str
) -> None:
    found, inside = split_path(stored, Path("/p/p.ilp"))

    assert [file.as_posix() for file in found] == files
    assert inside == dataset


def test_an_image_inside_the_project_or_at_a_url_has_no_file(tmp_path: Path) -> None:
    path = write_project(tmp_path / "p.ilp", lanes=[])
    with h5py.File(path, "a") as file:
        infos = file["Input Data/infos"] if "infos" in file["Input Data"] else None
        infos = infos or file.create_group("Input Data/infos")
        inside = infos.create_group("lane0000/Raw Data")
        place = "Input Data/local_data/a"
        kind = {"__class__": b"ProjectInternalDatasetInfo", "inner_path": place.encode()}
        describe(inside, "a", "yx", (3, 4), **kind)
        describe(infos.create_group("lane0001/Raw Data"), "https://a/b.zarr", "yx", (3, 4))

    images = [lane.raw for lane in read_project(path).lanes]

    assert [image.files for image in images if image] == [(), ()]
    assert [image.stored for image in images if image] == [place, "https://a/b.zarr"]
    assert all(image.exists for image in images if image)


def test_what_is_no_project_is_refused_in_one_line(tmp_path: Path) -> None:
    text, other = tmp_path / "text.ilp", tmp_path / "other.ilp"
    text.write_text("no project")
    with h5py.File(other, "w") as file:
        file["data"] = np.zeros(3)

    for path, said in [
        (tmp_path / "none.ilp", "is not there"),
        (tmp_path, "is a folder"),
        (text, "is no project of ilastik"),
        (other, "no project of ilastik"),
    ]:
        with pytest.raises(BadInputError, match=said) as raised:
            read_project(path)
        assert len(str(raised.value).splitlines()) == 1
        assert str(path) in str(raised.value)


def test_links_to_other_files_are_refused(tmp_path: Path) -> None:
    path = write_project(tmp_path / "p.ilp")
    with h5py.File(path, "a") as file:
        del file["PixelClassification"]
        file["PixelClassification"] = h5py.ExternalLink("elsewhere.ilp", "/PixelClassification")

    with pytest.raises(BadInputError, match="in another file"):
        read_project(path)


def test_pixels_of_another_file_are_not_read_as_strokes(tmp_path: Path) -> None:
    path = write_project(tmp_path / "p.ilp")
    (tmp_path / "secret").write_bytes(b"\1" * 12)
    with h5py.File(path, "a") as file:
        here = file.create_group("PixelClassification/LabelSets/labels000")
        outside = [(str(tmp_path / "secret"), 0, 12)]
        node = here.create_dataset("block0000", (3, 4, 1), "u1", external=outside)
        node.attrs["blockSlice"] = "[0:3,0:4,0:1]"

    with pytest.raises(BadInputError, match="in another file"):
        read_project(path)


def test_claims_beyond_the_file_are_refused(tmp_path: Path) -> None:
    huge = write_project(tmp_path / "huge.ilp", lanes=[("a.tif", "yx", (2**40, 2**40))])
    with pytest.raises(BadInputError, match="claims"):
        read_project(huge)

    many = write_project(tmp_path / "many.ilp", lanes=[("a.tif", "yx", (4096, 4096))])
    with h5py.File(many, "a") as file:
        here = file.create_group("PixelClassification/LabelSets/labels000")
        for number in range(20):  # each is small enough alone
            node = here.create_dataset(f"block{number:04d}", (4000, 4000, 1), "u1", chunks=True)
            node.attrs["blockSlice"] = "[0:4000,0:4000,0:1]"
    with pytest.raises(BadInputError, match="claim more pixels"):
        read_project(many)


def test_damaged_descriptions_are_refused(tmp_path: Path) -> None:
    for number, (name, value) in enumerate(
        [
            ("Input Data/infos/lane0000/Raw Data/axistags", b"[1, 2"),
            ("Input Data/infos/lane0000/Raw Data/shape", np.zeros((2, 2), np.int64)),
            ("Input Data/infos/lane0000/Raw Data/filePath", np.float64(3)),
            ("FeatureSelections/Scales", np.array([0.3, np.nan])),
            ("FeatureSelections/FeatureIds", [b"x"] * 6),
            ("PixelClassification/LabelNames", np.zeros((2, 2))),
        ]
    ):
        path = write_project(tmp_path / f"{number}.ilp")
        with h5py.File(path, "a") as file:
            del file[name]
            file[name] = value
        with pytest.raises(BadInputError):
            read_project(path)


def test_strokes_of_lanes_follow_their_numbers(tmp_path: Path) -> None:
    block = np.full((2, 3, 1), 2, np.uint8)
    lanes = [(f"{name}.tif", "yx", (30, 40)) for name in "abc"]
    path = write_project(
        tmp_path / "p.ilp", lanes=lanes, blocks={2: [("[1:3,4:7,0:1]", block, "yxc")]}
    )

    sets = read_label_sets(read_project(path))

    assert [strokes.counts() for strokes in sets] == [{}, {}, {2: 6}]
    assert sets[2].plane()[1:3, 4:7].tolist() == [[2] * 3] * 2
