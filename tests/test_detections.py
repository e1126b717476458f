"""Detections: what every object has, and what cannot be."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from numpy.typing import NDArray

from bridge import Detections, ImageInfo
from bridge.detections import FIELDS, check_labels, keep_ids, number_labels
from bridge.errors import BadInputError
from tests.label_images import label_images

BOX = shapely.box(0, 0, 2, 2)


@given(label_images())
def test_labels_come_back_as_they_were(labels: NDArray[Any]) -> None:
    detections = Detections.from_labels(labels)

    assert np.array_equal(detections.to_labels(), labels)
    assert len(detections) == len(np.unique(labels[labels > 0]))


def test_every_object_has_a_uuid_of_its_own_and_all_fields() -> None:
    detections = Detections.from_polygons([BOX, BOX])

    assert len({uuid.UUID(i) for i in detections.ids}) == 2
    assert list(detections.objects.columns) == [*FIELDS, "geometry"]
    assert detections.objects["label"].tolist() == [1, 2]
    assert detections.objects["object_type"].tolist() == ["detection"] * 2
    assert detections.objects["class"].tolist() == [None, None]


def test_numbers_are_measurements_and_text_is_metadata() -> None:
    detections = Detections.from_polygons([BOX], columns={"Area": [4.0], "note": ["x"]})

    assert detections.measurements == ["Area"]
    assert detections.metadata == ["note"]


def test_where_outlines_overlap_the_more_probable_object_lies_on_top() -> None:
    boxes = [shapely.box(0, 0, 3, 1), shapely.box(1, 0, 4, 1), shapely.box(2, 0, 5, 1)]
    detections = Detections.from_polygons(boxes, columns={"prob": [0.9, np.nan, 0.5]})

    assert detections.to_labels((1, 5)).tolist() == [[1, 1, 1, 3, 3]]


def test_a_stack_keeps_its_planes_apart() -> None:
    stack = np.zeros((2, 3, 4), np.uint16)
    stack[0, 0, 0], stack[1, 2, 3] = 5, 5
    detections = Detections.from_labels(stack, axes="ZYX")

    assert detections.objects[["label", "z"]].to_numpy().tolist() == [[5, 0], [5, 1]]
    assert detections.label_axes() == "ZYX"
    assert np.array_equal(detections.to_labels(), stack)


def test_a_stack_of_unknown_axes_is_not_guessed() -> None:
    with pytest.raises(BadInputError, match=r"has 3 axes \(2 x 3 x 4\) and nothing says"):
        Detections.from_labels(np.zeros((2, 3, 4), int))
    with pytest.raises(BadInputError, match="do not fit"):
        Detections.from_labels(np.zeros((2, 3), int), axes="ZYX")


def test_an_object_outside_the_stack_is_said() -> None:
    detections = Detections.from_polygons([BOX], columns={"z": [4]})

    with pytest.raises(BadInputError, match="objects up to slice 4"):
        detections.to_labels((5, 5))


@pytest.mark.parametrize(
    ("columns", "ids", "message"),
    [
        ({}, ["a", "a"], "two objects have the same id a"),
        ({"label": [3, 3]}, None, "two objects of one plane have the label 3"),
        ({"label": [0, 1]}, None, "labels below 1"),
        ({"object_type": ["cell", "blob"]}, None, "unknown type 'blob'"),
    ],
)
def test_a_table_that_breaks_the_rules_is_refused(
    columns: dict[str, Any], ids: list[str] | None, message: str
) -> None:
    with pytest.raises(BadInputError, match=message):
        Detections.from_polygons([BOX, BOX], columns=columns, ids=ids)


def test_only_areas_are_objects() -> None:
    with pytest.raises(BadInputError, match="is a LineString, not an area"):
        Detections.from_polygons([shapely.LineString([(0, 0), (1, 1)])])


def test_the_same_label_may_stand_in_two_planes() -> None:
    Detections.from_polygons([BOX, BOX], columns={"label": [3, 3], "z": [0, 1]})


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array([[1.5]]), "holds fractions"),
        (np.array([[np.inf]]), "NaN or infinite"),
        (np.array([[-3]]), "negative"),
        (np.array([["a"]]), "not labels"),
        (np.zeros((0, 5)), "has no pixels"),
        (np.array([[1e12]]), "over 4,294,967,295"),
        (np.array([[2.0**32]], np.float32), "over 4,294,967,295"),
        (np.array([[2**53]]), "over 9,007,199,254,740,991"),
        (np.array([[2**64 - 1]], np.uint64), "over 9,007,199,254,740,991"),
    ],
)
def test_what_is_no_label_image_is_said(array: Any, message: str) -> None:
    with pytest.raises(BadInputError, match=f"^mask: .*{message}"):
        check_labels(array, "mask")


def test_whole_floats_and_masks_are_labels() -> None:
    assert check_labels(np.array([[0.0, 7.0]])).tolist() == [[0, 7]]
    assert check_labels(np.array([[False, True]])).tolist() == [[0, 1]]


@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
@pytest.mark.parametrize("label", [2**32, 2**32 + 5, 2**53 - 1])
def test_a_label_too_large_for_an_image_is_kept_but_not_drawn(
    tmp_path: Path, dtype: Any, label: int
) -> None:
    labels = np.array([[0, 5, label]], dtype)
    found = Detections.from_labels(labels, image=ImageInfo(name="hashed"))

    for name in ("a.geojson", "a.zip", "a.csv", "a.parquet"):
        found.write(tmp_path / name)
        assert sorted(Detections.read(tmp_path / name).objects["label"]) == [5, label]
    for name in ("a.tif", "a.h5"):
        with pytest.raises(BadInputError, match=f"hashed: has the label {label:,}, and a label"):
            found.write(tmp_path / name)
        assert not (tmp_path / name).exists()


def test_a_label_that_json_cannot_tell_from_its_neighbours_is_refused() -> None:
    for label in (2**53, 1e19):
        with pytest.raises(BadInputError, match=f"label: {label:.0f} is over"):
            number_labels([1, label], [0, 0], [0, 0])
    assert number_labels([1, float("inf")], [0, 0], [0, 0]) == [1, 2]


def test_missing_and_doubled_labels_get_free_numbers() -> None:
    assert number_labels([4, None, 4, 0, float("nan"), 2.5], [0] * 6, [0] * 6) == [4, 5, 6, 7, 8, 9]
    assert number_labels([4, 4], [0, 1], [0, 0]) == [4, 4]


def test_uuids_are_kept_and_others_replaced() -> None:
    known = str(uuid.uuid4())
    first, second, third = keep_ids([known.upper(), known, "PathCellObject"])

    assert first == known
    assert len({first, second, third}) == 3
    assert uuid.UUID(second)
    assert uuid.UUID(third)


def test_image_info_reads_what_strangers_wrote() -> None:
    info = ImageInfo.from_json({"width": "12", "height": -1, "pixel_size": {"y": "a"}, "name": 3})

    assert info == ImageInfo()
    assert ImageInfo.from_json([1]) == ImageInfo()
