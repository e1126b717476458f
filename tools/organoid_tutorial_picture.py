"""Write the picture of docs/organoid-tutorial.md: annotations, what is learned, what is found.

``python -m tools.organoid_tutorial_picture`` writes ``docs/images/organoid_tutorial.jpg``, from the
tutorial's own commands; with the folder of an earlier run of them, from what is there.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import shapely
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from bridge.formats import geojson
from tools.page_commands import read_commands, run_command

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "organoid_tutorial.jpg"

_SIDE = 432
_GAP = 10
_CAPTION = 28
_WITHOUT_CLASS = "#ffffff"
_COLORS = ("#e69f00", "#56b4e9", "#d55e00", "#f0e442", "#cc79a7", "#00c98f")
"""Of the classes in the order of the alphabet: colours that everybody can tell apart."""


def main() -> None:
    """Write the picture."""
    if len(sys.argv) > 1:
        _write(Path(sys.argv[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        for line in read_commands("organoid-tutorial.md"):
            run_command(Path(folder), line)
        _write(Path(folder))


def _write(place: Path) -> None:
    panels = _panels(place)
    width = len(panels) * (_SIDE + _GAP) - _GAP
    sheet = Image.new("RGB", (width, _SIDE + 2 * _CAPTION), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(17)
    for number, (caption, panel) in enumerate(panels):
        left = number * (_SIDE + _GAP)
        sheet.paste(panel, (left, _CAPTION))
        draw.text((left, 3), caption, fill="black", font=font)
    x, top = 0.0, _SIDE + _CAPTION + 4
    for name, color in (*_colors(place).items(), ("no class", _WITHOUT_CLASS)):
        draw.rectangle((x, top + 4, x + 14, top + 18), fill=color, outline="black")
        draw.text((x + 20, top), name, fill="black", font=font)
        x += 20 + draw.textlength(name, font=font) + 24
    sheet.save(PICTURE, quality=88, optimize=True)
    print(PICTURE)


def _colors(place: Path) -> dict[str, str]:
    files = (place / "study" / "truth").iterdir()
    names = sorted({name for file in files for name in geojson.read(file).objects["class"]})
    return dict(zip(names, _COLORS, strict=True))


def _panels(place: Path) -> list[tuple[str, Image.Image]]:
    """Return the caption and the picture of each step."""
    colors = _colors(place)
    annotated, new = "plate 1 (A1)", "plate 3 (B1)"
    study, quadrant = place / "study", place / "dataset" / "train"
    small = next((quadrant / "images").glob("*A2*_0.tiff"))
    labels = tifffile.imread(
        quadrant / "masks" / f"{small.name.removesuffix('_0.tiff')}_segmentation_0.tiff"
    )
    return [
        (
            "annotations in QuPath",
            _outlined(
                study / "images" / f"{annotated}.ome.tif",
                study / "export" / "geojsons" / f"{annotated}.geojson",
                colors,
            ),
        ),
        ("learned: a quadrant, a quarter of the size", _with_labels(small, labels)),
        (
            "found in a new image, with classes",
            _outlined(
                study / "new" / f"{new}.ome.tif",
                place / "classes" / "geojson" / f"{new}.geojson",
                colors,
            ),
        ),
    ]


def _grey(pixels: NDArray[Any]) -> Image.Image:
    top = float(np.percentile(pixels, 99.8))
    shown = (np.clip(pixels / top, 0, 1) ** 0.7 * 255).astype(np.uint8)
    return Image.fromarray(np.repeat(shown[..., np.newaxis], 3, axis=2))


def _outlined(image: Path, objects: Path, colors: Mapping[str, str]) -> Image.Image:
    picture = _grey(tifffile.imread(image))
    draw = ImageDraw.Draw(picture)
    frame = geojson.read(objects).objects
    for outline, name in zip(frame.geometry, frame["class"], strict=True):
        color = colors.get(name, _WITHOUT_CLASS)
        for ring in shapely.get_rings(outline):
            draw.line([(x, y) for x, y in ring.coords], fill=color, width=2)
    return picture.resize((_SIDE, _SIDE))


def _with_labels(image: Path, labels: NDArray[Any]) -> Image.Image:
    """Return the left half of an image, and its labels in colours beside it."""
    grey = np.asarray(_grey(tifffile.imread(image)))
    colors = np.random.default_rng(3).integers(80, 256, (int(labels.max()) + 1, 3), np.uint8)
    colors[0] = 0
    both = np.where((labels > 0)[..., np.newaxis], colors[labels], grey // 2)
    half = grey.shape[1] // 2
    both[:, :half] = grey[:, :half]
    return Image.fromarray(both).resize((_SIDE, _SIDE), Image.Resampling.NEAREST)


if __name__ == "__main__":
    main()
