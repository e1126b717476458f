"""Connected regions, holes, sizes, borders."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from scipy import ndimage

from bridge.classify.pixels.objects.regions import (
    at_border,
    fill_holes,
    keep_regions,
    label_regions,
    renumber,
)
from bridge.classify.pixels.objects.thresholds import above_hysteresis
from bridge.classify.pixels.objects.watershed import cut_apart
from tests.classify.pixels.objects.synthetic_maps import disc_map

SHAPES = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=14)
MASKS = arrays(bool, SHAPES)


@given(MASKS)
def test_regions_are_those_of_scipy_numbered_row_by_row(mask: NDArray[np.bool_]) -> None:
    expected, count = ndimage.label(mask, np.ones((3, 3)))

    labels = label_regions(mask)

    assert labels.max(initial=0) == count
    assert np.array_equal(labels > 0, mask)
    pairs = set(zip(labels.ravel().tolist(), expected.ravel().tolist(), strict=True))
    assert len(pairs) == len(set(labels.ravel().tolist()))
    firsts = [int(np.flatnonzero(labels.ravel() == k)[0]) for k in range(1, count + 1)]
    assert firsts == sorted(firsts)


@given(MASKS)
def test_holes_are_those_of_scipy(mask: NDArray[np.bool_]) -> None:
    assert np.array_equal(fill_holes(mask), ndimage.binary_fill_holes(mask))


@given(MASKS)
def test_a_cut_only_takes_pixels_away_and_loses_no_object(mask: NDArray[np.bool_]) -> None:
    cut = cut_apart(mask)

    assert not (cut & ~mask).any()
    regions = label_regions(mask)
    assert set(np.unique(regions[cut])) == set(np.unique(regions[mask]))


def test_touching_discs_become_two_objects() -> None:
    mask = disc_map((50, 40, 15), (50, 66, 15)) > 0

    assert label_regions(mask).max() == 1
    assert label_regions(cut_apart(mask)).max() == 2


@given(arrays(np.float32, SHAPES, elements=st.floats(0, 1, width=32)))
def test_hysteresis_keeps_the_regions_that_reach_the_high_value(plane: NDArray[Any]) -> None:
    kept = above_hysteresis(plane, 0.25, 0.75)

    labels, count = ndimage.label(plane >= np.float32(0.25), np.ones((3, 3)))
    expected = {k for k in range(1, count + 1) if (plane[labels == k] >= np.float32(0.75)).any()}
    assert np.array_equal(kept, np.isin(labels, list(expected)))


def test_sizes_and_borders_choose_labels_and_numbers_close_up() -> None:
    labels = np.array(
        [
            [1, 1, 0, 0, 0, 0],
            [0, 0, 0, 2, 0, 0],
            [0, 3, 0, 0, 4, 0],
            [0, 3, 0, 0, 4, 0],
            [0, 3, 0, 0, 0, 0],
            [0, 0, 0, 0, 0, 0],
        ],
        np.int32,
    )

    assert keep_regions(labels, 2, 2).tolist() == [False, True, False, False, True]
    assert at_border(labels).tolist() == [True, True, False, False, False]
    kept = keep_regions(labels, 2) & ~at_border(labels)
    assert renumber(labels, kept).max() == 2
    assert np.array_equal(renumber(labels, kept) == 1, labels == 3)
