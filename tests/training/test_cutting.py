"""Parts of pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import BadInputError
from bridge.training.cutting import grey_pair, quarter_pair, scale_pair, tile_pair, trim
from bridge.training.pairs import IGNORED, TrainingPair
from tests.training.folders import picture, squares

PERCENTILES = (1.0, 99.8)


def pair(**changes: Any) -> TrainingPair:
    settings: dict[str, Any] = {"image": picture(0), "labels": squares(), **changes}
    return TrainingPair(name="a", classes={1: "x", 6: "y"}, **settings)


@given(height=st.integers(1, 70), width=st.integers(1, 70), size=st.integers(1, 40))
def test_tiles_cover_a_pair_once(height: int, width: int, size: int) -> None:
    whole = pair(image=picture(1, (height, width)), labels=np.ones((height, width), int))

    covered = np.zeros((height, width), int)
    for tile in tile_pair(whole, size, PERCENTILES):
        rows, columns = tile.labels.shape
        y, x = tile.frame
        covered[y : y + rows, x : x + columns] += 1
        assert max(rows, columns) <= size
        assert np.array_equal(tile.image, whole.image[y : y + rows, x : x + columns])

    assert (covered == 1).all()


def test_tiles_that_nobody_has_looked_at_are_left_out() -> None:
    labels = squares().astype(int)
    labels[:, 32:] = IGNORED

    tiles = list(tile_pair(pair(labels=labels), 32, PERCENTILES))

    assert [tile.frame for tile in tiles] == [(0, 0), (24, 0)]


def test_a_part_keeps_ranges_group_and_classes_of_its_image() -> None:
    whole = pair()

    parts = list(quarter_pair(whole, PERCENTILES))

    low, high = np.percentile(picture(0), PERCENTILES)
    assert [part.name for part in parts] == ["a_0", "a_1", "a_2", "a_3"]
    assert [part.frame for part in parts] == [(0, 0), (0, 32), (24, 0), (24, 32)]
    for part in parts:
        assert part.ranges == ((low, high),)
        assert part.group == "a"
        again = next(quarter_pair(part, PERCENTILES))
        assert again.ranges == part.ranges
    assert parts[0].classes == {1: "x", 6: "y"}
    assert parts[1].classes == {}


def test_a_large_image_is_trimmed_to_what_was_reviewed() -> None:
    labels = np.full((400, 600), IGNORED)
    labels[100:120, 200:230] = 3

    part = trim(pair(image=picture(0, (400, 600)), labels=labels), PERCENTILES, margin=10)

    assert part.labels.shape == (40, 50)
    assert part.frame == (90, 190)
    assert part.count == 1


def test_a_pair_that_was_reviewed_throughout_is_not_trimmed() -> None:
    whole = pair()

    assert trim(whole, PERCENTILES) is whole


@pytest.mark.parametrize("scale", [0.25, 0.5, 2.0])
def test_scaled_masks_hold_the_same_numbers_in_the_same_places(scale: float) -> None:
    scaled = scale_pair(pair(), scale)

    assert scaled.labels.shape == (48 * scale, 64 * scale)
    assert scaled.image.shape[:2] == scaled.labels.shape
    assert scaled.image.dtype == np.uint16
    assert set(np.unique(scaled.labels)) == set(range(7))
    for label in range(1, 7):
        centres = [np.argwhere(labels == label).mean(0) for labels in (squares(), scaled.labels)]
        assert np.allclose((centres[0] + 0.5) * scale, centres[1] + 0.5, atol=0.5)


def test_what_was_not_reviewed_stays_so_when_scaled() -> None:
    labels = squares().astype(int)
    labels[:, 32:] = IGNORED

    assert scale_pair(pair(labels=labels), 0.5).reviewed == 0.5


def test_ranges_become_grey_with_the_pixels() -> None:
    colours = np.stack([picture(n) for n in range(3)], axis=-1)
    whole = pair(image=colours, ranges=((0.0, 10.0), (0.0, 20.0), (0.0, 30.0)))

    grey = grey_pair(whole)

    assert grey.image.shape == (48, 64, 1)
    weights = np.array([0.2125, 0.7154, 0.0721])
    assert np.array_equal(grey.image[..., 0], np.rint(colours @ weights))
    assert grey.ranges is not None
    assert grey.ranges[0] == pytest.approx((0, 10 * 0.2125 + 20 * 0.7154 + 30 * 0.0721))


def test_a_line_of_pixels_has_no_quadrants() -> None:
    with pytest.raises(BadInputError, match="too small for quadrants"):
        next(quarter_pair(pair(image=picture(0, (1, 9)), labels=np.ones((1, 9), int)), PERCENTILES))
