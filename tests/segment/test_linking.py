"""Nuclei of planes, linked to those of the volume."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from bridge import Detections, ImageInfo, Segmenter
from bridge.errors import BadInputError
from bridge.images import from_array
from bridge.objects3d import has_objects, list_objects, to_volume
from bridge.segment.linking import link_planes
from bridge.training.evaluation.overlap import find_overlap

Ball = tuple[float, float, float, float]
"""Centre (z, y, x) and radius in pixels; slices are two pixels apart."""


def draw(balls: list[Ball], shape: tuple[int, int, int] = (16, 40, 60)) -> NDArray[Any]:
    z, y, x = np.ogrid[: shape[0], : shape[1], : shape[2]]
    labels = np.zeros(shape, np.uint16)
    for number, (at, row, column, radius) in enumerate(balls, 1):
        inside = (2 * (z - at)) ** 2 + (y - row) ** 2 + (x - column) ** 2 < radius**2
        labels[inside & (labels == 0)] = number
    return labels


def planes_of(labels: NDArray[Any]) -> Detections:
    """Cuts as a 2D model finds them: labels count on through the planes."""
    found = Detections.from_labels(labels, axes="ZYX")
    frame = found.objects.assign(label=np.arange(1, len(found) + 1), prob=0.5)
    return replace(found, objects=frame)


def light(labels: NDArray[Any]) -> Callable[[int, int], NDArray[Any]]:
    image = gaussian_filter((labels > 0).astype(float), 1)
    return lambda z, t: image[z]


APART: list[Ball] = [(5, 12, 14, 9), (9, 26, 42, 10)]


def test_cuts_of_a_nucleus_become_one_object() -> None:
    truth = draw(APART)

    linked = link_planes(planes_of(truth), light(truth))

    assert has_objects(linked)
    assert len(list_objects(linked)) == 2
    assert find_overlap(truth, to_volume(linked)).score(0.7).f1 == 1


def test_a_nucleus_missed_in_one_slice_is_filled_in() -> None:
    truth = draw(APART)
    found = planes_of(truth)
    missed = replace(found, objects=found.objects[found.objects["z"] != 5])

    linked = link_planes(missed, light(truth))

    filled, wanted = to_volume(linked)[5] > 0, truth[5] == 1
    assert len(list_objects(linked)) == 2
    assert np.sum(filled & wanted) / np.sum(filled | wanted) > 0.9


def test_a_nucleus_missed_in_two_slices_is_two() -> None:
    truth = draw(APART[:1])
    found = planes_of(truth)
    missed = replace(found, objects=found.objects[~found.objects["z"].isin([4, 5])])

    assert len(list_objects(link_planes(missed, light(truth)))) == 2


def test_nuclei_upon_each_other_are_parted_where_the_light_has_a_valley() -> None:
    truth = draw([(4, 20, 30, 8), (11, 20, 30, 8)])
    blurred = gaussian_filter((truth > 0).astype(float), (1.2, 1, 1))
    seen = (blurred > 0.1).astype(np.uint8)  # the model sees the blur between them, too

    linked = link_planes(planes_of(seen), lambda z, t: blurred[z])

    assert len(np.unique(Detections.from_labels(seen, axes="ZYX").objects["z"])) > 12
    assert len(list_objects(linked)) == 2
    assert find_overlap(truth, to_volume(linked)).score(0.5).f1 == 1


def test_few_planes_are_left_out_unless_the_image_has_no_more() -> None:
    truth = draw([*APART, (14, 8, 50, 2)])
    found = planes_of(truth)

    counts = [len(list_objects(link_planes(found, light(truth), min_planes=n))) for n in (1, 2, 9)]

    assert counts == [3, 2, 0]
    plane = Detections.from_labels(truth[5:6], axes="ZYX")
    assert len(link_planes(plane, light(truth[5:6]))) == len(plane)


def test_time_points_are_linked_each_for_itself() -> None:
    truth = draw(APART)
    stack = np.stack([truth, truth])
    found = Detections.from_labels(stack, axes="TZYX")

    linked = link_planes(found, light(truth))

    listed = list_objects(linked)
    assert listed["t"].tolist() == [0, 0, 1, 1]
    assert listed["label"].tolist() == [1, 2, 3, 4]


def test_an_object_has_the_largest_probability_and_the_class_of_most_pixels() -> None:
    truth = draw(APART[:1])
    found = planes_of(truth)
    frame = found.objects.assign(prob=0.3, **{"class": "glia"})
    frame.iloc[0, frame.columns.get_loc("class")] = "neuron"
    frame.iloc[2, frame.columns.get_loc("prob")] = 0.8

    linked = link_planes(replace(found, objects=frame), light(truth))

    assert set(linked.objects["prob"]) == {0.8}
    assert set(linked.objects["class"]) == {"glia"}


def test_no_nuclei_are_linked_to_none() -> None:
    found = Detections.from_labels(np.zeros((3, 9, 9), int), axes="ZYX")

    linked = link_planes(found, lambda z, t: np.zeros((9, 9)))

    assert len(linked) == 0
    assert to_volume(linked).shape == (3, 9, 9)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"min_planes": 0}, "--min-planes"), ({"min_overlap": 0}, "overlap"), ({}, "size")],
)
def test_bad_settings_are_refused(options: dict[str, Any], words: str) -> None:
    found = planes_of(draw(APART))
    if not options:
        found = replace(found, image=ImageInfo())

    with pytest.raises(BadInputError, match=words):
        link_planes(found, light(draw(APART)), **options)


@pytest.mark.model
def test_the_built_in_model_finds_stardists_nuclei_of_the_volume(
    demo_segmenter: Segmenter,
) -> None:
    from stardist.data import test_image_nuclei_3d

    image, truth = test_image_nuclei_3d(return_mask=True)

    linked = demo_segmenter.segment(from_array(image, axes="ZYX"), stack_2d="link")

    volume = to_volume(linked)
    assert find_overlap(truth, volume).score(0.5).f1 > 0.85  # 0.92 when it was written
    assert set(np.unique(volume)) - {0} == set(linked.objects["label"])
