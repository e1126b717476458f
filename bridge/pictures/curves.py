"""Draw lines over numbers as SVG, which a page holds inside and needs no library to show."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8c6d1f")
"""Colours of lines, which people with any colour vision tell apart (Okabe and Ito)."""

_WIDTH, _HEIGHT = 620, 320
_LEFT, _TOP, _BOTTOM = 62, 14, 46
_LEGEND = 190
_MOST_DOTS = 24  # points of a line; of more, dots would hide it
_TICKS = 5
_LONGEST = 26  # letters of a name in the legend

Points = Sequence[tuple[float, float]]


def draw_curves(
    series: Mapping[str, Points],
    *,
    x_title: str,
    y_title: str,
    y_range: tuple[float, float] | None = None,
    whole_x: bool = False,
) -> str:
    """Draw lines over numbers.

    Args:
        series: (x, y) points by the name of their line; those that are no finite numbers are left
            out.
        x_title: title of the horizontal axis.
        y_title: title of the vertical axis.
        y_range: lowest and highest value that are shown; those of the points where ``None``.
        whole_x: numbers along the horizontal axis are whole.

    Returns:
        An ``<svg>`` element. Equal arguments give equal texts.

    >>> draw_curves({"loss": [(0, 1), (10, 0.5)]}, x_title="step", y_title="loss")[:4]
    '<svg'
    """
    lines = {
        name: [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]
        for name, points in series.items()
    }
    every = [point for points in lines.values() for point in points]
    xs = _limits([x for x, _ in every])
    ys = y_range or _limits([y for _, y in every])
    right, low = _WIDTH - _LEGEND, _HEIGHT - _BOTTOM

    def place(x: float, y: float) -> tuple[float, float]:
        shown = min(max(y, ys[0]), ys[1])
        return (
            _LEFT + (x - xs[0]) / (xs[1] - xs[0]) * (right - _LEFT),
            low - (shown - ys[0]) / (ys[1] - ys[0]) * (low - _TOP),
        )

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'width="{_WIDTH}" height="{_HEIGHT}" role="img" '
        f'font-family="system-ui, Helvetica, Arial, sans-serif" font-size="12" fill="#444">',
        f"<title>{escape(f'{y_title} over {x_title}')}</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
    ]
    for value in _ticks(*ys):
        _, y = place(xs[0], value)
        parts.append(
            f'<path d="M{_LEFT} {y:.1f}H{right}" stroke="#e4e4e4"/>'
            f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{_number(value)}</text>'
        )
    for value in _ticks(*xs, least=1 if whole_x else 0):
        x, _ = place(value, ys[0])
        parts.append(
            f'<path d="M{x:.1f} {low}v5" stroke="#888"/>'
            f'<text x="{x:.1f}" y="{low + 19}" text-anchor="middle">{_number(value)}</text>'
        )
    parts.append(
        f'<path d="M{_LEFT} {low}H{right}" stroke="#888"/>'
        f'<text x="{(_LEFT + right) / 2}" y="{_HEIGHT - 8}" text-anchor="middle">'
        f"{escape(x_title)}</text>"
        f'<text transform="translate(14 {(_TOP + low) / 2}) rotate(-90)" text-anchor="middle">'
        f"{escape(y_title)}</text>"
    )
    for number, (name, points) in enumerate(lines.items()):
        color = PALETTE[number % len(PALETTE)]
        dashes = "" if number < len(PALETTE) else ' stroke-dasharray="6 4"'
        places = [place(*point) for point in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"{dashes}/>'
        )
        if len(places) <= _MOST_DOTS:
            parts += [
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{color}"/>' for x, y in places
            ]
        y = _TOP + 8 + 20 * number
        shown = name if len(name) <= _LONGEST else f"…{name[1 - _LONGEST :]}"
        parts.append(
            f'<path d="M{right + 14} {y}h18" stroke="{color}" stroke-width="3"{dashes}/>'
            f'<text x="{right + 38}" y="{y + 4}">{escape(shown)}'
            f"<title>{escape(name)}</title></text>"
        )
    parts.append("</svg>")
    return "\n".join(parts)


def _limits(values: Sequence[float]) -> tuple[float, float]:
    """Return the range of an axis: that of the values, with a little room where they are equal."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if low < high:
        return low, high
    room = abs(low) / 10 or 1.0
    return low - room, high + room


def _ticks(low: float, high: float, *, least: float = 0) -> list[float]:
    """Return round numbers in a range, some five of them, at least so far from each other."""
    rough = max((high - low) / _TICKS, least)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def _number(value: float) -> str:
    text = f"{value:.10g}" if abs(value) < 1e6 else f"{value:.3g}"
    return f"{round(value, 10):g}" if len(text) > 7 else text
