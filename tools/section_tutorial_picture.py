"""Write the picture of docs/section-tutorial.md: clicks, classes of all nuclei, proportions.

``python -m tools.section_tutorial_picture`` writes ``docs/images/section_tutorial.jpg``, from the
tutorial's own commands.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from skimage.segmentation import find_boundaries

from tools.page_commands import read_commands, run_command

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "section_tutorial.jpg"

_NAME = "Pb_dQ_J70_SNd2T_20Xa_g1dt08_OG1_s1"
_COLORS = {
    "Progenitor": (86, 180, 233),
    "Neuron": (240, 128, 0),
    "Astrocyte": (0, 200, 120),
    "Unstained": (190, 190, 190),
    "Dead": (230, 60, 160),
}
_LIGHT = {1: (0.1, 0.5, 1.0), 2: (1.0, 0.45, 0.0), 3: (0.0, 0.8, 0.4)}
_SIDE, _GAP, _CAPTION = 576, 14, 34
_INK = (60, 60, 60)


def main() -> None:
    """Write the picture; a folder in which the page was run may be given."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(sys.argv[1] if len(sys.argv) > 1 else folder)
        if len(sys.argv) == 1:
            for line in read_commands("section-tutorial.md"):
                run_command(place, line)
                if "truth.xlsx" in line:
                    break  # all that is shown is there
        panels = _panels(place)
    width = sum(panel.width + _GAP for _, panel in panels) - _GAP
    sheet = Image.new("RGB", (width, _SIDE + _CAPTION), "white")
    left = 0
    for caption, panel in panels:
        sheet.paste(panel, (left, _CAPTION))
        ImageDraw.Draw(sheet).text((left, 4), caption, fill="black", font=_font(22))
        left += panel.width + _GAP
    sheet.save(PICTURE, quality=88, optimize=True)
    print(PICTURE)


def _panels(place: Path) -> list[tuple[str, Image.Image]]:
    image = tifffile.imread(place / "study" / "images" / f"{_NAME}.tif")
    crop = tifffile.imread(place / "selection" / "crops" / "images" / f"{_NAME}.tif")
    return [
        ("clicks on a crop", _clicked(crop, place / "study" / "clicks" / f"{_NAME}.geojson")),
        ("all nuclei of the section", _classed(image, place)),
        ("living cells, in percent", _bars(place)),
    ]


def _composite(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Return DAPI in grey and the markers in the colours of their classes."""
    shown = np.repeat(_scaled(image[0])[..., np.newaxis] * 0.45, 3, axis=2)
    for channel, color in _LIGHT.items():
        shown += _scaled(image[channel])[..., np.newaxis] * np.array(color) * 0.9
    return (np.clip(shown, 0, 1) * 255).astype(np.uint8)


def _scaled(plane: NDArray[Any]) -> NDArray[np.float64]:
    low, top = np.percentile(plane, (30, 99.7))
    return np.asarray(np.clip((plane - low) / (top - low), 0, 1) ** 0.7, np.float64)


def _clicked(crop: NDArray[Any], file: Path) -> Image.Image:
    panel = Image.fromarray(_composite(crop)).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    draw, zoom = ImageDraw.Draw(panel), _SIDE / crop.shape[-1]
    for feature in json.loads(file.read_text())["features"]:
        color = _COLORS[feature["properties"]["classification"]["name"]]
        for x, y in feature["geometry"]["coordinates"]:
            box = (x * zoom - 8, y * zoom - 8, x * zoom + 8, y * zoom + 8)
            draw.ellipse(box, fill=color, outline="white", width=2)
    return panel


def _classed(image: NDArray[Any], place: Path) -> Image.Image:
    labels = tifffile.imread(place / "results" / "lbl" / f"{_NAME}_labels.tif").astype(np.int64)
    table = pd.read_csv(place / "classed" / "tables" / f"{_NAME}.csv")
    colors = np.zeros((int(labels.max()) + 1, 3), np.uint8)
    for label, name in zip(table["label"], table["class"], strict=True):
        colors[label] = _COLORS[name]
    shape = (_SIDE, _SIDE)
    panel = Image.fromarray(_composite(image)).resize(shape, Image.Resampling.BICUBIC)
    rows, columns = (np.arange(_SIDE) * size // _SIDE for size in labels.shape)
    large = labels[np.ix_(rows, columns)]
    pixels = np.asarray(panel).copy()
    edges = find_boundaries(large, mode="inner")  # type: ignore[no-untyped-call]
    pixels[edges] = colors[large[edges]]
    return Image.fromarray(pixels)


def _bars(place: Path) -> Image.Image:
    """Draw the stacked proportions of living cells of each genotype, found beside true."""
    panel = Image.new("RGB", (520, _SIDE), "white")
    draw = ImageDraw.Draw(panel)
    bottom, height, left = _SIDE - 62, _SIDE - 80, 10
    for genotype in ("WT", "KO"):
        for kind in ("study", "truth"):
            means = pd.read_csv(place / f"{kind}_tables" / "conditions.csv")
            rows = means[(means["Genotype"] == genotype) & (means["Cells"] == "without dead")]
            y = float(bottom)
            for name, color in _COLORS.items():
                for mean in rows[rows["Class"] == name]["mean"]:
                    top = y - mean * height
                    draw.rectangle((left, top + 1, left + 72, y), fill=color)
                    text = f"{100 * mean:.1f}"
                    draw.text(
                        (left + 36, (top + y) / 2), text, fill="black", font=_font(17), anchor="mm"
                    )
                    y = top
            word = "found" if kind == "study" else "true"
            draw.text((left + 36, bottom + 16), word, fill=_INK, font=_font(17), anchor="mm")
            left += 78
        draw.text((left - 81, bottom + 42), genotype, fill="black", font=_font(22), anchor="mm")
        left += 20
    for number, (name, color) in enumerate(_COLORS.items()):
        y = 30 + 34 * number
        draw.rectangle((left + 4, y, left + 24, y + 20), fill=color)
        draw.text((left + 32, y + 10), name, fill="black", font=_font(19), anchor="lm")
    return panel


def _font(size: int) -> Any:
    return ImageFont.load_default(size)


if __name__ == "__main__":
    main()
