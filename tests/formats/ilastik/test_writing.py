"""New projects, read back by h5py alone against the layout that ilastik writes."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import BadInputError
from bridge.formats.ilastik.export_settings import export_settings, plain_pickle
from bridge.formats.ilastik.feature_selection import FeatureSelection
from bridge.formats.ilastik.features import fit_features
from bridge.formats.ilastik.input_images import InputImage
from bridge.formats.ilastik.labels import Block, Strokes
from bridge.formats.ilastik.pickles import refuse_unknown_pickles
from bridge.formats.ilastik.project import read_project
from bridge.formats.ilastik.writing import write_object_project, write_pixel_project


def image_at(file: Path, axes: str = "YX", shape: tuple[int, ...] = (30, 40)) -> InputImage:
    """Return an image that a project refers to."""
    dataset = "exported_data" if file.suffix == ".h5" else ""
    return InputImage(file=file, dataset=dataset, axes=axes, shape=shape, nickname=file.stem)


def test_a_project_of_pixels_has_ilastiks_layout(tmp_path: Path) -> None:
    path = tmp_path / "project" / "p.ilp"
    images = [
        image_at(tmp_path / "project/sub/a.tif", "ZCYX", (9, 2, 30, 40)),
        image_at(tmp_path / "b.h5", "CZYX", (2, 9, 30, 40)),
    ]
    strokes = Strokes((1, 9, 30, 40), (Block((0, 4, 2, 3), np.full((1, 1, 5, 6), 2, np.uint8)),))

    write_pixel_project(
        path,
        images,
        ["background", "núcleo"],
        FeatureSelection.by_name("2d"),
        [Strokes((1, 9, 30, 40)), strokes],
    )

    with h5py.File(path) as file:
        assert file["workflowName"][()] == b"Pixel Classification"
        assert file["ilastikVersion"][()] == b"1.4.0"
        assert file["Input Data/StorageVersion"][()] == b"0.2"
        assert file["Input Data/Role Names"][()].tolist() == [b"Raw Data", b"Prediction Mask"]
        infos = file["Input Data/infos"]
        assert sorted(infos) == ["lane0000", "lane0001"]
        assert not len(infos["lane0000/Prediction Mask"])
        near, far = infos["lane0000/Raw Data"], infos["lane0001/Raw Data"]
        assert near["__class__"][()] == b"RelativeFilesystemDatasetInfo"
        assert near["filePath"][()] == b"sub/a.tif"
        assert far["__class__"][()] == b"FilesystemDatasetInfo"
        assert far["filePath"][()].decode() == f"{tmp_path.as_posix()}/b.h5/exported_data"
        keys = [axis["key"] for axis in json.loads(far["axistags"][()])["axes"]]
        assert keys == ["c", "z", "y", "x"]
        assert far["shape"][()].tolist() == [2, 9, 30, 40]
        assert far["nickname"][()] == b"b"
        assert far["location"][()] == b"FileSystem"
        assert bool(far["allowLabels"][()])
        features = file["FeatureSelections"]
        assert features["SelectionMatrix"].shape == (6, 7)
        assert features["SelectionMatrix"][:, 0].tolist() == [True] + [False] * 5
        assert features["Scales"][()].tolist() == [0.3, 0.7, 1.0, 1.6, 3.5, 5.0, 10.0]
        assert features["ComputeIn2d"][()].all()
        group = file["PixelClassification"]
        assert group["LabelNames"][()].tolist() == [b"background", "núcleo".encode()]
        assert group["LabelColors"].shape == group["PmapColors"].shape == (2, 3)
        assert not group["LabelNames"].attrs["isEmpty"]
        assert sorted(group) == [
            "LabelColors",
            "LabelNames",
            "LabelSets",
            "PmapColors",
            "StorageVersion",
        ]
        assert not len(group["LabelSets/labels000"])
        block = group["LabelSets/labels001/block0000"]
        assert block.attrs["blockSlice"] == "[4:5,2:7,3:9,0:1]"
        assert [a["key"] for a in json.loads(block.attrs["axistags"])["axes"]] == [*"zyxc"]
        assert block.dtype == np.uint8
        assert block.shape == (1, 5, 6, 1)
    assert refuse_unknown_pickles(path) == 0


def test_a_project_of_objects_has_ilastiks_layout(shared: Path, tmp_path: Path) -> None:
    path = tmp_path / "o.ilp"

    write_object_project(
        path,
        [image_at(tmp_path / "a.tif", "TYX", (2, 30, 40))],
        [image_at(tmp_path / "a_labels.h5", "TYX", (2, 30, 40))],
        ["dim", "bright"],
        [[{1: 2, 5: 1}, {}]],
    )

    with h5py.File(path) as file, h5py.File(shared / "ilastik/objects.ilp") as own:
        assert file["workflowName"][()] == own["workflowName"][()]
        assert file["Input Data/Role Names"][()].tolist() == [b"Raw Data", b"Label Image", b"Atlas"]
        assert sorted(file["Input Data/infos/lane0000"]) == sorted(own["Input Data/infos/lane0000"])
        group = file["ObjectClassification"]
        assert sorted(group) == sorted(own["ObjectClassification"])
        assert group["LabelInputs/0000/0"][()].tolist() == [0, 2, 0, 0, 0, 1]
        assert group["LabelInputs/0000/1"][()].tolist() == [0]
        assert group["MaxNumObj"][()] == -1
        assert group["ExportSettings"].attrs["version"] == 1
        plugin = "Standard Object Features"
        chosen = file["ObjectExtraction/Features"][plugin]
        assert {*group["SelectedFeatures"][plugin]} == {*chosen} - {"RegionCenter"}
        margin = chosen["Mean in neighborhood/margin"][()]
        own_margin = own[f"ObjectExtraction/Features/{plugin}/Mean in neighborhood/margin"][()]
        assert margin.tolist() == own_margin.tolist()
    assert refuse_unknown_pickles(path) == 1
    assert read_project(path).label_counts == ({1: 1, 2: 1},)


def test_settings_of_the_table_are_the_bytes_that_ilastik_writes(shared: Path) -> None:
    with h5py.File(shared / "ilastik/objects.ilp") as file:
        own = file["ObjectClassification/ExportSettings"][()].tobytes()

    features = ["Count", "Mean", "Variance", "RegionCenter", "Mean in neighborhood"]
    assert export_settings(features).tobytes() == own


_PLAIN = st.recursive(
    st.booleans() | st.integers(-(10**6), 10**6) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(st.lists(_PLAIN, min_size=2, max_size=4))
def test_plain_values_are_written_as_a_pickle_of_them(values: list[object]) -> None:
    written = plain_pickle(*values)  # type: ignore[arg-type]
    assert pickle.loads(written) == tuple(values)  # noqa: S301 - our own


def test_classes_that_ilastik_cannot_have_are_refused(tmp_path: Path) -> None:
    for classes, said in [
        ([], "none"),
        (["a", "A"], "same name"),
        (["a", " "], "no name"),
        ([str(n) for n in range(256)], "256"),
    ]:
        with pytest.raises(BadInputError, match=said):
            write_pixel_project(
                tmp_path / "p.ilp",
                [image_at(tmp_path / "a.tif")],
                classes,
                FeatureSelection.by_name("fast"),
            )
    assert not (tmp_path / "p.ilp").exists()


def test_strokes_of_another_image_or_class_are_refused(tmp_path: Path) -> None:
    image, features = image_at(tmp_path / "a.tif"), FeatureSelection.by_name("fast")
    block = Block((0, 0, 2, 3), np.full((1, 1, 5, 6), 3, np.uint8))

    with pytest.raises(BadInputError, match="large"):
        strokes = Strokes((1, 1, 40, 30), (block,))
        write_pixel_project(tmp_path / "p.ilp", [image], ["a"], features, [strokes])
    with pytest.raises(BadInputError, match="class 3"):
        strokes = Strokes((1, 1, 30, 40), (block,))
        write_pixel_project(tmp_path / "p.ilp", [image], ["a", "b"], features, [strokes])


def test_two_images_of_one_name_are_refused(tmp_path: Path) -> None:
    images = [image_at(tmp_path / "a/x.tif"), image_at(tmp_path / "b/x.tif")]

    with pytest.raises(BadInputError, match="'x'"):
        write_pixel_project(tmp_path / "p.ilp", images, ["a"], FeatureSelection.by_name("fast"))


@pytest.mark.parametrize(
    ("size", "in_2d", "left_out", "said"),
    [
        ((1, 300, 300), 7, 0, ()),
        ((36, 300, 300), 0, 0, ()),
        ((35, 300, 300), 1, 0, ("10 are filtered plane by plane",)),
        ((12, 300, 300), 3, 0, ("3.5, 5, 10 are filtered plane by plane",)),
        ((1, 300, 35), 7, 1, ("10 are left out",)),
    ],
)
def test_features_are_fitted_as_ilastik_demands(
    size: tuple[int, int, int], in_2d: int, left_out: int, said: tuple[str, ...]
) -> None:
    found, notes = fit_features(FeatureSelection.by_name("default"), [(50, 999, 999), size])

    assert sum(found.in_2d) == in_2d
    assert sum(not any(column) for column in zip(*found.chosen, strict=True)) == left_out
    assert len(notes) == len(said)
    assert all(part in line for part, line in zip(said, notes, strict=True))


def test_an_image_that_is_too_small_for_any_feature_is_refused() -> None:
    with pytest.raises(BadInputError, match="none is small enough"):
        fit_features(FeatureSelection.by_name("default"), [(1, 2, 40)])
