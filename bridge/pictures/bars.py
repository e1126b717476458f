"""Draw bars beside each other as SVG, which a page holds inside and needs no library to show."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from bridge.pictures.curves import PALETTE

_HEIGHT, _LEFT, _TOP, _BOTTOM, _LEGEND = 300, 62, 24, 46, 110
_GROUP, _BAR = 92, 30
_LONGEST = 14  # letters of a name below its bars
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25)
_MOST_LINES = 6


def draw_bars(groups: Sequence[str], series: Mapping[str, Sequence[float]], *, y_title: str) -> str:
    """Draw parts of a whole as bars, those of a group side by side.

    Args:
        groups: names of the groups, from left to right.
        series: a part from 0 to 1 for each group, by the name of what has this colour; NaN is
            drawn as no bar.
        y_title: title of the vertical axis.

    Returns:
        An ``<svg>`` element. Equal arguments give equal texts.

    >>> draw_bars(["Neuron"], {"true": [0.5], "found": [0.4]}, y_title="part of cells")[:4]
    '<svg'
    """
    values = [v for each in series.values() for v in each if math.isfinite(v)]
    step = next((s for s in _STEPS if max(values, default=0) <= _MOST_LINES * s), _STEPS[-1])
    top = step * max(1, math.ceil(max(values, default=step) / step - 1e-9))
    right, low = _LEFT + _GROUP * max(len(groups), 1), _HEIGHT - _BOTTOM
    width = right + _LEGEND

    def height(value: float) -> float:
        return value / top * (low - _TOP)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {_HEIGHT}" '
        f'width="{width}" height="{_HEIGHT}" role="img" '
        f'font-family="system-ui, Helvetica, Arial, sans-serif" font-size="12" fill="#444">',
        f"<title>{escape(y_title)}</title>",
        f'<rect width="{width}" height="{_HEIGHT}" fill="#fff"/>',
    ]
    for number in range(round(top / step) + 1):
        y = low - height(number * step)
        parts.append(
            f'<path d="M{_LEFT} {y:.1f}H{right}" stroke="#e4e4e4"/>'
            f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">'
            f"{100 * number * step:.4g}%</text>"
        )
    for place, name in enumerate(groups):
        middle = _LEFT + _GROUP * (place + 0.5)
        first = middle - _BAR * len(series) / 2
        for number, (kind, each) in enumerate(series.items()):
            value = each[place]
            if not math.isfinite(value):
                continue
            x, tall = first + _BAR * number, height(value)
            parts.append(
                f'<rect x="{x + 1:.1f}" y="{low - tall:.1f}" width="{_BAR - 2}" '
                f'height="{tall:.1f}" fill="{PALETTE[number % len(PALETTE)]}">'
                f"<title>{escape(f'{name}, {kind}: {value:.1%}')}</title></rect>"
                f'<text x="{x + _BAR / 2:.1f}" y="{low - tall - 4:.1f}" text-anchor="middle" '
                f'font-size="10">{100 * value:.1f}</text>'
            )
        shown = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
        parts.append(
            f'<text x="{middle:.1f}" y="{low + 19}" text-anchor="middle">{escape(shown)}'
            f"<title>{escape(name)}</title></text>"
        )
    parts.append(
        f'<path d="M{_LEFT} {low}H{right}" stroke="#888"/>'
        f'<text transform="translate(14 {(_TOP + low) / 2}) rotate(-90)" text-anchor="middle">'
        f"{escape(y_title)}</text>"
    )
    for number, kind in enumerate(series):
        y = _TOP + 8 + 20 * number
        color = PALETTE[number % len(PALETTE)]
        parts.append(
            f'<rect x="{right + 14}" y="{y - 6}" width="14" height="12" fill="{color}"/>'
            f'<text x="{right + 34}" y="{y + 4}">{escape(kind)}</text>'
        )
    parts.append("</svg>")
    return "\n".join(parts)
