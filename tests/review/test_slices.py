"""A reviewer classes a nucleus of a volume in one slice, and means the nucleus."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bridge import Detections
from bridge.aggregate.sections import count_objects
from bridge.objects3d import from_volume, list_objects
from bridge.review import compare
from bridge.review.classes import TO_CHECK
from bridge.review.results import write_results


@pytest.fixture
def pushed() -> Detections:
    """Three nuclei, in four slices each, with predicted classes; the third is to check."""
    labels = np.zeros((4, 12, 30), np.uint16)
    for number in range(3):
        labels[:, 2:9, 10 * number : 10 * number + 7] = number + 1
    found = from_volume(labels, columns={"class": {1: "Glia", 2: "Glia"}})
    frame = found.objects
    frame.loc[(frame["label"] == 3) & (frame["z"] == 0), "class"] = TO_CHECK
    return Detections(frame, found.image)


def reviewed(pushed: Detections, edits: dict[tuple[int, int], str]) -> Detections:
    """Return objects with other classes, by label and slice."""
    keys = zip(pushed.objects["label"], pushed.objects["z"], strict=True)
    classes = [edits.get(key, was) for key, was in zip(keys, pushed.objects["class"], strict=True)]
    return replace(pushed, objects=pushed.objects.assign(**{"class": classes}))


def pull(pushed: Detections, now: Detections, folder: Path) -> tuple[Detections, tuple[str, ...]]:
    written = write_results(now, "a", folder, ["geojson"], changes=compare(pushed, now))
    return Detections.read(folder / written.files["geojson"]), written.notes


def test_the_class_of_one_slice_goes_to_the_nucleus(pushed: Detections, tmp_path: Path) -> None:
    now = reviewed(pushed, {(1, 2): "Neuron", (3, 1): "Neuron"})

    found, notes = pull(pushed, now, tmp_path)

    classes = found.objects.groupby("label")["class"].agg(set)
    assert classes.to_dict() == {1: {"Neuron"}, 2: {"Glia"}, 3: {"Neuron"}}
    assert notes == ("the class of a slice was given to all slices of 2 nuclei",)
    assert found.ids == pushed.ids
    counted = count_objects(found, "a").counts
    assert counted == list_objects(found)["class"].value_counts().to_dict()
    assert counted == {"Neuron": 2, "Glia": 1}


def test_what_a_reviewer_said_of_each_slice_stays_and_is_told(
    pushed: Detections, tmp_path: Path
) -> None:
    now = reviewed(pushed, {(1, 0): "Neuron", (1, 2): "Dead", (1, 3): "Dead"})

    found, notes = pull(pushed, now, tmp_path)

    first = found.objects[found.objects["label"] == 1].sort_values("z")
    assert first["class"].tolist() == ["Neuron", "Dead", "Dead", "Dead"]
    assert "1 nuclei have slices of different classes; that of most slices counts" in notes


def test_without_edits_nothing_is_given(pushed: Detections, tmp_path: Path) -> None:
    found, notes = pull(pushed, pushed, tmp_path)

    assert found.objects["class"].tolist() == pushed.objects["class"].tolist()
    assert notes == ()
