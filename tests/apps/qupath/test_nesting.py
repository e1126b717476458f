"""Which annotation an object lies in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from bridge import Detections
from bridge.apps.qupath.nesting import annotations_around, name_annotations
from tests.objects import assert_same


def drawn(*shapes: shapely.Geometry, **columns: Any) -> Detections:
    """Annotations."""
    kind = {"object_type": ["annotation"] * len(shapes)}
    return Detections.from_polygons(shapes, columns=kind | columns)


def dots(*centers: tuple[float, float], **columns: Any) -> Detections:
    """Detections of 2 x 2 px."""
    boxes = [shapely.box(x - 1, y - 1, x + 1, y + 1) for x, y in centers]
    return Detections.from_polygons(boxes, columns=columns)


def test_the_smallest_annotation_around_an_object_wins() -> None:
    # neither first nor last in the table
    regions = drawn(*(shapely.box(0, 0, side, side) for side in (100, 20, 50)))

    around = annotations_around(dots((10, 10), (30, 30), (70, 70), (200, 5)), regions)

    assert around == [regions.ids[1], regions.ids[2], regions.ids[0], None]


def test_of_equal_annotations_the_first_wins() -> None:
    regions = drawn(*[shapely.box(0, 0, 50, 50)] * 20)

    assert annotations_around(dots((10, 10)), regions) == [regions.ids[0]]


def test_only_the_annotation_of_the_objects_plane_counts() -> None:
    regions = drawn(*[shapely.box(0, 0, 50, 50)] * 3, z=[0, 1, 0], t=[0, 0, 1])
    objects = dots(*[(10, 10)] * 4, z=[1, 0, 0, 1], t=[0, 1, 0, 1])

    around = annotations_around(objects, regions)

    assert around == [regions.ids[1], regions.ids[2], regions.ids[0], None]


def test_the_channel_does_not_count() -> None:
    regions = drawn(shapely.box(0, 0, 50, 50), c=[2])

    assert annotations_around(dots((10, 10)), regions) == regions.ids


def test_annotations_are_never_nested_nor_is_anything_put_into_another_object() -> None:
    regions = drawn(
        shapely.box(0, 0, 100, 100),
        shapely.box(10, 10, 50, 50),
        shapely.box(5, 5, 60, 60),
        object_type=["annotation", "annotation", "detection"],
    )

    assert annotations_around(regions, regions) == [None, None, regions.ids[1]]


def test_an_object_on_the_edge_lies_outside() -> None:
    regions = drawn(shapely.box(0, 0, 50, 50))

    around = annotations_around(dots((50, 25), (0, 0), (49.999, 25), (50.001, 25)), regions)

    assert around == [None, None, regions.ids[0], None]


def test_holes_and_gaps_are_outside() -> None:
    ring = shapely.box(0, 0, 50, 50).difference(shapely.box(20, 20, 30, 30))
    pieces = shapely.MultiPolygon([shapely.box(100, 0, 110, 9), shapely.box(130, 0, 140, 9)])
    regions = drawn(ring, pieces)

    around = annotations_around(dots((25, 25), (10, 10), (120, 4), (135, 4)), regions)

    assert around == [None, regions.ids[0], None, regions.ids[1]]


def test_an_outline_that_crosses_itself_holds_what_is_in_it() -> None:
    regions = drawn(shapely.Polygon([(0, 0), (40, 40), (40, 0), (0, 40)]))

    assert annotations_around(dots((5, 20), (20, 5)), regions) == [regions.ids[0], None]


def test_without_objects_or_annotations_there_is_nothing_to_find() -> None:
    none = Detections.from_polygons([])

    assert annotations_around(none, drawn(shapely.box(0, 0, 5, 5))) == []
    assert annotations_around(dots((1, 1)), none) == [None]
    assert annotations_around(dots((1, 1)), dots((1, 1))) == [None]


boxes = st.tuples(*[st.integers(0, 20)] * 2, *[st.integers(1, 20)] * 2)


@given(st.lists(boxes, max_size=8), st.lists(st.tuples(*[st.integers(0, 30)] * 2), max_size=8))
def test_what_is_found_is_what_a_search_one_by_one_finds(
    regions: list[tuple[int, int, int, int]], centers: list[tuple[int, int]]
) -> None:
    annotations = drawn(*(shapely.box(x, y, x + w, y + h) for x, y, w, h in regions))
    expected = []
    for px, py in centers:
        inside = [
            (w * h, annotations.ids[row])
            for row, (x, y, w, h) in enumerate(regions)
            if x < px < x + w and y < py < y + h
        ]
        expected.append(min(inside, key=lambda found: found[0])[1] if inside else None)

    assert annotations_around(dots(*centers), annotations) == expected


@pytest.mark.parametrize("corners", [4, 20_000])
def test_many_objects_find_their_annotations_drawn_by_hand(corners: int) -> None:
    rng = np.random.default_rng(0)
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    regions = drawn(
        *(
            shapely.Polygon(5000 + radius * np.stack([np.cos(angle), np.sin(angle)], 1))
            for radius in np.linspace(1000, 6000, 50)
        )
    )
    objects = dots(*rng.uniform(0, 10_000, (10_000, 2)))

    around = annotations_around(objects, regions)

    assert sum(region is not None for region in around) > 6_000


def section(**changes: Any) -> Detections:
    """A region, in it a detection, a cell and a tile; another detection outside."""
    columns: dict[str, Any] = {
        "object_type": ["annotation", "detection", "cell", "tile", "detection"],
        "class": ["Tumor", "Neuron: CD3", None, "Glia", "Neuron: CD3"],
        "name": ["Region / 1", None, None, None, None],
        "label": [9, 1, 2, 3, 4],
    }
    shapes = [
        shapely.box(0, 0, 30, 30),
        shapely.box(2, 2, 6, 6),
        shapely.box(10, 2, 16, 6),
        shapely.box(20, 2, 26, 6),
        shapely.box(40, 10, 50, 20),
    ]
    return Detections.from_polygons(shapes, columns=columns | changes)


def in_region(objects: Detections) -> list[str | None]:
    region = objects.ids[0]
    return [None, region, region, region, None]


def test_every_object_has_the_name_and_the_class_of_its_annotation() -> None:
    objects = section()

    frame = name_annotations(objects, in_region(objects)).objects

    assert frame["annotation"].tolist() == [None, *["Region / 1"] * 3, None]
    assert frame["annotation class"].tolist() == [None, *["Tumor"] * 3, None]
    assert frame.index.tolist() == objects.ids


def test_an_annotation_without_a_name_is_called_by_its_uuid() -> None:
    objects = section(name=[None] * 5, **{"class": [None] * 5})

    frame = name_annotations(objects, in_region(objects)).objects

    assert frame["annotation"].tolist() == in_region(objects)
    assert frame["annotation class"].tolist() == [None] * 5


def test_a_spot_in_a_cell_lies_in_the_annotation_of_the_cell() -> None:
    objects = section()
    region, _, cell, tile, _ = objects.ids
    parents = [None, cell, tile, region, cell]

    frame = name_annotations(objects, parents).objects

    assert frame["annotation"].tolist() == [None, *["Region / 1"] * 4]


def test_a_parent_that_is_no_object_here_is_no_annotation() -> None:
    objects = section()
    parents = [None, "8b2d4f0a-0000-4000-8000-000000000000", None, None, None]

    assert name_annotations(objects, parents).objects["annotation"].isna().all()


def test_results_can_be_pushed_and_pulled_again(tmp_path: Path) -> None:
    objects = section()
    name_annotations(objects, in_region(objects)).write(tmp_path / "a.geojson")
    again = Detections.read(tmp_path / "a.geojson")

    assert_same(name_annotations(again, in_region(again)), again)
