"""Objects of volumes: a row a slice, one label and one UUID an object, in every format."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from bridge import Detections, ImageInfo, PixelSize
from bridge.errors import BadInputError
from bridge.objects3d import (
    ObjectRows,
    from_volume,
    has_objects,
    list_objects,
    name_objects,
    slice_id,
    to_volume,
)

VOXELS = PixelSize(y=0.25, x=0.25, z=1.5)
KEEPS_OBJECTS = ["a.geojson", "a.geojson.gz", "a.zip", "a.csv", "a.parquet", "a.h5", "a.zarr.zip"]


def two_balls() -> NDArray[Any]:
    """Label volume of two balls of 1 and 2 pixels less across in z, one."""
    z, y, x = np.ogrid[:9, :30, :40]
    volume = np.zeros((9, 30, 40), np.uint16)
    volume[(2 * (z - 3)) ** 2 + (y - 10) ** 2 + (x - 12) ** 2 < 36] = 4
    volume[(2 * (z - 5)) ** 2 + (y - 18) ** 2 + (x - 28) ** 2 < 49] = 300
    return volume


def balls(**columns: Any) -> Detections:
    return from_volume(two_balls(), image=ImageInfo("a", pixel_size=VOXELS), columns=columns)


def rows(detections: Detections) -> list[tuple[Any, ...]]:
    frame = detections.objects
    columns = (frame[key].tolist() for key in ("label", "z", "t", "object"))
    return sorted(zip(detections.ids, *columns, strict=True))


@settings(max_examples=15)
@given(
    arrays(np.uint16, array_shapes(min_dims=3, max_dims=4, max_side=5), elements=st.integers(0, 5))
)
def test_a_volume_comes_back_exactly(labels: NDArray[Any]) -> None:
    axes = "ZYX" if labels.ndim == 3 else "TZYX"

    found = from_volume(labels, axes=axes)

    assert np.array_equal(to_volume(found, axes=axes), labels)
    assert len(list_objects(found)) == sum(
        len(np.unique(volume[volume > 0])) for volume in (labels if axes == "TZYX" else [labels])
    )


def test_an_object_has_a_row_a_slice_with_one_label_and_one_uuid() -> None:
    found = balls()

    listed = list_objects(found)
    assert listed["label"].tolist() == [4, 300]
    assert listed["z_first"].tolist() == [1, 2]
    assert listed["z_last"].tolist() == [5, 8]
    assert listed["voxels"].tolist() == [np.sum(two_balls() == 4), np.sum(two_balls() == 300)]
    for identity, _, z, _, of_object in rows(found):
        assert identity == slice_id(of_object, z)


def test_columns_are_given_by_label() -> None:
    listed = list_objects(balls(prob={4: 0.9}, **{"class": {300: "neuron"}}))

    assert listed["prob"].fillna(-1).tolist() == [0.9, -1]
    assert listed["class"].tolist() == [None, "neuron"]


def test_the_class_of_most_slices_is_the_objects() -> None:
    found = balls()
    rows_of = found.objects.groupby("label").indices
    classes: list[str | None] = [None] * len(found)
    for row, name in zip(rows_of[4][1:], ["A", "B", "B"], strict=False):
        classes[row] = name
    classed = replace(found, objects=found.objects.assign(**{"class": classes}))

    listed = list_objects(classed)

    assert listed["class"].tolist() == ["B", None]
    given, differing = ObjectRows.of(classed).class_rows(classes)
    assert [classes[row] for row in given] == ["B", None]
    assert differing == 1


def test_the_largest_slice_is_that_of_the_largest_outline() -> None:
    found = balls()
    volume = two_balls()

    largest = found.objects.iloc[ObjectRows.of(found).largest]

    for label, z in zip(largest["label"], largest["z"], strict=True):
        assert z == np.argmax((volume == label).sum(axis=(1, 2)))


def test_rows_without_a_uuid_and_other_time_points_are_objects_of_their_own() -> None:
    found = from_volume(np.stack([two_balls(), two_balls()]), axes="TZYX")
    same = found.objects["object"].iloc[0]
    frame = found.objects.assign(object=same)
    frame.loc[frame.index[:2], "object"] = None

    rows = ObjectRows.of(replace(found, objects=frame))

    assert len(rows) == 4  # two rows, and an object in each time point
    assert len(ObjectRows.of(Detections.from_labels(two_balls(), axes="ZYX"))) == len(found) / 2


@pytest.mark.parametrize("name", KEEPS_OBJECTS)
def test_label_slice_and_object_survive_every_format_that_keeps_uuids(
    name: str, tmp_path: Path
) -> None:
    found = balls()

    found.write(tmp_path / name)
    read = Detections.read(tmp_path / name)
    read.write(tmp_path / f"again_{name}")
    again = Detections.read(tmp_path / f"again_{name}")

    assert has_objects(again)
    assert rows(again) == rows(read) == rows(found)


@pytest.mark.parametrize("name", ["a.h5", "a.zarr.zip", "a.tif", "a.geojson", "a.zip"])
def test_the_volume_survives_every_format_that_keeps_the_size(name: str, tmp_path: Path) -> None:
    balls().write(tmp_path / name)

    read = Detections.read(tmp_path / name)

    assert np.array_equal(to_volume(read), two_balls())
    assert read.image.pixel_size == VOXELS


def test_the_label_volume_is_a_calibrated_hyperstack_for_imagej(tmp_path: Path) -> None:
    balls().write(tmp_path / "a.tif")

    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        metadata = file.imagej_metadata
        assert file.series[0].axes == "ZYX"
    assert metadata is not None
    assert (metadata["slices"], metadata["spacing"], metadata["unit"]) == (9, 1.5, "um")


def test_ids_over_65535_are_kept_with_their_calibration(tmp_path: Path) -> None:
    labels = two_balls().astype(np.uint32) * 1000
    from_volume(labels, image=ImageInfo("a", pixel_size=VOXELS)).write(tmp_path / "a.tif")

    read = Detections.read(tmp_path / "a.tif")

    assert np.array_equal(to_volume(read), labels)
    assert to_volume(read).dtype == np.uint32
    assert read.image.pixel_size == VOXELS


def test_rois_lie_in_the_slice_that_imagej_shows(tmp_path: Path) -> None:
    import roifile

    balls().write(tmp_path / "a.zip")

    positions = {
        (roi.c_position, roi.z_position, roi.t_position) for roi in _rois(roifile, tmp_path)
    }
    assert {z for _, z, _ in positions} | {0} >= set(range(2, 10))


def _rois(roifile: Any, folder: Path) -> list[Any]:
    found: list[Any] = roifile.roiread(folder / "a.zip")
    return found


def test_geojson_has_the_plane_of_each_slice(tmp_path: Path) -> None:
    found = balls()
    found.write(tmp_path / "a.geojson")

    features = json.loads((tmp_path / "a.geojson").read_text())["features"]

    assert [f["geometry"]["plane"]["z"] for f in features] == found.objects["z"].tolist()
    assert features[0]["properties"]["metadata"]["object"] == found.objects["object"].iloc[0]


def test_objects_that_have_a_uuid_keep_it() -> None:
    found = balls()
    partly = found.objects.copy()
    partly.loc[partly.index[1:], "object"] = None

    named = name_objects(replace(found, objects=partly))

    first = found.objects["object"].iloc[0]
    assert (named.objects["object"] == first).sum() == list_objects(found).loc[first, "slices"]
    assert named.ids[0] == found.ids[0]


def test_two_objects_never_share_a_uuid() -> None:
    found = balls()
    same = found.objects.assign(object=found.objects["object"].iloc[0])

    assert name_objects(replace(found, objects=same)).objects["object"].nunique() == 2


def test_an_empty_volume_has_no_objects() -> None:
    found = from_volume(np.zeros((3, 4, 5), np.uint8))

    assert len(found) == len(list_objects(found)) == 0
    assert to_volume(found).shape == (3, 4, 5)


@pytest.mark.parametrize(
    ("labels", "axes", "words"),
    [
        (np.zeros((4, 5), int), "YX", "no volume's"),
        (np.full((2, 4, 5), np.nan), "ZYX", "NaN"),
        (np.full((2, 4, 5), 0.5), "ZYX", "fractions"),
        (np.full((2, 4, 5), -1), "ZYX", "negative"),
        (np.zeros((4, 5), int), "ZYX", "do not fit"),
    ],
)
def test_what_is_no_label_volume_is_refused(labels: NDArray[Any], axes: str, words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        from_volume(labels, axes=axes)


def test_time_points_are_not_drawn_as_slices() -> None:
    found = from_volume(np.ones((2, 3, 4, 5), int), axes="TZYX")

    with pytest.raises(BadInputError, match="2 time points"):
        to_volume(found, axes="ZYX")
