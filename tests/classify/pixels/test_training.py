"""Training of pixel classifiers on brush strokes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bridge.classify.pixels import training
from bridge.classify.pixels.planes import PlaneReader
from bridge.classify.pixels.training import train_pixel_classifier
from bridge.errors import BadInputError
from bridge.formats.ilastik.labels import Block, Strokes
from bridge.images import from_array
from tests.classify.pixels.scenes import (
    CLASSES,
    blobs,
    image_of,
    selection,
    strokes_on,
    trained,
)

pytest.importorskip("sklearn")


def test_a_classifier_finds_what_its_strokes_show() -> None:
    pixels = blobs((40, 44))
    classifier = trained(pixels)
    found = classifier.predict(pixels[None, ..., None].astype(np.float32))[:, 0]
    inner = (slice(4, 36), slice(4, 40))
    assert ((found[1] > 0.5) == (pixels > 600))[inner].mean() > 0.97
    assert classifier.error is not None
    assert classifier.error < 0.1
    assert classifier.intensities is not None
    assert classifier.intensities.dtype == "uint16"


def test_the_same_seed_gives_the_same_classifier() -> None:
    assert trained(seed=3).sha256 == trained(seed=3).sha256
    assert trained(seed=3).sha256 != trained(seed=4).sha256


def test_features_of_strokes_are_those_of_the_whole_image(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pixels = blobs((40, 44))
    whole = trained(pixels).bank.compute(pixels[None, ..., None].astype(np.float32))[:, 0]
    given: list[Any] = []
    train = training._train

    def record(x: Any, y: Any, seed: int, trees: int) -> Any:
        given.append((x, y))
        return train(x, y, seed, trees)

    monkeypatch.setattr(training, "_train", record)
    monkeypatch.setattr(training, "_TILE", 7)
    trained(pixels)
    plane = strokes_on(pixels).plane()
    ((x, y),) = given
    at = np.argwhere(plane)
    # Tiles come one after another; sorted, they are the whole.
    expected = np.column_stack([whole[:, at[:, 0], at[:, 1]].T, plane[at[:, 0], at[:, 1]]])
    found = np.column_stack([x, y])
    np.testing.assert_array_equal(
        found[np.lexsort(found.T)], expected[np.lexsort(expected.T)].astype(found.dtype)
    )


def test_a_class_without_strokes_is_named() -> None:
    said: list[str] = []
    pixels = blobs((40, 44))
    classifier = train_pixel_classifier(
        [image_of(pixels)],
        [strokes_on(pixels, classes=3)],
        ("a", "b", "c"),
        selection(),
        trees=5,
        note=said.append,
    )
    assert said == ["the class 'b' has no strokes: no pixel will be of it"]
    assert classifier.labels == (1, 3)


def test_one_class_alone_is_refused() -> None:
    pixels = blobs((40, 44))
    with pytest.raises(BadInputError, match="are of the class 'background' only"):
        train_pixel_classifier(
            [image_of(pixels)], [strokes_on(pixels, classes=1)], CLASSES, selection()
        )
    with pytest.raises(BadInputError, match="are only background"):
        train_pixel_classifier(
            [image_of(pixels)], [strokes_on(pixels, classes=1)], CLASSES[:1], selection()
        )


def test_labels_of_another_size_are_refused() -> None:
    pixels = blobs((40, 44))
    with pytest.raises(BadInputError, match=r"wide: has 1 × 1 × 40 × 44 pixels .* 1 × 1 × 40 × 40"):
        train_pixel_classifier(
            [image_of(pixels, "wide")], [strokes_on(pixels[:, :40])], CLASSES, selection()
        )


def test_labels_of_more_classes_than_names_are_refused() -> None:
    pixels = blobs((40, 44))
    with pytest.raises(BadInputError, match="has labels of class 3, and 2 classes are named"):
        train_pixel_classifier(
            [image_of(pixels)], [strokes_on(pixels, classes=3)], CLASSES, selection()
        )


def test_images_of_other_channels_are_refused() -> None:
    pixels = blobs((40, 44))
    two = from_array(np.stack([pixels, pixels]), axes="CYX", name="two")
    with pytest.raises(BadInputError, match="two: has 2 channels, but image has 1"):
        train_pixel_classifier(
            [image_of(pixels), two], [strokes_on(pixels)] * 2, CLASSES, selection()
        )


def test_images_of_other_types_are_refused() -> None:
    pixels = blobs((40, 44))
    with pytest.raises(BadInputError, match="small: holds uint8, but image holds uint16"):
        train_pixel_classifier(
            [image_of(pixels), image_of((pixels // 8).astype(np.uint8), "small")],
            [strokes_on(pixels)] * 2,
            CLASSES,
            selection(),
        )


def test_planes_and_stacks_together_are_refused_unless_in_2d() -> None:
    plane, stack = blobs((40, 44)), blobs((8, 40, 44))
    images, strokes = [image_of(plane), image_of(stack)], [strokes_on(plane), strokes_on(stack)]
    with pytest.raises(BadInputError, match="choose --features 2d"):
        train_pixel_classifier(images, strokes, CLASSES, selection())
    in_2d = train_pixel_classifier(images, strokes, CLASSES, selection(in_2d=True), trees=5)
    assert in_2d.forest.n_features == len(in_2d.bank.names)


def test_one_channel_of_several_is_trained_on() -> None:
    pixels = blobs((40, 44))
    image = from_array(np.stack([pixels * 0, pixels]), axes="CYX", channels=["GFP", "DAPI"])
    classifier = train_pixel_classifier(
        [image], [strokes_on(pixels)], CLASSES, selection(), trees=10, channels=["dapi"]
    )
    assert classifier.channel_names == ("DAPI",)
    assert classifier.sha256 == trained(pixels).sha256


def test_scales_that_a_stack_is_too_shallow_for_are_filtered_in_2d() -> None:
    said: list[str] = []
    stack = blobs((5, 40, 44))
    classifier = train_pixel_classifier(
        [image_of(stack)], [strokes_on(stack)], CLASSES, selection(0.7, 1.6), trees=5,
        note=said.append,
    )  # fmt: skip
    assert classifier.selection.in_2d == (False, True)
    assert "plane by plane at scale 1.6" in said[0]


def test_very_many_labels_are_thinned_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "_MOST_PIXELS", 20)
    said: list[str] = []
    trained(note=said.append)
    assert said == ["128 pixels have labels; 20 of them, chosen by chance, are used"]


def test_strokes_where_an_image_is_no_number_are_left_out() -> None:
    pixels = blobs((40, 44)).astype(np.float32)
    drawn = strokes_on(pixels)
    pixels[4, 4] = np.nan
    said: list[str] = []
    train_pixel_classifier(
        [image_of(pixels)], [drawn], CLASSES, selection(), trees=5, note=said.append
    )
    assert "labelled pixels lie where an image is not a number" in said[0]


def test_without_strokes_there_is_nothing_to_train() -> None:
    pixels = blobs((40, 44))
    none = Strokes((1, 1, 40, 44), (Block((0, 0, 0, 0), np.zeros((1, 1, 4, 4), np.uint8)),))
    with pytest.raises(BadInputError, match="strokes: are empty"):
        train_pixel_classifier([image_of(pixels)], [none], CLASSES, selection())


def test_planes_of_an_image_are_let_go_before_the_next_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held: list[int] = []
    compute = PlaneReader.block

    def record(reader: PlaneReader, *args: Any) -> Any:
        held.append(sum(len(each._planes) for each in readers))
        return compute(reader, *args)

    readers: list[PlaneReader] = []
    start = PlaneReader.__init__

    def remember(reader: PlaneReader, *args: Any) -> None:
        readers.append(reader)
        start(reader, *args)

    monkeypatch.setattr(PlaneReader, "__init__", remember)
    monkeypatch.setattr(PlaneReader, "block", record)
    pixels = blobs((40, 44))
    train_pixel_classifier(
        [image_of(pixels, str(n)) for n in range(3)], [strokes_on(pixels)] * 3, CLASSES,
        selection(), trees=2,
    )  # fmt: skip
    assert held
    assert max(held) <= 1
    assert not any(reader._planes for reader in readers)
