"""Colours of classes and objects."""

from __future__ import annotations

import colorsys
import functools
import hashlib

QUPATH_CLASS_COLORS = {
    "tumor": "#c80000",
    "stroma": "#96c896",
    "immune cells": "#a05aa0",
    "necrosis": "#323232",
    "other": "#ffc800",
    "region*": "#0000b4",
    "ignore*": "#b4b4b4",
    "positive": "#fa3e3e",
    "negative": "#7070e1",
}
"""Colours that QuPath itself gives its usual classes."""


@functools.cache
def class_color(name: str) -> str:
    """Return the colour of a class: QuPath's own where it has one, else derived from the name.

    Returns:
        ``#rrggbb``; the same name always gives the same colour.

    >>> class_color("Tumor")
    '#c80000'
    """
    known = QUPATH_CLASS_COLORS.get(name.strip().lower())
    if known:
        return known
    digest = hashlib.sha256(name.encode()).digest()
    return _hex(digest[0] / 256, 0.65 + digest[1] / 1024, 0.75 + digest[2] / 1024)


def distinct_color(number: int) -> str:
    """Return a colour for a number, well apart from those of neighbouring numbers.

    Args:
        number: from 0.

    Returns:
        ``#rrggbb``.

    >>> distinct_color(0)
    '#ff2626'
    """
    golden = 0.618_033_988_75  # consecutive multiples lie as far apart as they can on the circle
    return _hex(number * golden % 1, 0.85 - 0.25 * (number % 3) / 2, 1.0 - 0.2 * (number % 2))


def _hex(hue: float, saturation: float, value: float) -> str:
    rgb = colorsys.hsv_to_rgb(hue, saturation, value)
    return "#" + bytes(round(255 * part) for part in rgb).hex()
