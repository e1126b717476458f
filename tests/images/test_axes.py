"""Axes are read or given; what nothing names is refused with axes to try."""

from __future__ import annotations

import pytest

from bridge.errors import BadInputError
from bridge.images.axes import lay_out


@pytest.mark.parametrize(
    ("shape", "known", "axes", "sizes"),
    [
        ((4, 5), None, "YX", (4, 5)),
        ((1, 1), None, "YX", (1, 1)),
        ((1, 4, 5), None, "YX", (4, 5)),
        ((4, 5, 1), None, "YX", (4, 5)),
        ((1, 1, 1), None, "YX", (1, 1)),
        ((3, 4, 5), "CYX", "CYX", (3, 4, 5)),
        ((1, 4, 5), "QYX", "YX", (4, 5)),
        ((2, 1, 4, 5, 1), "ZCYXS", "ZCYX", (2, 1, 4, 5)),
        ((2, 1, 4, 5, 3), "ZCYXS", "ZYXC", (2, 4, 5, 3)),
        ((4, 5, 3), "YXS", "YXC", (4, 5, 3)),
    ],
)
def test_metadata_names_the_axes(
    shape: tuple[int, ...], known: str | None, axes: str, sizes: tuple[int, ...]
) -> None:
    layout = lay_out("a.tif", shape, known=known)
    assert (layout.axes, layout.image_shape) == (axes, sizes)


@pytest.mark.parametrize(
    ("shape", "given", "letters"),
    [
        ((4, 512, 600), "CYX", "CYX"),
        ((4, 512, 600), " zyx ", "ZYX"),
        ((512, 600), "XY", "XY"),
        ((1, 1, 4, 512, 600, 1), "CYX", "CYX"),
        ((2, 3, 4, 512, 600), "TZCYX", "TZCYX"),
        ((512, 600, 3), "YXS", "YXC"),
    ],
)
def test_given_axes_override_and_skip_dimensions_of_size_1(
    shape: tuple[int, ...], given: str, letters: str
) -> None:
    assert lay_out("a.tif", shape, known="Q" * len(shape), given=given).axes == letters


def test_colours_are_known_by_the_file_or_by_the_letter_s() -> None:
    assert lay_out("a.tif", (9, 8, 3), known="YXS", rgb=True).is_rgb
    # A user who calls them channels knows better.
    assert not lay_out("a.tif", (9, 8, 3), known="YXS", given="YXC", rgb=True).is_rgb
    assert lay_out("a.tif", (9, 8, 4), given="YXS").is_rgb
    assert not lay_out("a.tif", (9, 8, 3), known="YXS").is_rgb
    assert not lay_out("a.tif", (9, 8, 7), given="YXS").is_rgb


@pytest.mark.parametrize(
    ("shape", "known", "message"),
    [
        (
            (4, 512, 600),
            "QYX",
            "a.tif: has 4 × 512 × 600 values but nothing says what the first axis is; "
            "give --axes CYX (channels) or --axes ZYX (slices)",
        ),
        (
            (512, 600, 3),
            None,
            "a.tif: has 512 × 600 × 3 values but nothing says what its axes are; "
            "give --axes YXC (channels) or --axes YXZ (slices)",
        ),
        (
            (5, 4, 512, 600),
            "QCYX",
            "a.tif: has 5 × 4 × 512 × 600 values but nothing says what the first axis is; "
            "give --axes ZCYX (slices) or --axes TCYX (time points)",
        ),
        (
            (5, 4, 512, 600),
            "IQYX",
            "a.tif: has 5 × 4 × 512 × 600 values but nothing says what the first and second axes "
            "are; give --axes, for example --axes ZCYX (T time, C channels, Z slices)",
        ),
        ((7,), None, "a.tif: has 7 values in one row; give an image with rows and columns"),
        ((0, 5), None, "a.tif: holds no pixels (its size is 0 × 5); save the image again, with"),
        ((2, 4, 5, 3), "CYXS", "a.tif: has both channels and colours in every channel"),
        ((2, 2, 4, 5), "ZZYX", "a.tif: names an axis twice (ZZYX)"),
        ((2, 2, 2, 2, 4, 5), None, "at most five axes"),
    ],
)
def test_what_nothing_names_is_refused(
    shape: tuple[int, ...], known: str | None, message: str
) -> None:
    with pytest.raises(BadInputError) as error:
        lay_out("a.tif", shape, known=known)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("QYX", "cannot be read with axes 'QYX': 'Q' is not an axis"),
        ("YYX", "cannot be read with axes 'YYX': Y is there twice"),
        ("CZ", "cannot be read with axes 'CZ': Y and X are needed"),
        ("", "cannot be read with axes '': Y and X are needed"),
        ("CYXS", "cannot be read with axes 'CYXS': C and S both mean channels"),
        ("TCZYXT", "cannot be read with axes 'TCZYXT': T is there twice"),
        ("YX", "has 4 × 5 × 6 values, which axes YX do not fit; give --axes with 3 letters"),
        ("ZCYX", "has 4 × 5 × 6 values, which axes ZCYX do not fit; give --axes with 3 letters"),
    ],
)
def test_wrong_given_axes_are_refused(given: str, problem: str) -> None:
    with pytest.raises(BadInputError) as error:
        lay_out("a.tif", (4, 5, 6), given=given)
    assert f"a.tif: {problem}" in str(error.value)


def test_given_axes_that_fit_in_two_ways_are_refused() -> None:
    # A column of 5 pixels with 4 channels, or a row of 5 pixels?
    with pytest.raises(BadInputError, match="fit in more than one way"):
        lay_out("a.tif", (4, 1, 5, 1), given="CYX")
