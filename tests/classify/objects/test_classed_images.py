"""Images with classed objects become a table, in which content tells what is the same."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import shapely

from bridge import Detections
from bridge.classify.objects.classed_images import (
    ClassedImage,
    group_of,
    hash_objects,
    measure_examples,
    select_examples,
)
from bridge.errors import BadInputError, StarbridgeError
from bridge.images import from_array
from tests.classify.objects.images import features, pixels, squares, write_image


def _image(path: Path, classes: list[str | None], **changes: str) -> ClassedImage:
    detections = squares(classes, name=path.stem)
    _, found = select_examples(detections)
    name = changes.get("name", path.stem)
    group = changes.get("group", name)
    return ClassedImage(
        path=path, detections=detections, classes=found, name=name, group=group, source=str(path)
    )


def test_a_row_for_each_classed_object_with_all_features(tmp_path: Path) -> None:
    images = [
        _image(write_image(tmp_path / "a.tif"), ["live", None, "dead", None]),
        _image(write_image(tmp_path / "b.tif", 1), [None, "live", None, None]),
    ]

    examples = measure_examples(images, features)

    assert examples.table["class"].tolist() == ["live", "dead", "live"]
    assert examples.table["image"].tolist() == ["a", "a", "b"]
    assert examples.table["object"].iloc[0] == images[0].detections.ids[0]
    assert examples.table["Nucleus: Area px^2"].tolist() == [64.0] * 3
    x, y = 2, 2
    mean = pixels()[y : y + 8, x : x + 8].mean()
    assert examples.table["Nucleus: C1: Mean"].iloc[0] == pytest.approx(mean)


def test_a_copy_of_an_image_under_another_name_is_refused(tmp_path: Path) -> None:
    first = write_image(tmp_path / "a.tif")
    second = Path(shutil.copy(first, tmp_path / "b.tif"))

    with pytest.raises(BadInputError, match="has the same images as b"):
        measure_examples(
            [
                _image(first, ["live", None, None, None]),
                _image(second, [None, None, None, "dead"]),  # of another object
            ],
            features,
        )


def test_the_same_image_in_two_sources_counts_once(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.tif")
    notes: list[str] = []

    examples = measure_examples(
        [_image(path, ["live", "dead", None, None]), _image(path, ["live", None, "dead", None])],
        features,
        note=notes.append,
    )

    assert len(examples) == 3
    assert notes == ["1 objects are given several times; each counts once"]


def test_two_people_who_disagree_are_told(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.tif")

    with pytest.raises(BadInputError, match="in the classes 'dead' and 'live'"):
        measure_examples(
            [_image(path, ["live", None, None, None]), _image(path, ["dead", None, None, None])],
            features,
        )


def test_a_bad_image_does_not_stop_the_others(tmp_path: Path) -> None:
    good = _image(write_image(tmp_path / "a.tif"), ["live", "dead", None, None])
    bad = _image(tmp_path / "gone.tif", ["live", None, None, None])
    errors: list[StarbridgeError] = []

    examples = measure_examples([bad, good], features, on_error=errors.append)

    assert len(examples) == 2
    assert "gone.tif" in str(errors[0])
    with pytest.raises(BadInputError, match=r"gone\.tif"):
        measure_examples([bad, good], features)


def test_images_without_classes_alone_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="are none in what was given"):
        measure_examples([_image(write_image(tmp_path / "a.tif"), [None] * 4)], features)


def test_small_and_even_objects_are_told_apart_by_their_place() -> None:
    image = from_array(np.zeros((20, 20), np.uint8))
    boxes = [shapely.box(1, 1, 9, 9), shapely.box(11, 11, 19, 19)]

    hashes, planes = hash_objects(Detections.from_polygons(boxes), image, np.ones(2, bool))

    assert hashes[0] != hashes[1]
    assert planes[0] == planes[1]


def test_an_object_is_the_same_wherever_it_lies() -> None:
    noise = pixels()[:8, :8]
    left, right = np.zeros((20, 20), np.uint16), np.ones((30, 30), np.uint16)
    left[2:10, 3:11], right[12:20, 20:28] = noise, noise
    at_left = Detections.from_polygons([shapely.box(3, 2, 11, 10)])
    at_right = Detections.from_polygons([shapely.box(20, 12, 28, 20)])

    one = hash_objects(at_left, from_array(left), np.ones(1, bool))
    other = hash_objects(at_right, from_array(right), np.ones(1, bool))

    assert one[0] == other[0]
    assert one[1] != other[1]


def test_objects_outside_of_the_image_do_no_harm() -> None:
    outside = Detections.from_polygons([shapely.box(50, 50, 60, 60), shapely.box(-9, -9, 3, 3)])

    hashes, _ = hash_objects(outside, from_array(pixels()), np.ones(2, bool))

    assert len(set(hashes)) == 2


def test_slices_of_an_organoid_are_one_group() -> None:
    name = "Pa_dQ_J70_SNd2T_20Xa_g1dt08_OG1_s{}"
    assert group_of(name.format(1)) == group_of(name.format(2))
    assert group_of("a") == "a"


def test_annotations_beside_detections_are_regions() -> None:
    kinds = ["annotation", "detection", "detection", "detection"]
    drawn = squares(["tumour", "live", None, "dead"])
    drawn.objects["object_type"] = kinds

    kept, classes = select_examples(drawn)
    assert len(kept) == 3
    assert sorted(classes.values()) == ["dead", "live"]

    _, with_annotations = select_examples(drawn, annotations=True)
    assert sorted(with_annotations.values()) == ["dead", "live", "tumour"]
    _, chosen = select_examples(drawn, classes=("dead",))
    assert [*chosen.values()] == ["dead"]


def test_annotations_alone_are_the_objects() -> None:
    organoids = squares(["Cyst", "Cyst", None, "Solid"], kind="annotation")
    assert len(select_examples(organoids)[1]) == 3
