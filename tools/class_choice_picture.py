"""Write the picture of docs/classes.md: accuracy by clicks, chosen and at random.

``python -m tools.class_choice_picture`` plays the rounds of :mod:`tools.class_choice` on five
simulated studies, in about a minute, and writes ``docs/images/class_choice.png``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from bridge.examples.organoids import ORGANOID_CLASSES, PITCH, simulate_organoids
from tools.class_choice import FIRST, STEP, clicks_to_reach, play, simulate_study

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "class_choice.png"

SEEDS = (1, 2, 3, 4, 5)
_ROUNDS = 19
_WIDTH, _HEIGHT, _GAP, _TOP = 620, 400, 16, 34
_INK, _GRID = "#222222", "#dddddd"
_CHOSEN, _RANDOM = "#1b6ec2", "#888888"
_COLORS = 64
_EACH = 4  # organoids of a class that are shown


def main() -> None:
    """Play the rounds, write the picture, and print how many clicks are needed."""
    chosen, at_random = (mean_accuracy(active=active) for active in (True, False))
    draw(chosen, at_random).save(PICTURE, optimize=True)
    for clicks in (200, 300, 400):
        wanted = at_random[(clicks - FIRST) // STEP]
        print(f"{clicks} clicks at random: {wanted:.3f}, chosen: {clicks_to_reach(chosen, wanted)}")
    print(PICTURE)


def mean_accuracy(*, active: bool) -> list[float]:
    """Return the accuracy after each round, mean of all studies."""
    played = [play(simulate_study(seed), _ROUNDS, active=active, seed=seed) for seed in SEEDS]
    return [float(value) for value in np.mean(played, axis=0)]


def draw(chosen: Sequence[float], at_random: Sequence[float]) -> Image.Image:
    """Draw organoids of each class, and both curves."""
    font = ImageFont.load_default(15)
    organoids = _organoids()
    canvas = Image.new("RGB", (organoids.width + _WIDTH + 3 * _GAP, _TOP + _HEIGHT + _GAP), "white")
    pen = ImageDraw.Draw(canvas)
    pen.text((_GAP, 9), "six classes of simulated organoids", _INK, font)
    canvas.paste(organoids, (_GAP, _TOP))
    x = organoids.width + 2 * _GAP
    pen.text((x, 9), "accuracy on images in which nobody clicked", _INK, font)
    canvas.paste(_curves(chosen, at_random), (x, _TOP))
    return canvas.quantize(_COLORS, dither=Image.Dither.NONE)


def _organoids() -> Image.Image:
    """Draw a row of organoids a class, with its name."""
    names = [name for name in ORGANOID_CLASSES for _ in range(_EACH)]
    shape = (len(ORGANOID_CLASSES) * PITCH, _EACH * PITCH)
    found = simulate_organoids(shape, seed=2, classes=names).image
    pixels: NDArray[np.uint8] = np.clip(found / found.max() * 255, 0, 255).astype(np.uint8)
    height = _HEIGHT
    picture = Image.fromarray(pixels).convert("RGB")
    picture = picture.resize((height * shape[1] // shape[0], height), Image.Resampling.LANCZOS)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(13)
    for number, name in enumerate(ORGANOID_CLASSES):
        pen.text((4, number * height / len(ORGANOID_CLASSES) + 2), name, "white", font)
    return picture


def _curves(chosen: Sequence[float], at_random: Sequence[float]) -> Image.Image:
    """Draw accuracy by clicks."""
    panel = Image.new("RGB", (_WIDTH, _HEIGHT), "white")
    pen, font = ImageDraw.Draw(panel), ImageFont.load_default(15)
    left, right, top, bottom = 46, _WIDTH - 20, 10, _HEIGHT - 48
    low = np.floor(min(*chosen, *at_random) * 20) / 20
    most = FIRST + STEP * (len(chosen) - 1)

    def place(clicks: float, value: float) -> tuple[float, float]:
        part = (value - low) / (1 - low)
        return left + clicks / most * (right - left), bottom - part * (bottom - top)

    for value in np.arange(low, 1.001, 0.05):
        y = place(0, value)[1]
        pen.line((left, y, right, y), _GRID)
        pen.text((left - 8, y), f"{value:.2f}", _INK, font, anchor="rm")
    for clicks in range(0, most + 1, 100):
        pen.text((place(clicks, low)[0], bottom + 8), str(clicks), _INK, font, anchor="mt")
    pen.text(((left + right) / 2, bottom + 28), "objects classed", _INK, font, anchor="mt")
    for values, color, name, where in (
        (at_random, _RANDOM, "at random", 0.55),
        (chosen, _CHOSEN, "chosen by classes review", 0.55),
    ):
        points = [place(FIRST + STEP * k, value) for k, value in enumerate(values)]
        pen.line(points, color, 3)
        for x, y in points:
            pen.ellipse((x - 3, y - 3, x + 3, y + 3), color)
        x, y = points[int(where * len(points))]
        pen.text((x, y + (-16 if color == _CHOSEN else 14)), name, color, font, anchor="mm")
    return panel


if __name__ == "__main__":
    main()
