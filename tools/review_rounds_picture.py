"""Write the picture of docs/train.md: F1 by round of review, and a field before and after.

``python -m tools.review_rounds_picture`` plays the rounds of :mod:`tools.review_rounds`, on one
processor in about a minute, and writes ``docs/images/review_rounds.png``.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from bridge.training.evaluation.evaluating import evaluate
from bridge.training.evaluation.fields import LEGEND, draw_field
from bridge.training.pairs import TrainingPair
from tools.review_rounds import Played, play

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "review_rounds.png"

_SIDE = 400
_GAP, _TOP, _BOTTOM = 16, 34, 34
_INK, _GRID, _LINE = "#222222", "#dddddd", "#1b6ec2"
_COLORS = 48


def main() -> None:
    """Play the rounds and write the picture."""
    with tempfile.TemporaryDirectory() as name:
        played = play(Path(name))
        draw(played).save(PICTURE, optimize=True)
    print(PICTURE, *(f"{f1:.3f}" for f1 in played.f1))


def draw(played: Played) -> Image.Image:
    """Draw what happened: the curve, and an image that nobody reviewed, before and after."""
    field = played.held_out[0]
    models = (played.model(0), played.model(len(played.f1) - 1))
    panels = [
        ("F1 on images that nobody reviewed", _curve(played.f1)),
        ("one of them: the first model", _outlined(models[0], field)),
        (f"the model after {len(played.f1) - 1} rounds", _outlined(models[1], field)),
    ]
    size = (len(panels) * (_SIDE + _GAP) + _GAP, _TOP + _SIDE + _BOTTOM)
    canvas = Image.new("RGB", size, "white")
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(15)
    for number, (caption, panel) in enumerate(panels):
        x = _GAP + number * (_SIDE + _GAP)
        pen.text((x, 9), caption, _INK, font)
        canvas.paste(panel, (x, _TOP))
    x = _GAP + _SIDE + _GAP
    for text, color in LEGEND:
        # white is not to be seen on white
        pen.rectangle((x, _TOP + _SIDE + 12, x + 13, _TOP + _SIDE + 25), color, _INK)
        pen.text((x + 20, _TOP + _SIDE + 9), text, _INK, font)
        x += 40 + int(pen.textlength(text, font))
    return canvas.quantize(_COLORS + 16, dither=Image.Dither.NONE)


def _outlined(model: Path, pair: TrainingPair) -> Image.Image:
    drawn: list[bytes] = []
    evaluate(
        model,
        [pair],
        on_image=lambda _number, pair, score, found: drawn.append(
            draw_field(pair, found, score.overlap)
        ),
    )
    return Image.open(io.BytesIO(drawn[0])).resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)


def _curve(values: Sequence[float]) -> Image.Image:
    """Draw F1 over the rounds."""
    panel = Image.new("RGB", (_SIDE, _SIDE), "white")
    pen, font = ImageDraw.Draw(panel), ImageFont.load_default(15)
    left, right, top, bottom = 40, _SIDE - 24, 16, _SIDE - 48

    def place(number: int, value: float) -> tuple[float, float]:
        return left + number * (right - left) / (len(values) - 1), bottom - value * (bottom - top)

    for tenths in range(0, 11, 2):
        y = place(0, tenths / 10)[1]
        pen.line((left, y, right, y), _GRID)
        pen.text((left - 8, y), f"{tenths / 10:g}", _INK, font, anchor="rm")
    points = [place(number, value) for number, value in enumerate(values)]
    pen.line(points, _LINE, 3)
    for number, ((x, y), value) in enumerate(zip(points, values, strict=True)):
        pen.ellipse((x - 5, y - 5, x + 5, y + 5), _LINE)
        pen.text((x, y - 10), f"{value:.2f}", _INK, font, anchor="mb")
        pen.text((x, bottom + 8), str(number), _INK, font, anchor="mt")
    pen.text(((left + right) / 2, bottom + 28), "regions reviewed", _INK, font, anchor="mt")
    return panel


if __name__ == "__main__":
    main()
