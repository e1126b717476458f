"""Bars as SVG."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

from bridge.pictures.bars import draw_bars


def _heights(svg: str) -> list[float]:
    """Return the heights of all bars, which have a title; keys of the legend have none."""
    root = ElementTree.fromstring(svg)  # noqa: S314 - of our own making
    space = "{http://www.w3.org/2000/svg}"
    bars = [r for r in root.iter(f"{space}rect") if r.find(f"{space}title") is not None]
    return [float(bar.attrib["height"]) for bar in bars]


def test_bars_are_as_high_as_their_parts() -> None:
    svg = draw_bars(["A", "B"], {"true": [0.5, 0.25], "found": [0.4, 0.35]}, y_title="part")

    heights = _heights(svg)
    assert [round(h / heights[0], 2) for h in heights] == [1, 0.8, 0.5, 0.7]
    assert re.findall(r">(\d+\.\d)<", svg) == ["50.0", "40.0", "25.0", "35.0"]


def test_what_is_no_number_has_no_bar_and_names_are_text() -> None:
    svg = draw_bars(["<b>"], {"true": [math.nan], "found": [0.0]}, y_title="part & whole")

    assert _heights(svg) == [0]
    assert "&lt;b&gt;" in svg
