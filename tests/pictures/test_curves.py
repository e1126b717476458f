"""Curves are SVG that any browser shows, whatever the numbers are."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.pictures.curves import draw_curves

SVG = "{http://www.w3.org/2000/svg}"
NUMBERS = st.floats(-1e9, 1e9)


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["C"]), max_size=40),
        st.lists(st.tuples(NUMBERS, NUMBERS), max_size=5),
        max_size=10,
    )
)
def test_any_numbers_and_names_make_a_drawing(series: dict[str, list[tuple[float, float]]]) -> None:
    svg = draw_curves(series, x_title="a < b", y_title="F1")
    root = ElementTree.fromstring(svg)  # noqa: S314 - our own text
    assert len(root.findall(f"{SVG}polyline")) == len(series)
    assert len(root.findall(f"{SVG}circle")) == sum(map(len, series.values()))
    for circle in root.findall(f"{SVG}circle"):
        assert 0 <= float(circle.attrib["cx"]) <= 620
        assert 0 <= float(circle.attrib["cy"]) <= 320


def test_numbers_that_are_none_are_left_out() -> None:
    points = [(0, 1.0), (1, math.nan), (2, math.inf), (3, 2.0)]
    assert draw_curves({"a": points}, x_title="x", y_title="y").count("<circle") == 2


@pytest.mark.parametrize(
    ("highest", "expected"),
    [(1.0, ["0", "0.2", "0.4", "0.6", "0.8", "1"]), (400, ["0", "100", "200", "300", "400"])],
)
def test_axes_have_round_numbers(highest: float, expected: list[str]) -> None:
    svg = draw_curves({"a": [(0, 0), (1, highest)]}, x_title="x", y_title="y")
    ticks = re.findall(r'text-anchor="end">([^<]+)<', svg)
    assert ticks == expected


def test_an_axis_of_counts_has_whole_numbers() -> None:
    svg = draw_curves({"a": [(1, 0), (3, 1)]}, x_title="push", y_title="y", whole_x=True)
    assert re.findall(r'text-anchor="middle">([^<]+)</text>', svg)[:3] == ["1", "2", "3"]
