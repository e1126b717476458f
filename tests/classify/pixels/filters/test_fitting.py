"""Filters wider than the image go to 2D, with a warning, or are refused."""

from __future__ import annotations

import pytest

from bridge.classify.pixels.filters import fit_selection
from bridge.errors import BadInputError
from bridge.formats.ilastik.feature_selection import FeatureSelection
from tests.classify.pixels.filters.slow_features import choose


def test_a_plane_is_filtered_in_2d_without_a_word() -> None:
    fitted, warnings = fit_selection(FeatureSelection.by_name("default"), (1, 50, 60))

    assert fitted.in_2d == (True,) * 7
    assert warnings == ()


def test_scales_deeper_than_the_stack_are_filtered_in_2d_and_named() -> None:
    fitted, warnings = fit_selection(choose(0.7, 1.6, 3.5), (7, 50, 60))

    assert fitted.in_2d == (False, False, True)
    assert warnings == (
        "filtered plane by plane at scale 3.5, which needs 14 planes; the image has 7",
    )


def test_scales_of_which_nothing_is_chosen_do_not_count() -> None:
    plain = choose(0.7, 10.0)
    selection = FeatureSelection(plain.scales, tuple((True, False) for _ in range(6)), plain.in_2d)

    assert fit_selection(selection, (5, 9, 9)) == (selection, ())


def test_an_image_smaller_than_a_filter_is_refused_as_by_ilastik() -> None:
    with pytest.raises(BadInputError, match=r"small.tif: is 24 × 31 pixels.* 10.0 need 36"):
        fit_selection(choose(0.7, 10.0), (1, 24, 31), "small.tif")
