"""Label images in OME-Zarr: folders, archives, and the label groups of images."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from bridge import Detections, ImageInfo, PixelSize, open_image
from bridge.errors import BadInputError
from bridge.formats.pairing import pair
from bridge.images.locations import known_identity
from bridge.images.omezarr import label_metadata, label_names
from tests.images.test_omezarr import ramp, write_image

LABELS = np.array([[0, 3, 3], [9, 9, 0]], np.uint16)


@pytest.fixture
def stack() -> Detections:
    """Two labels in three slices, one of them in two."""
    labels = np.zeros((3, 20, 24), np.uint16)
    labels[:2, 2:7, 3:9] = 3
    labels[2, 10:18, 10:20] = 70
    size = PixelSize(0.5, 0.25, 2.0)
    found = Detections.from_labels(labels, axes="ZYX", image=ImageInfo("a", pixel_size=size))
    found.objects["prob"] = [0.25, 0.5, np.nan]
    found.objects["class"] = ["Zelle µ", None, "Glia"]
    found.objects["name"] = [None, "second", None]
    return replace(found)  # with None where pandas has NaN


@pytest.mark.parametrize("name", ["a.ome.zarr", "a.zarr", "a.zarr.zip", "a.ozx"])
def test_what_is_kept_of_each_cut_comes_back(tmp_path: Path, stack: Detections, name: str) -> None:
    stack.write(tmp_path / name)
    stack.write(tmp_path / name)  # in place of the first one

    found = Detections.read(tmp_path / name)

    assert found.ids == stack.ids
    for column in ("label", "z", "t", "class", "name"):
        assert found.objects[column].tolist() == stack.objects[column].tolist()
    np.testing.assert_array_equal(found.objects["prob"], stack.objects["prob"])
    assert found.image.pixel_size == stack.image.pixel_size
    assert [path.name for path in tmp_path.iterdir()] == [name]
    with open_image(tmp_path / name) as image:
        assert (image.name, image.axes, image.dtype.name) == ("a", "ZYX", "uint16")


def test_colours_and_properties_are_those_of_the_specification(tmp_path: Path) -> None:
    objects = Detections.from_labels(LABELS)
    objects.objects["class"] = ["Tumor", None]
    objects.objects["prob"] = [0.75, np.nan]
    objects.write(tmp_path / "a.ome.zarr")

    found = zarr.open_group(tmp_path / "a.ome.zarr", mode="r").attrs.asdict()

    image_label: Any = found["image-label"]
    assert image_label["version"] == "0.4"
    assert image_label["properties"] == [
        {"label-value": 3, "id": objects.ids[0], "probability": 0.75, "class": "Tumor"},
        {"label-value": 9, "id": objects.ids[1]},
    ]
    assert image_label["colors"][0] == {"label-value": 3, "rgba": [200, 0, 0, 255]}
    assert [entry["label-value"] for entry in image_label["colors"]] == [3, 9]


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_a_label_group_joins_the_image_it_belongs_to(
    tmp_path: Path, stack: Detections, version: str
) -> None:
    folder = tmp_path / "section.ome.zarr"
    write_image(folder, ramp(2, 3, 20, 24), version=version)

    stack.write(folder / "labels" / "nuclei")
    assert Detections.read(folder).ids == stack.ids  # the only one
    stack.write(folder / "labels" / "cells")

    assert label_names(folder) == ["nuclei", "cells"]
    metadata = label_metadata(folder, "labels/cells")
    assert metadata is not None
    assert (metadata["version"], metadata["source"]) == (version, {"image": "../../"})
    assert Detections.read(folder / "labels" / "cells").ids == stack.ids
    with pytest.raises(BadInputError, match=r"has 2 label images; choose one: .*labels/nuclei, "):
        Detections.read(folder)
    with open_image(folder) as image:
        assert image.axes == "CZYX"
    with open_image(folder, dataset="labels/cells") as image:
        assert image.plane(z=2).max() == 70


def test_an_image_is_never_replaced_by_its_labels(tmp_path: Path, stack: Detections) -> None:
    folder = tmp_path / "section.ome.zarr"
    write_image(folder, ramp(2, 3, 20, 24))
    with pytest.raises(BadInputError, match=r"is there and is no label image; write into it"):
        stack.write(folder)
    with open_image(folder) as image:
        assert image.size("C") == 2
    (tmp_path / "notes.zarr").mkdir()
    (tmp_path / "notes.zarr" / "mine.txt").write_text("precious")
    with pytest.raises(BadInputError, match="is there and is no label image"):
        stack.write(tmp_path / "notes.zarr")
    (tmp_path / "file.zarr").write_text("precious")
    with pytest.raises(BadInputError, match="is a file, not an OME-Zarr folder"):
        stack.write(tmp_path / "file.zarr")


def test_label_images_in_an_archive(tmp_path: Path, stack: Detections) -> None:
    folder = tmp_path / "section.ome.zarr"
    write_image(folder, ramp(2, 3, 20, 24))
    stack.write(folder / "labels" / "nuclei")
    archive = tmp_path / "section.zarr.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for path in folder.rglob("*"):
            opened.write(path, path.relative_to(tmp_path))

    assert Detections.read(archive).ids == stack.ids
    assert Detections.read(archive / "labels" / "nuclei").ids == stack.ids
    with pytest.raises(BadInputError, match="lies in an archive"):
        stack.write(archive / "labels" / "cells")


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64", "float32", "bool"])
def test_label_images_of_other_programs(tmp_path: Path, dtype: str) -> None:
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=2)
    labels = group.create_group("labels").create_group("nuclei")
    labels.create_array("0", shape=LABELS.shape, dtype=dtype)[...] = LABELS
    properties: Any = [{"label-value": 3, "class": "Neuron"}, {"label-value": "x"}, 7]
    labels.attrs.update(
        {
            "multiscales": [{"axes": list("yx"), "datasets": [{"path": "0"}]}],
            "image-label": {"properties": properties},
        }
    )
    found = Detections.read(tmp_path / "a.zarr")
    if dtype == "bool":
        assert found.objects["label"].tolist() == [1]
        return
    assert found.objects["label"].tolist() == [3, 9]
    assert found.objects["class"].tolist() == ["Neuron", None]


def test_uuids_of_a_whole_label_are_not_those_of_its_cuts(tmp_path: Path) -> None:
    labels = np.repeat(LABELS[None], 2, axis=0)
    written = Detections.from_labels(labels, axes="ZYX")
    written.write(tmp_path / "a.zarr")
    path = tmp_path / "a.zarr" / ".zattrs"
    record = json.loads(path.read_text())
    for entry in record["image-label"]["properties"]:
        entry |= {"id": written.ids[0], "class": "Glia"}
        del entry["objects"]
    path.write_text(json.dumps(record))

    found = Detections.read(tmp_path / "a.zarr")

    assert len(set(found.ids)) == 4
    assert found.objects["class"].tolist() == ["Glia"] * 4


def test_a_microscope_image_is_no_label_image(tmp_path: Path) -> None:
    write_image(tmp_path / "a.zarr", ramp(2, 3, 20, 24))
    with pytest.raises(BadInputError, match="has 2 channels, but a label image has one"):
        Detections.read(tmp_path / "a.zarr")
    with pytest.raises(BadInputError, match="does not exist"):
        Detections.read(tmp_path / "b.zarr")


@pytest.mark.parametrize("place", ["lbl/a_labels.zarr.zip", "a_labels.ome.zarr"])
def test_label_images_are_found_by_the_name_of_their_image(
    tmp_path: Path, stack: Detections, place: str
) -> None:
    stack.write(tmp_path / "results" / place)
    image = tmp_path / "a.tif"
    assert pair([image], [tmp_path / "results"]) == [(image, tmp_path / "results" / place)]
    folder = tmp_path / "section.ome.zarr"
    write_image(folder, ramp(2, 3, 20, 24))
    assert pair([folder], [folder]) == [(folder, folder)]


def test_an_image_stays_the_same_when_labels_are_written_into_it(
    tmp_path: Path, stack: Detections
) -> None:
    folder = tmp_path / "section.ome.zarr"
    write_image(folder, ramp(2, 3, 20, 24))
    before = known_identity(folder)
    stack.write(folder / "labels" / "nuclei")
    assert known_identity(folder) == before
