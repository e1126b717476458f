"""Outlines to brush strokes and back."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from bridge.detections import Detections
from bridge.errors import BadInputError
from bridge.formats.ilastik.drawing import (
    class_numbers,
    draw_strokes,
    keep_annotations,
    outline_strokes,
    strokes_of_image,
)
from bridge.formats.markers import make_markers
from bridge.images.image import from_array
from bridge.images.info import ImageInfo
from tests.formats.ilastik.test_labels import dense, strokes_of


@given(
    arrays(
        np.uint8,
        st.tuples(*[st.integers(1, 2)] * 2, *[st.integers(1, 9)] * 2),
        elements=st.sampled_from([0, 0, 1, 2]),
    )
)
def test_strokes_are_the_same_as_outlines_and_drawn_again(values: NDArray[np.uint8]) -> None:
    strokes = strokes_of(values)

    outlines = outline_strokes(strokes, ["a", "b"], ImageInfo(name="x"))
    again, notes = draw_strokes(
        outlines.objects, class_numbers(outlines.objects, ["a", "b"]), strokes.shape
    )

    assert (dense(again) == values).all()
    assert not notes
    assert set(outlines.objects["object_type"]) <= {"annotation"}


def test_each_connected_stroke_is_an_annotation() -> None:
    values = np.zeros((1, 1, 5, 9), np.uint8)
    values[0, 0, 1, 1:3] = values[0, 0, 3, 5:8] = 1

    found = outline_strokes(strokes_of(values), ["a"], ImageInfo()).objects

    assert found.geometry.area.tolist() == [2, 3]
    assert found["class"].tolist() == ["a", "a"]


def test_pixels_of_two_classes_get_none() -> None:
    boxes = [shapely.box(0, 0, 4, 4), shapely.box(3, 3, 6, 6)]
    frame = Detections.from_polygons(boxes).objects

    strokes, notes = draw_strokes(frame, np.array([1, 2]), (1, 1, 10, 10))

    assert strokes.counts() == {1: 15, 2: 8}
    assert notes == ("1 pixels belong to several classes and are left without a label",)


def test_lines_and_points_are_drawn_three_pixels_wide() -> None:
    shapes = [shapely.LineString([(2, 5.5), (8, 5.5)]), shapely.Point(15.5, 5.5)]
    frame = make_markers(shapes, ["1", "2"])

    strokes, _ = draw_strokes(frame, np.array([1, 2]), (1, 1, 12, 20))

    plane = strokes.plane()
    assert plane[4:7, 4].tolist() == [1, 1, 1]
    assert plane[3, 4] == plane[7, 4] == 0
    assert plane[5, 14:17].tolist() == [2, 2, 2]


def test_planes_that_the_image_lacks_are_said() -> None:
    frame = Detections.from_polygons(
        [shapely.box(0, 0, 2, 2)] * 2, columns={"z": [1, 7], "t": [0, 0]}
    ).objects

    strokes, notes = draw_strokes(frame, np.array([1, 1]), (1, 3, 9, 9))

    assert strokes.plane_numbers() == {(0, 1)}
    assert notes == ("1 strokes lie in planes that the image does not have",)


def test_strokes_outside_of_the_image_are_said() -> None:
    frame = Detections.from_polygons([shapely.box(20, 20, 22, 22)]).objects

    strokes, notes = draw_strokes(frame, np.array([1]), (1, 1, 9, 9))

    assert not strokes.blocks
    assert "outside of the image" in notes[0]


def test_classes_are_told_by_class_then_by_the_name_of_imagej() -> None:
    frame = Detections.from_polygons(
        [shapely.box(0, 0, 1, 1)] * 5,
        columns={
            "class": ["Nucleus", None, None, "other", None],
            "name": [None, "background", "nucleus-3", "nucleus", None],
        },
    ).objects

    classes = ["background", "nucleus"]
    assert class_numbers(frame, classes).tolist() == [2, 0, 0, 0, 0]
    assert class_numbers(frame, classes, by_name=True).tolist() == [2, 1, 2, 2, 0]


def test_detections_count_only_where_there_are_no_annotations() -> None:
    types = ["annotation", "detection", "detection"]
    frame = Detections.from_polygons(
        [shapely.box(0, 0, 1, 1)] * 3, columns={"object_type": types}
    ).objects

    with_one, left_out = keep_annotations(frame, np.array([1, 2, 0]))
    without, said = keep_annotations(frame, np.array([0, 2, 2]))

    assert with_one.tolist() == [1, 0, 0]
    assert left_out.startswith("1 detections of these classes are left out")
    assert without.tolist() == [0, 2, 2]
    assert said.startswith("has no annotations of these classes: 2 detections")


def test_a_sparse_label_image_is_strokes() -> None:
    values = np.zeros((3, 9, 9), np.uint16)
    values[2, 4, 5] = 2

    strokes = strokes_of_image(from_array(values, axes="ZYX"), 2, "a.tif")

    assert np.argwhere(dense(strokes)).tolist() == [[0, 2, 4, 5]]


@pytest.mark.parametrize(
    ("values", "axes", "said"),
    [
        (np.full((9, 9), 3), "YX", "value 3, and there are 2 classes"),
        (np.full((9, 9), 255), "YX", "value 255"),
        (np.full((9, 9), -1), "YX", "a.tif"),
        (np.full((9, 9), 0.5), "YX", "a.tif"),
        (np.ones((2, 9, 9), int), "CYX", "channels"),
    ],
)
def test_what_is_no_label_image_is_refused(
    values: NDArray[np.float64], axes: str, said: str
) -> None:
    with pytest.raises(BadInputError, match=said):
        strokes_of_image(from_array(values, axes=axes), 2, "a.tif")
