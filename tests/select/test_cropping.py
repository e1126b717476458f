"""Crops of an image and its nuclei."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bridge import Detections, PixelSize
from bridge.errors import BadInputError
from bridge.images import from_array
from bridge.select import Window, crop
from tests.label_images import label_images
from tests.select.sections import nuclei


def section(labels: NDArray[Any], axes: str = "CYX") -> Any:
    shape = (
        (2, *labels.shape[-2:]) if axes == "CYX" else (*labels.shape[:-2], 2, *labels.shape[-2:])
    )
    pixels = np.arange(np.prod(shape)).reshape(shape).astype(np.uint16)
    return from_array(
        pixels, axes=axes, pixel_size=PixelSize(0.5, 0.25), channels=["DAPI", "488"], name="s"
    )


def test_image_and_labels_are_of_the_same_place() -> None:
    image = section(nuclei())

    made = crop(image, nuclei(), (16, 24), "bottom-right")

    assert made.window == Window(24, 36, 16, 24)
    for channel in range(2):
        assert np.array_equal(made.image.plane(channel), image.plane(channel)[24:, 36:])
    assert made.image.channels == ("DAPI", "488")
    assert made.image.pixel_size == PixelSize(0.5, 0.25)
    assert made.image.name == made.nuclei.image.name == "s_crop"
    assert made.image.dtype == np.uint16
    expected = np.searchsorted([0, 9, 12, 700], nuclei()[24:, 36:])
    assert np.array_equal(made.nuclei.to_labels(), expected)


def test_labels_begin_at_1_and_tell_their_originals() -> None:
    made = crop(section(nuclei()), nuclei(), (16, 24), "bottom-right")

    assert made.objects.columns.tolist() == ["label", "original_label", "z", "t", "cut"]
    assert made.objects["label"].tolist() == [1, 2, 3]
    assert made.objects["original_label"].tolist() == [9, 12, 700]
    assert made.objects["cut"].tolist() == [True, False, True]


@given(label_images(max_side=16), st.booleans())
def test_nuclei_may_keep_their_labels(labels: NDArray[Any], as_objects: bool) -> None:
    half = (Fraction(1, 2), Fraction(1, 2))
    given_nuclei = Detections.from_labels(labels) if as_objects else labels
    made = crop(section(labels), given_nuclei, half, "bottom-left", keep_labels=True, name="s")

    window = made.window
    assert (window.left, window.bottom) == (0, labels.shape[0])
    assert (window.height, window.width) == tuple(max(1, side // 2) for side in labels.shape)
    assert np.array_equal(made.nuclei.to_labels(), window.of(labels))
    assert made.objects["label"].tolist() == made.objects["original_label"].tolist()
    assert made.image.name == made.nuclei.image.name == "s"


def test_nuclei_at_the_images_own_border_are_not_cut() -> None:
    made = crop(section(nuclei()), nuclei(), (20, 30), "bottom-right")

    assert dict(zip(made.objects["original_label"], made.objects["cut"], strict=True)) == {
        9: False,
        12: False,
        700: False,
    }


def test_uuid_class_and_probability_stay_with_the_nucleus() -> None:
    image = section(nuclei())
    found = Detections.from_labels(nuclei(), image=image.info)
    found.objects["prob"] = [0.5, 0.6, 0.7, 0.8]
    found.objects["class"] = ["a", "b", None, "d"]

    made = crop(image, found, window=Window(25, 33, 15, 27))

    kept = made.nuclei.objects
    assert made.nuclei.ids == found.ids[1:]
    assert kept["prob"].tolist() == [0.6, 0.7, 0.8]
    assert kept["class"].tolist() == ["b", None, "d"]
    assert made.objects["id"].tolist() == found.ids[1:]


def test_stacks_are_cropped_in_every_plane() -> None:
    stack = np.stack([nuclei(), np.roll(nuclei(), 3, axis=1)])
    image = section(stack, "ZCYX")

    made = crop(image, stack, (16, 30), "bottom-right")

    assert made.nuclei.label_axes() == "ZYX"
    assert np.array_equal(
        made.nuclei.to_labels(), np.searchsorted([0, 9, 12, 700], stack[:, 24:, 30:])
    )
    assert np.array_equal(made.image.plane(1, z=1), image.plane(1, z=1)[24:, 30:])
    found = Detections.from_labels(stack, axes="ZYX", image=image.info)
    again = crop(image, found, window=made.window)
    assert set(again.nuclei.ids) <= set(found.ids)
    assert again.objects[["label", "z"]].equals(made.objects[["label", "z"]])


def test_a_crop_of_nothing_but_background_has_no_nuclei() -> None:
    made = crop(section(nuclei()), nuclei(), (10, 10), "bottom-left")

    assert len(made.nuclei) == len(made.objects) == 0
    assert made.nuclei.to_labels().shape == (10, 10)


@given(label_images(), st.data())
def test_every_pixel_keeps_its_nucleus(labels: NDArray[Any], data: st.DataObject) -> None:
    height, width = labels.shape
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    window = Window(
        top, left, data.draw(st.integers(1, height - top)), data.draw(st.integers(1, width - left))
    )

    made = crop(section(labels), labels, window=window)

    originals = np.append(0, made.objects["original_label"].to_numpy())
    assert np.array_equal(originals[made.nuclei.to_labels()], window.of(labels))
    assert made.objects["label"].tolist() == list(range(1, len(made.objects) + 1))
    for label, cut in zip(made.objects["original_label"], made.objects["cut"], strict=True):
        whole = np.sum(labels == label) == np.sum(window.of(labels) == label)
        assert not (cut and whole)


def test_nuclei_of_another_image_are_refused() -> None:
    image = section(nuclei())

    with pytest.raises(BadInputError, match="is 60 x 40 px, but its nuclei are of 60 x 39 px"):
        crop(image, nuclei()[1:], (5, 5))
    other = Detections.from_labels(nuclei()[:, 1:])
    with pytest.raises(BadInputError, match="its nuclei are of 59 x 40 px"):
        crop(image, other, (5, 5))
