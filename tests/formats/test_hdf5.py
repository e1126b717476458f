"""HDF5 label images, as ilastik reads and writes them."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from bridge import Detections
from bridge.errors import BadInputError
from bridge.formats.axistags import axistags

LABELS = np.array([[0, 3, 3], [9, 9, 0]])


def test_the_dataset_has_the_name_and_axes_that_ilastik_looks_for(
    tmp_path: Path, square: Detections
) -> None:
    square.write(tmp_path / "square_labels.h5")

    with h5py.File(tmp_path / "square_labels.h5") as file:
        dataset = file["labels"]
        tags = json.loads(dataset.attrs["axistags"])["axes"]
        units = json.loads(dataset.attrs["axis_units"])
        images = [name for name in file if isinstance(file[name], h5py.Dataset)]

    assert images == ["labels"]
    assert [(tag["key"], tag["typeFlags"]) for tag in tags] == [("y", 2), ("x", 2)]
    assert [tag["resolution"] for tag in tags] == [0.5, 0.5]
    assert units == {"y": "um", "x": "um"}


def test_time_space_and_channel_have_vigras_flags() -> None:
    tags = json.loads(axistags("TZYXC"))["axes"]

    assert {tag["key"]: tag["typeFlags"] for tag in tags} == {
        "t": 8,
        "z": 2,
        "y": 2,
        "x": 2,
        "c": 1,
    }


def test_ilastiks_own_files_are_read(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "ilastik.h5", "w") as file:
        data = file.create_dataset("exported_data", data=LABELS[..., None].astype(np.uint32))
        data.attrs["axistags"] = axistags("YXC")

    assert Detections.read(tmp_path / "ilastik.h5").objects["label"].tolist() == [3, 9]


def test_probabilities_and_classes_come_back_with_their_uuids(tmp_path: Path) -> None:
    detections = Detections.from_labels(LABELS)
    detections.objects["prob"] = [0.25, 0.75]
    detections.objects["class"] = ["Zelle µ 核", None]
    detections.write(tmp_path / "a.h5")

    found = Detections.read(tmp_path / "a.h5")

    assert found.ids == detections.ids
    assert found.objects["prob"].tolist() == [0.25, 0.75]
    assert found.objects["class"].tolist() == ["Zelle µ 核", None]


@pytest.mark.slow
def test_an_image_larger_than_a_chunk_is_written_whole(tmp_path: Path) -> None:
    labels = np.random.default_rng(0).integers(0, 3, (3, 700, 515))
    Detections.from_labels(labels, axes="ZYX").write(tmp_path / "a.h5")

    with h5py.File(tmp_path / "a.h5") as file:
        assert file["labels"].chunks == (1, 512, 512)
        assert np.array_equal(file["labels"][()], labels)


def test_a_dataset_may_be_named(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "two.h5", "w") as file:
        file["a"], file["b"] = LABELS, LABELS + 1
        for name in "ab":
            file[name].attrs["axistags"] = axistags("YX")

    assert Detections.read(tmp_path / "two.h5", dataset="b").objects["label"].tolist() == [1, 4, 10]
    assert Detections.read(f"{tmp_path / 'two.h5'}#b").objects["label"].tolist() == [1, 4, 10]
    with pytest.raises(BadInputError, match=r"two\.h5: .*two\.h5#a: a .*, b "):
        Detections.read(tmp_path / "two.h5")


@pytest.mark.parametrize("content", [b"no hdf5", b"\x89HDF\r\n\x1a\n" + bytes(60)])
def test_what_is_no_hdf5_is_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "labels.h5"
    path.write_bytes(content)

    with pytest.raises(BadInputError, match="is not an HDF5 file, or a damaged one"):
        Detections.read(path)
