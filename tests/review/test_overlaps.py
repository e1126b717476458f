"""Which objects lie over which."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely

from bridge import Detections
from bridge.review.overlaps import find_overlaps
from tests.review.nuclei import disc, row_of

BOX = shapely.box(0, 0, 10, 10)


def overlaps(first: Any, second: Any, share: float = 0.5, **second_columns: Any) -> list[float]:
    ours = Detections.from_polygons([first]).objects
    theirs = Detections.from_polygons([second], columns=second_columns).objects
    found: list[float] = find_overlaps(ours, theirs, share).iou.round(3).tolist()
    return found


@pytest.mark.parametrize(
    ("other", "iou"),
    [
        (BOX, [1.0]),
        (shapely.box(0, 0, 5, 10), [0.5]),
        (shapely.box(2, 2, 3, 3), [0.01]),
        (shapely.box(5, 0, 15, 10), [0.333]),
        (shapely.box(5.1, 0, 15.1, 10), []),
        (shapely.box(10, 0, 20, 10), []),
        (shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)]), [0.5]),
    ],
)
def test_half_of_the_smaller_one_is_the_same_place(other: Any, iou: list[float]) -> None:
    """The last one crosses itself, as a freehand line may."""
    assert overlaps(BOX, other) == iou
    assert overlaps(other, BOX) == iou


@pytest.mark.parametrize(
    ("columns", "met"),
    [
        ({"z": [1]}, False),
        ({"t": [1]}, False),
        ({"c": [1]}, True),
        ({"object_type": ["cell"]}, True),
        ({"object_type": ["tile"]}, False),
        ({"object_type": ["annotation"]}, True),
    ],
)
def test_only_objects_of_one_plane_and_kind_meet(columns: dict[str, Any], met: bool) -> None:
    assert bool(overlaps(BOX, BOX, **columns)) == met


def test_a_region_does_not_overlap_the_nuclei_in_it() -> None:
    region = Detections.from_polygons([shapely.box(0, 0, 100, 100)]).objects
    found = [
        find_overlaps(region, Detections.from_polygons([drawn]).objects, of_both=True).iou.tolist()
        for drawn in (BOX, shapely.box(0, 0, 100, 49), shapely.box(0, 0, 100, 50))
    ]

    assert found == [[], [], [0.5]]


def test_two_channels_do_not_meet() -> None:
    first = Detections.from_polygons([BOX], columns={"c": [0]}).objects
    second = Detections.from_polygons([BOX], columns={"c": [1]}).objects

    assert len(find_overlaps(first, second).iou) == 0


def test_pairs_are_matched_one_to_one_and_the_best_first() -> None:
    first = Detections.from_polygons([disc(10), disc(12)]).objects
    second = Detections.from_polygons([disc(12.5), disc(9), disc(100)]).objects

    rows, theirs = find_overlaps(first, second).one_to_one()

    assert dict(zip(rows.tolist(), theirs.tolist(), strict=True)) == {0: 1, 1: 0}


def test_every_pair_is_found_in_a_crowd() -> None:
    rng = np.random.default_rng(0)
    crowds = [
        Detections.from_polygons([disc(x, y) for x, y in rng.uniform(0, 60, (40, 2))]).objects
        for _ in range(2)
    ]
    found = find_overlaps(crowds[0], crowds[1], 0.3)

    expected = {
        (i, j)
        for i, a in enumerate(crowds[0].geometry)
        for j, b in enumerate(crowds[1].geometry)
        if a.intersection(b).area >= 0.3 * min(a.area, b.area)
    }
    assert set(zip(found.first.tolist(), found.second.tolist(), strict=True)) == expected
    assert len(row_of(0)) == len(find_overlaps(row_of(0).objects, crowds[0]).iou)
