"""Planes in the size and with the channels that a network takes."""

from __future__ import annotations

import numpy as np
import pytest

from bridge import PixelSize
from bridge.errors import BadInputError
from bridge.images import from_array
from bridge.segment.planes import check_scale, magnification, name_plane, read_plane, resample


def test_channels_are_read_in_the_order_that_is_asked_for() -> None:
    image = from_array(np.arange(24).reshape(2, 3, 2, 2), axes="ZCYX")

    plane = read_plane(image, [2, 0], t=0, z=1)

    assert plane[0, 0].tolist() == [20, 12]


def test_a_plane_of_a_stack_is_named_by_its_place() -> None:
    stack = from_array(np.zeros((2, 3, 4, 4)), axes="TZYX", name="a")

    assert name_plane(stack, 1, 2) == "a (time point 1) (slice 2)"
    assert name_plane(from_array(np.zeros((4, 4)), name="a"), 0, 0) == "a"


def test_a_given_scale_counts_more_than_the_pixel_sizes() -> None:
    fine = PixelSize(0.25, 0.5)

    assert magnification(fine, 0.5) == (0.5, 1.0)
    assert magnification(fine, 0.5, scale=3) == (3, 3)
    assert magnification(None, 0.5) == magnification(fine, None) == (1, 1)


def test_pixel_sizes_that_nearly_agree_change_nothing() -> None:
    assert magnification(PixelSize(0.49, 0.51), 0.5) == (1, 1)


@pytest.mark.parametrize("scale", [0, -1, float("nan"), float("inf")])
def test_a_scale_that_is_no_factor_is_said(scale: float) -> None:
    with pytest.raises(BadInputError, match=r"scale: .* is no factor; give a number above 0"):
        check_scale(scale)


def test_a_scale_and_a_pixel_size_contradict_each_other() -> None:
    with pytest.raises(BadInputError, match="scale and pixel size: both say how large"):
        check_scale(2, pixel_size=0.5)


def test_a_plane_is_enlarged_and_shrunk_and_never_vanishes() -> None:
    plane = np.ones((10, 20, 2), np.uint8)

    assert resample(plane, (2, 0.5), "a").shape == (20, 10, 2)
    assert resample(plane, (0.01, 0.01), "a").shape == (1, 1, 2)
    assert resample(plane, (1, 1), "a") is plane
