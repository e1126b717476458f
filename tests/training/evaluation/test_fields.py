"""Pictures of fields show what is wrong, and of a large image where the most is."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture

from bridge.training.evaluation.evaluating import ImageScore
from bridge.training.evaluation.fields import MISSED, RIGHT, TRUE, WRONG, FieldCollector, draw_field
from bridge.training.evaluation.scoring import find_overlap
from bridge.training.pairs import IGNORED, TrainingPair

Labels = NDArray[np.int32]


def squares(*places: tuple[int, int], shape: tuple[int, int] = (96, 96)) -> Labels:
    """Return labels of squares of 12 pixels at (y, x)."""
    labels = np.zeros(shape, np.int32)
    for number, (y, x) in enumerate(places, 1):
        labels[y : y + 12, x : x + 12] = number
    return labels


def drawn(truth: Labels, found: Labels) -> NDArray[np.uint8]:
    pair = TrainingPair(name="a", image=np.full(truth.shape, 7), labels=truth)
    png = draw_field(pair, found, find_overlap(pair.labels, found))
    return np.asarray(Picture.open(io.BytesIO(png)))


def has(picture: NDArray[np.uint8], color: tuple[int, int, int]) -> bool:
    return bool((picture == color).all(axis=-1).any())


def test_each_kind_of_object_has_its_colour() -> None:
    picture = drawn(squares((10, 10), (60, 60)), squares((10, 13), (60, 10)))
    assert picture.shape == (768, 768, 3)
    assert all(has(picture, color) for color in (TRUE, RIGHT, MISSED, WRONG))
    picture = drawn(squares((10, 10)), squares((10, 10)))
    assert not any(has(picture, color) for color in (MISSED, WRONG))


def test_outlines_are_drawn_where_the_objects_are() -> None:
    picture = drawn(squares(), squares((40, 16)))
    y, x = np.nonzero((picture == WRONG).all(axis=-1))
    zoom = 768 // 96
    assert (y.min(), y.max() + 1) == (40 * zoom, 52 * zoom)
    assert (x.min(), x.max() + 1) == (16 * zoom, 28 * zoom)


def test_of_a_large_image_the_part_with_the_most_errors_is_shown() -> None:
    truth = squares((900, 700), (930, 720), (20, 20), shape=(1000, 1200))
    picture = drawn(truth, np.zeros_like(truth))
    assert picture.shape == (768, 768, 3)
    rim = 12 * 12 - 8 * 8  # two pixels of the picture to one of the image
    shown = (picture == MISSED).all(axis=-1).sum()
    assert 2 * rim < shown < 3 * rim * 4


def test_what_nobody_looked_at_is_darker() -> None:
    truth = squares()
    image: Any = np.tile(np.arange(96), (96, 1)) % 2
    pair = TrainingPair(name="a", image=image, labels=truth)
    truth[:, 48:] = IGNORED
    half = TrainingPair(name="a", image=image, labels=truth)
    found = squares()
    pictures = [
        np.asarray(Picture.open(io.BytesIO(draw_field(p, found, find_overlap(p.labels, found)))))
        for p in (pair, half)
    ]
    assert np.array_equal(pictures[0][:, :384], pictures[1][:, :384])
    assert pictures[1][:, 384:].mean() < pictures[0][:, 384:].mean() / 2


def test_the_worst_and_the_best_fields_are_kept_and_empty_ones_are_not() -> None:
    collector = FieldCollector("demo", worst=2, best=1)
    places = [(4, 4), (4, 34), (4, 64), (44, 4)]
    for name, count in zip("abcde", (2, 4, 1, 3, 0), strict=True):
        truth, found = squares(*places), squares(*places[:count])
        if name == "e":
            truth = squares()
        pair = TrainingPair(name=name, image=np.zeros((96, 96)), labels=truth)
        overlap = find_overlap(pair.labels, found)
        collector.add(pair, ImageScore(name=name, overlap=overlap), found)
    assert [field.name for field in collector.worst] == ["c", "a"]
    assert [field.name for field in collector.best] == ["b"]
    assert collector.worst[0].caption == "c: F1 0.40 (1 right, 0 wrong, 3 missed)"
