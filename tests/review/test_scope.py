"""A push touches only what it is about: regions, planes, classes, a layer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import shapely

from bridge import Detections, ImageInfo
from bridge.review import Scope, merge, segmented_planes
from tests.review.nuclei import assert_nothing_changes, disc, edited, row_of, with_more, without


def region(*box: float, **columns: Any) -> Any:
    return Detections.from_polygons([shapely.box(*box)], columns=columns).objects


RIGHT = region(35, 0, 200, 30)
"""Around all nuclei of a row but the first two."""


def test_untouched_objects_outside_of_the_regions_stay() -> None:
    base, new = row_of(4), without(row_of(4, shift=1), 0, 3)

    merged = merge(base, base, new, scope=Scope(regions=RIGHT))

    assert sorted(merged.detections.ids) == sorted(base.ids[:3])
    assert merged.kept == set(base.ids[:2])
    for identity in base.ids[:2]:
        outline = merged.detections.objects.loc[identity, "geometry"]
        assert outline.equals_exact(base.objects.loc[identity, "geometry"], 0)
    assert_nothing_changes(merged, new, scope=Scope(regions=RIGHT))


def test_a_region_is_on_its_plane() -> None:
    base = row_of(2, z=[0, 1])

    merged = merge(base, base, row_of(0), scope=Scope(regions=region(0, 0, 99, 99, z=[1])))

    assert merged.detections.ids == [base.ids[0]]


def test_one_model_for_each_region() -> None:
    left = Scope(regions=region(0, 0, 35, 30))
    right = Scope(regions=RIGHT)
    base = row_of(4)
    first, second = row_of(4, shift=1), row_of(4, shift=2)

    merged = merge(base, without(base, 1), first, scope=left)
    merged = merge(merged.pushed, merged.detections, second, scope=right)

    assert set(merged.detections.ids) == {base.ids[0], *base.ids[2:]}
    where = [
        merged.detections.objects.loc[i, "geometry"].centroid.x
        for i in base.ids
        if i in merged.detections.ids
    ]
    assert where == pytest.approx([11, 52, 72])
    for new, scope in ((second, right), (first, left), (second, right)):
        assert_nothing_changes(merged, new, scope=scope)


def test_a_new_object_over_one_outside_of_the_region_is_left_out() -> None:
    base = Detections.from_polygons([disc(33)])

    merged = merge(base, base, Detections.from_polygons([disc(36)]), scope=Scope(regions=RIGHT))

    assert merged.detections.ids == base.ids


def test_planes_that_were_not_segmented_stay() -> None:
    base = row_of(4, z=[0, 0, 1, 1])
    new = Detections.from_polygons([disc(51)], columns={"z": [1]})
    planes = segmented_planes(new, base)
    assert planes == frozenset({(1, 0)})

    merged = merge(base, base, new, scope=Scope(planes=planes))

    assert sorted(merged.detections.ids) == sorted(base.ids[:3])


def test_an_image_of_one_plane_is_segmented_also_where_nothing_is_found() -> None:
    assert segmented_planes(row_of(0), row_of(2)) is None
    series = replace(row_of(2), image=ImageInfo(name="a", size_t=3))
    assert segmented_planes(row_of(0), series) == frozenset()


def test_only_the_classes_that_are_asked_for_are_touched() -> None:
    columns: dict[str, Any] = {"class": ["Neuron", "Neuron", "Glia"]}
    base, new = row_of(3, **columns), row_of(3, shift=1, **columns)

    merged = merge(base, base, without(new, 0), scope=Scope(classes=frozenset({"Neuron"})))

    assert sorted(merged.detections.ids) == sorted(base.ids[1:])
    assert merged.kept == {base.ids[2]}


def test_layers_are_not_compared_with_each_other() -> None:
    spots = Detections.from_polygons([disc(10, radius=1), disc(30, radius=1)])
    in_layer = Scope(layer="spots")
    nuclei = row_of(3)

    merged = merge(nuclei, without(nuclei, 0), spots, scope=in_layer)
    assert set(merged.detections.ids) == {*nuclei.ids[1:], *spots.ids}
    fewer = merge(merged.pushed, without(merged.detections, 0), without(spots, 1), scope=in_layer)

    deleted = merged.detections.ids[0]
    assert set(fewer.detections.ids) == {*nuclei.ids[1:], *spots.ids[:1]} - {deleted}
    new = row_of(3, shift=1)
    again = merge(fewer.pushed, fewer.detections, new)
    assert set(again.detections.ids) == {*nuclei.ids[1:], *spots.ids[:1]} - {deleted}
    assert_nothing_changes(again, new)


def test_a_nucleus_drawn_by_hand_does_not_forbid_the_spots_in_it() -> None:
    spots = Detections.from_polygons([disc(110, radius=1)])
    drawn = with_more(row_of(1), disc(110))

    merged = merge(row_of(0), drawn, spots, scope=Scope(layer="spots"))

    assert set(merged.detections.ids) == {*drawn.ids, *spots.ids}


def test_edits_outside_of_the_scope_are_kept_in_mind() -> None:
    base, new = row_of(4), row_of(4, shift=1)
    reviewed = edited(without(base, 0), 0, **{"class": "Tumor"})

    merged = merge(base, reviewed, new, scope=Scope(regions=RIGHT))
    merged = merge(merged.pushed, merged.detections, row_of(4, shift=2))

    assert merged.detections.ids == base.ids[1:]
    assert merged.detections.objects["class"].tolist() == ["Tumor", None, None]
