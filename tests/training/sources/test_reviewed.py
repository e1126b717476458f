"""Labels of what a reviewer looked at."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st

from bridge import Detections
from bridge.training.pairs import IGNORED
from bridge.training.sources import ReadOptions
from bridge.training.sources.reviewed import draw_reviewed, select_training_objects


def table(*boxes: tuple[float, float, float, float], **columns: Any) -> Any:
    return Detections.from_polygons([shapely.box(*b) for b in boxes], columns=columns).objects


def test_an_object_mostly_inside_is_kept_whole_and_another_ignored_whole() -> None:
    objects = table((2, 2, 8, 6), (8, 8, 20, 12), (14, 2, 18, 6))
    region = table((0, 0, 10, 20))

    labels = draw_reviewed(objects, (20, 20), regions=region).labels

    assert (labels[2:6, 2:8] == 1).all()
    assert (labels[8:12, 8:20] == IGNORED).all()  # a sixth of it lies inside
    assert (labels[2:6, 14:18] == IGNORED).all()
    assert (labels[13:, :10] == 0).all()
    assert (labels[13:, 10:] == IGNORED).all()


@given(left=st.integers(1, 19))
def test_more_than_half_decides(left: int) -> None:
    objects = table((4, 4, 16, 8))
    inside = min(max(left - 4, 0), 12)

    labels = draw_reviewed(objects, (12, 20), regions=table((0, 0, left, 12))).labels

    there = labels[4:8, 4:16]
    if inside > 6:
        assert (there == 1).all()
    if inside < 6:
        assert (there == IGNORED).all()


def test_a_region_that_is_taken_for_an_object_is_noticed() -> None:
    objects = table((0, 0, 30, 10), (2, 2, 6, 6), (10, 2, 16, 6), (20, 2, 26, 6))

    assert "1 objects have several others inside" in draw_reviewed(objects, (12, 32)).notes[0]
    assert draw_reviewed(objects.iloc[1:], (12, 32)).notes == ()


@given(data=st.data())
def test_labels_inside_are_those_of_the_objects_that_lie_there(data: st.DataObject) -> None:
    shape = (600, 40)  # more rows than are counted at a time
    corners = st.tuples(st.integers(0, 590), st.integers(0, 30))
    places = data.draw(st.lists(corners, min_size=1, max_size=8))
    objects = table(*[(x, y, x + 9, y + 7) for y, x in places])
    top, left = data.draw(corners)
    inside = np.zeros(shape, bool)
    inside[top : top + 200, left : left + 20] = True

    labels = draw_reviewed(objects, shape, regions=table((left, top, left + 20, top + 200))).labels

    whole = draw_reviewed(objects, shape).labels
    for label in np.unique(whole[whole > 0]):
        mask = whole == label
        y, x = np.rint(np.argwhere(mask).mean(0)).astype(int)
        kept = 2 * (mask & inside).sum() > mask.sum() or inside[y, x]
        assert (labels[mask] == (label if kept else IGNORED)).all()
    assert ((labels == 0) == (inside & (whole == 0))).all()


def test_regions_are_no_objects_and_annotations_only_where_nothing_else_is() -> None:
    frame = table(
        (0, 0, 9, 9), (1, 1, 3, 3), (5, 5, 7, 7),
        object_type=["annotation", "detection", "annotation"], **{"class": ["Done", None, None]},
    )  # fmt: skip
    options = ReadOptions(inside=("Done",))

    chosen = select_training_objects(frame, options)
    alone = select_training_objects(frame.iloc[[0, 2]], options)
    both = select_training_objects(frame, ReadOptions(inside=("Done",), annotations=True))

    assert chosen.objects["label"].tolist() == [2]
    assert "--annotations" in chosen.notes[0]
    assert alone.objects["label"].tolist() == [3]
    assert both.objects["label"].tolist() == [2, 3]
    assert chosen.regions["label"].tolist() == both.regions["label"].tolist() == [1]


def test_a_class_of_detections_makes_no_region_where_types_are_known() -> None:
    frame = table((0, 0, 9, 9), (1, 1, 3, 3), **{"class": ["Done", None]})
    options = ReadOptions(inside=("Done",))

    assert len(select_training_objects(frame, options).regions) == 0
    assert len(select_training_objects(frame, options, is_typed=False).regions) == 1


def test_nuclei_of_cells_are_taken_where_asked_for() -> None:
    frame = table((0, 0, 9, 9), object_type=["cell"], nucleus=[shapely.box(2, 2, 4, 4)])

    whole = select_training_objects(frame, ReadOptions())
    nuclei = select_training_objects(frame, ReadOptions(nuclei=True))

    assert whole.objects.geometry.iloc[0].area == 81
    assert "--nuclei" in whole.notes[0]
    assert nuclei.objects.geometry.iloc[0].area == 4


def test_numbers_that_are_huge_are_counted_anew() -> None:
    objects = table((0, 0, 2, 2), (4, 4, 6, 6), label=[5, 2**40], **{"class": ["a", "b"]})

    drawn = draw_reviewed(objects, (8, 8))

    assert drawn.classes == {1: "a", 2: "b"}
    assert np.unique(drawn.labels).tolist() == [0, 1, 2]


def test_a_roi_is_a_region_by_its_name_where_types_are_not_known() -> None:
    names = ["Done", "Done-2", "Done-x", "0004-Done", None]
    frame = table(*[(n, 0, n + 1, 1) for n in range(5)], name=names)

    chosen = select_training_objects(frame, ReadOptions(inside=("Done",)), is_typed=False)

    assert chosen.regions["name"].tolist() == ["Done", "Done-2"]
