"""Pixel sizes are in µm, whatever a file says, and None where it says nothing."""

from __future__ import annotations

import math

import pytest

from bridge.errors import BadInputError
from bridge.images import PixelSize
from bridge.images.units import given_pixel_size, is_print_resolution, micrometres, pixel_size_of


@pytest.mark.parametrize(
    ("unit", "size"),
    [
        ("µm", 1.0),
        ("μm", 1.0),
        ("um", 1.0),
        ("micron", 1.0),
        ("microns", 1.0),
        ("\\u00B5m", 1.0),
        ("micrometer", 1.0),
        ("Micrometre", 1.0),
        ("nm", 0.001),
        ("nanometer", 0.001),
        ("Å", 0.0001),
        ("angstrom", 0.0001),
        ("mm", 1000.0),
        ("cm", 10_000.0),
        ("m", 1_000_000.0),
        ("inch", 25_400.0),
        ("in", 25_400.0),
        ("pixel", None),
        ("reference frame", None),
        ("parsec", None),
        ("", None),
        (None, None),
    ],
)
def test_units_of_length(unit: str | None, size: float | None) -> None:
    assert micrometres(unit) == size


@pytest.mark.parametrize("size", [0.0, -1.0, math.nan, math.inf])
def test_a_size_is_a_number_above_0(size: float) -> None:
    with pytest.raises(BadInputError, match="is not a length; give µm per pixel"):
        PixelSize(size, 1.0)
    with pytest.raises(BadInputError, match="pixel size"):
        PixelSize(1.0, 1.0, size)
    # A file that says so knows nothing.
    assert pixel_size_of(size, 1.0) is None
    assert pixel_size_of(1.0, 2.0, size) == PixelSize(1.0, 2.0)


def test_a_given_size_replaces_that_of_the_file() -> None:
    known = PixelSize(1.0, 1.5, 3.0)
    assert given_pixel_size(None, known) is known
    assert given_pixel_size(0.5, None) == PixelSize(0.5, 0.5)
    assert given_pixel_size(0.5, known) == PixelSize(0.5, 0.5, 3.0)
    assert given_pixel_size((0.5, 0.6), known) == PixelSize(0.5, 0.6, 3.0)
    assert given_pixel_size((2.0, 0.5, 0.6), known) == PixelSize(0.5, 0.6, 2.0)
    assert given_pixel_size(PixelSize(2.0, 2.0), known) == PixelSize(2.0, 2.0)
    with pytest.raises(BadInputError, match="has 4 numbers"):
        given_pixel_size((1.0, 1.0, 1.0, 1.0), None)


def test_resolutions_of_paper_are_no_pixel_sizes() -> None:
    assert is_print_resolution(25_400 / 72)
    assert is_print_resolution(10_000 / 118.11)  # 300 dpi, said per cm
    assert not is_print_resolution(0.325)
