"""Files of old QuPaths: recognised by what they say, objects by what they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from bridge import Detections
from bridge.apps.qupath.old_files import match_by_outline, qupath_version


@pytest.mark.parametrize(
    ("content", "version"),
    [
        (b'..Data file version 3t..{"dataVersion":3,"qupathVersion":"0.3.2","server":', (0, 3)),
        (b'{"qupathVersion":"0.10.0-rc1"}', (0, 10)),
        (b"Data file version 2", None),
        (b"", None),
        (b"." * 2**16 + b'"qupathVersion":"0.3.2"', None),
    ],
)
def test_a_file_says_which_qupath_saved_it(
    tmp_path: Path, content: bytes, version: tuple[int, int] | None
) -> None:
    file = tmp_path / "data.qpdata"
    file.write_bytes(content)

    assert qupath_version(file) == version


def test_a_file_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    assert qupath_version(tmp_path / "data.qpdata") is None


boxes = st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(1, 9), st.integers(1, 9))


@st.composite
def objects(draw: st.DrawFn) -> Detections:
    """Boxes on a small field, many of them on or over one another, some the very same."""
    corners = draw(st.lists(boxes, max_size=20))
    count = len(corners)
    return Detections.from_polygons(
        [shapely.box(x, y, x + w, y + h) for x, y, w, h in corners],
        columns={
            "class": draw(st.lists(st.sampled_from(["a", None]), min_size=count, max_size=count)),
            "z": draw(st.lists(st.integers(0, 1), min_size=count, max_size=count)),
        },
    )


def renamed(given_objects: Detections, order: list[int]) -> Detections:
    """Return the objects in another order with other UUIDs, as a file of old objects is read."""
    frame = given_objects.objects.iloc[order]
    return Detections.from_polygons(
        [shape.reverse() for shape in frame.geometry],
        columns={name: frame[name].tolist() for name in frame.columns if name != "geometry"},
    )


@given(objects(), st.randoms(use_true_random=False))
def test_every_object_is_recognised_without_its_identity(
    before: Detections, random: object
) -> None:
    order = list(range(len(before)))
    random.shuffle(order)  # type: ignore[attr-defined]
    after = renamed(before, order)

    found = match_by_outline(before, after)

    assert len(found) == len(before) == len(set(found.values()))
    for ours, theirs in found.items():
        first, second = before.objects.loc[ours], after.objects.loc[theirs]
        assert first.geometry.equals(second.geometry)
        assert (first["class"], first["z"]) == (second["class"], second["z"])


@pytest.mark.parametrize(
    ("column", "value"),
    [("class", "b"), ("z", 1), ("t", 1), ("object_type", "annotation"), ("name", "x")],
)
def test_an_object_that_differs_is_not_the_same(column: str, value: object) -> None:
    before = Detections.from_polygons([shapely.box(2, 3, 5, 7), shapely.box(9, 3, 12, 7)])
    after = renamed(before, [0, 1])
    after.objects[column] = np.array([value, after.objects[column].iloc[1]], object)

    found = match_by_outline(before, Detections(after.objects))

    assert found == {before.ids[1]: after.ids[1]}


def test_an_object_that_moved_or_changed_its_form_is_not_the_same() -> None:
    before = Detections.from_polygons([shapely.box(2, 3, 5, 7), shapely.box(9, 3, 12, 7)])
    after = Detections.from_polygons(
        [shapely.box(2.05, 3, 5.05, 7), shapely.Point(10.5, 5).buffer(1.5)]
    )

    assert match_by_outline(before, after) == {}
