"""Files of probabilities: what ilastik, Fiji and others write, and what is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from bridge.classify.pixels.objects.maps import ProbabilityMap, find_maps, map_name, open_map
from bridge.classify.pixels.objects.segmenting import segment_map
from bridge.classify.pixels.objects.settings import ObjectSettings
from bridge.detections import Detections
from bridge.errors import BadInputError
from tests.classify.pixels.objects.synthetic_maps import disc_map, stored_as

NUCLEUS = disc_map((30, 30, 10), (60, 80, 12))
TWO = np.stack([1 - NUCLEUS, NUCLEUS], axis=-1)
"""Background and nucleus, channel last as ilastik exports a plane."""


def write_exported(
    path: Path, values: NDArray[Any], axes: str | None, *, name: str = "exported_data"
) -> Path:
    """Write what ilastik writes: a dataset with axistags."""
    with h5py.File(path, "w") as file:
        data = file.create_dataset(name, data=values)
        if axes:
            tags = [{"key": key, "typeFlags": 2, "resolution": 0} for key in axes]
            data.attrs["axistags"] = json.dumps({"axes": tags})
    return path


def objects_of(path: Path, chosen: str | None = "2", **options: Any) -> Detections:
    """Make objects of a file."""
    with open_map(path, **options) as image:
        probabilities = ProbabilityMap(image)
        return segment_map(probabilities, probabilities.class_index(chosen), ObjectSettings())


@pytest.mark.parametrize("dtype", ["float32", "uint8", "uint16"])
def test_hdf5_with_the_channel_last_gives_the_objects(tmp_path: Path, dtype: str) -> None:
    path = write_exported(tmp_path / "a.h5", stored_as(TWO, dtype), "yxc")

    found = objects_of(path)

    assert np.array_equal(found.to_labels() > 0, NUCLEUS > 0)
    assert found.objects["prob"].tolist() == pytest.approx([0.75, 0.75], abs=0.002)


def test_the_exported_dataset_counts_among_several(tmp_path: Path) -> None:
    path = write_exported(tmp_path / "a.h5", TWO, "yxc")
    with h5py.File(path, "a") as file:
        file.create_dataset("raw", data=np.zeros((100, 120)))

    assert len(objects_of(path)) == 2


@pytest.mark.parametrize("axes", ["tzcyx", "tzyxc", "czyx", "zyxc"])
def test_axes_of_size_1_change_nothing(tmp_path: Path, axes: str) -> None:
    values = TWO
    source = "yxc"
    for axis in "tz":
        if axis in axes:
            values, source = values[np.newaxis], axis + source
    order = [source.index(axis) for axis in axes]
    path = write_exported(tmp_path / "a.h5", values.transpose(order), axes)

    assert np.array_equal(objects_of(path).to_labels().squeeze() > 0, NUCLEUS > 0)


def test_a_stack_that_fiji_saved_again_with_five_dimensions(tmp_path: Path) -> None:
    stack = stored_as(np.moveaxis(TWO, -1, 0), "uint16")[np.newaxis, np.newaxis]
    tifffile.imwrite(tmp_path / "a.tif", stack, imagej=True, metadata={"axes": "TZCYX"})

    assert np.array_equal(objects_of(tmp_path / "a.tif").to_labels().squeeze() > 0, NUCLEUS > 0)


def test_three_8_bit_classes_in_a_tiff_are_classes_not_colours(tmp_path: Path) -> None:
    three = np.stack([1 - NUCLEUS, NUCLEUS, 0 * NUCLEUS], axis=-1)
    tifffile.imwrite(tmp_path / "a.tif", stored_as(three, "uint8"), photometric="rgb")

    assert len(objects_of(tmp_path / "a.tif", "2")) == 2
    with pytest.raises(BadInputError, match=r"3 classes; choose one with --class: 1, 2, 3"):
        objects_of(tmp_path / "a.tif", None)


def test_axes_that_nothing_names_are_asked_for(tmp_path: Path) -> None:
    path = write_exported(tmp_path / "a.h5", TWO, None)

    with pytest.raises(BadInputError, match="--axes"):
        objects_of(path)
    assert len(objects_of(path, axes="YXC")) == 2


def test_a_class_is_found_by_name(tmp_path: Path) -> None:
    planes = np.moveaxis(TWO, -1, 0)
    names = {"axes": "CYX", "Channel": {"Name": ["background", "Nucleus"]}}
    tifffile.imwrite(tmp_path / "a.ome.tif", planes, metadata=names)

    found = objects_of(tmp_path / "a.ome.tif", "nucleus")

    assert set(found.objects["class"]) == {"Nucleus"}
    with pytest.raises(BadInputError, match=r"no class cytoplasm.*1 \(background\), 2 \(Nucleus\)"):
        objects_of(tmp_path / "a.ome.tif", "cytoplasm")


@pytest.mark.parametrize("chosen", ["0", "3", "C2", "nucleus"])
def test_a_class_that_is_not_there_is_named(tmp_path: Path, chosen: str) -> None:
    path = write_exported(tmp_path / "a.h5", TWO, "yxc")

    with pytest.raises(BadInputError, match=f"no class {chosen}; choose with --class: 1, 2"):
        objects_of(path, chosen)


def test_slices_and_times_are_planes_numbered_through(tmp_path: Path) -> None:
    stack = np.stack([NUCLEUS, 0 * NUCLEUS, disc_map((50, 50, 9))])
    path = write_exported(tmp_path / "a.h5", stack, "zyx")

    found = objects_of(path, None)

    assert found.objects[["label", "z"]].to_numpy().tolist() == [[1, 0], [2, 0], [3, 2]]
    assert found.to_labels().shape == stack.shape


def test_an_image_without_nuclei_has_no_objects(tmp_path: Path) -> None:
    path = write_exported(tmp_path / "a.h5", np.stack([1 + 0 * NUCLEUS, 0 * NUCLEUS], -1), "yxc")

    assert len(objects_of(path)) == 0


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (np.zeros((40, 50, 2), np.float32), "nothing but zeros"),
        (TWO * np.float32(255), "from 0 to 191.25"),
        (TWO - 1, r"from -1 to -0\.25"),
        (np.where(TWO > 0.5, np.nan, TWO).astype(np.float32), "no numbers"),
        (np.where(TWO > 0.5, np.inf, TWO).astype(np.float32), "to inf"),
        (TWO.astype(np.int32), "type int32"),
    ],
    ids=["zeros", "floats to 255", "below 0", "NaN", "infinity", "int32"],
)
def test_values_that_are_no_probabilities_are_refused(
    tmp_path: Path, values: NDArray[Any], problem: str
) -> None:
    path = write_exported(tmp_path / "a.h5", values, "yxc")

    with pytest.raises(BadInputError, match=problem):
        objects_of(path)


@pytest.mark.parametrize("highest", [1, 2, 3])
def test_a_segmentation_is_not_taken_for_probabilities(tmp_path: Path, highest: int) -> None:
    values = np.where(NUCLEUS > 0, highest, 1 if highest > 1 else 0).astype(np.uint8)
    path = write_exported(tmp_path / "a.h5", values, "yx")

    with pytest.raises(BadInputError, match="a segmentation, not probabilities"):
        objects_of(path, None)


def test_a_class_of_a_file_of_one_channel_is_not_there(tmp_path: Path) -> None:
    path = write_exported(tmp_path / "a.h5", np.ones((*NUCLEUS.shape, 1), np.uint8), "yxc")

    with pytest.raises(BadInputError, match="has no class 2, only one channel; .* segmentation"):
        objects_of(path, "2")


def test_classes_that_do_not_add_up_are_remarked_on(tmp_path: Path) -> None:
    path = write_exported(tmp_path / "a.h5", np.stack([NUCLEUS, NUCLEUS], -1), "yxc")
    with open_map(path) as image:
        assert "add up to 0.00 to 1.50" in (ProbabilityMap(image).find_oddity() or "")
    path = write_exported(tmp_path / "b.h5", stored_as(TWO, "uint8"), "yxc")
    with open_map(path) as image:
        assert ProbabilityMap(image).find_oddity() is None


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.h5").write_bytes(b"")
    with pytest.raises(BadInputError, match="empty"):
        open_map(tmp_path / "a.h5")


def test_what_else_is_exported_is_left_out_of_folders(tmp_path: Path) -> None:
    others = ("a_Simple Segmentation", "a_SimpleSegmentation", "a_Uncertainty")
    for name in ("a_Probabilities", *others, "b"):
        write_exported(tmp_path / f"{name}.h5", TWO, "yxc")

    assert [path.name for path in find_maps([str(tmp_path)])] == ["a_Probabilities.h5", "b.h5"]
    assert len(find_maps([str(tmp_path / "a_Uncertainty.h5")])) == 1


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("new_pixels2d-Probabilities.h5", "new_pixels2d"),
        ("a b_Probabilities.tiff", "a b"),
        ("Probabilities.h5", "Probabilities"),
        ("day 1.5.h5", "day 1.5"),
    ],
)
def test_objects_are_called_as_the_image(file: str, name: str) -> None:
    assert map_name(Path(file)) == name


def test_what_ilastik_exported_in_3d_is_read_slice_by_slice(shared: Path) -> None:
    found = objects_of(shared / "ilastik" / "volume-image_MyProject-Probabilities.h5", "1")

    assert found.image.size_z == 22
    assert found.objects["z"].nunique() > 5
