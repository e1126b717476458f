"""The objects of all planes: labels count on, classes are StarDist's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bridge import ImageInfo
from bridge.detections import Outline
from bridge.model.recipe import Recipe
from bridge.segment.collecting import ObjectCollector, name_classes
from bridge.segment.nms import Candidates

IMAGE = ImageInfo(name="a", width=40, height=40, size_z=3)


def candidates(*points: tuple[int, int], classes: Any = None) -> Candidates:
    n = len(points)
    return Candidates(
        np.linspace(0.9, 0.6, n, dtype=np.float32),
        np.full((n, 32), 4, np.float32),
        np.array(points, np.int32).reshape(n, 2),
        classes,
    )


@pytest.mark.parametrize("outline", ["star", "traced"])
def test_labels_count_on_through_planes_some_of_which_are_empty(outline: Outline) -> None:
    objects = ObjectCollector(outline, Recipe())
    for z, points in ((0, [(10, 10), (25, 25)]), (1, []), (2, [(20, 20)])):
        objects.add(candidates(*points), (40, 40, 1), t=0, z=z, pixel=(1, 1), source="a")

    found = objects.detections(IMAGE)

    assert found.objects[["label", "z"]].to_numpy().tolist() == [[1, 0], [2, 0], [3, 2]]
    assert found.to_labels().shape == (3, 40, 40)


@pytest.mark.parametrize("outline", ["star", "traced"])
def test_no_plane_with_objects_gives_no_objects(outline: Outline) -> None:
    found = ObjectCollector(outline, Recipe()).detections(IMAGE)

    assert len(found) == 0
    assert not found.to_labels().any()


def test_outlines_come_in_pixels_of_the_image() -> None:
    objects = ObjectCollector("star", Recipe())
    objects.add(candidates((20, 30)), (20, 20, 1), t=0, z=0, pixel=(0.5, 0.5), source="a")

    left, top, right, bottom = objects.detections(IMAGE).objects.geometry.iloc[0].bounds

    assert (left + right, top + bottom) == pytest.approx((30.5, 20.5))
    assert right - left == pytest.approx(4)


def test_the_class_is_the_most_probable_one_and_background_is_none() -> None:
    kept = candidates(
        (5, 5), (9, 9), (20, 20), classes=np.array([[0.5, 0.4, 0.1], [0.3, 0.4, 0.3], [0, 0, 1]])
    )

    assert name_classes(kept.classes, len(kept), Recipe(classes=("Neuron",))).tolist() == [
        None,
        "Neuron",
        "class 2",
    ]


def test_a_model_without_classes_gives_none() -> None:
    assert name_classes(None, 1, Recipe(classes=("Neuron",))).tolist() == [None]
