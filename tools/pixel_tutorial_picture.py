"""Write the picture of docs/pixel-tutorial.md: strokes, the map of a class, objects, a threshold.

``python -m tools.pixel_tutorial_picture`` writes ``docs/images/pixel_tutorial.jpg``, from the
tutorial's own images and settings.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from skimage.segmentation import find_boundaries

from tools.page_commands import read_commands, run_command

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "pixel_tutorial.jpg"

_FIELD = np.s_[20:260, 20:260]
_ZOOM = 2
_GAP = 10
_CAPTION = 30
_COLORS = np.array([[0, 0, 0], [255, 200, 0], [255, 60, 120]], np.uint8)
_OUTLINE = (255, 230, 60)


def main() -> None:
    """Write the picture."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for line in read_commands("pixel-tutorial.md"):
            run_command(place, line)
            if "pixels otsu" in line:
                break  # all that is shown is there
        panels = _panels(place)
    width = len(panels) * (panels[0][1].width + _GAP) - _GAP
    sheet = Image.new("RGB", (width, panels[0][1].height + _CAPTION), "white")
    font = ImageFont.load_default(20)
    for number, (caption, panel) in enumerate(panels):
        left = number * (panel.width + _GAP)
        sheet.paste(panel, (left, _CAPTION))
        ImageDraw.Draw(sheet).text((left, 2), caption, fill="black", font=font)
    sheet.save(PICTURE, quality=88, optimize=True)
    print(PICTURE)


def _panels(place: Path) -> list[tuple[str, Image.Image]]:
    """Return the caption and the picture of each step."""
    image = tifffile.imread(place / "tutorial" / "images" / "cells_1.tif")
    nuclei, cytoplasm = (_grey(plane)[_FIELD] for plane in image)
    both = np.stack([nuclei // 2, np.maximum(cytoplasm // 2, nuclei // 2), nuclei], axis=2)
    strokes = tifffile.imread(place / "tutorial" / "refined" / "cells_1.tif")[_FIELD]
    painted = np.where(strokes[..., np.newaxis] > 0, _COLORS[strokes], both)
    with h5py.File(place / "results" / "maps" / "cells_1_Probabilities.h5") as file:
        probability = file["exported_data"][()][..., 1][_FIELD]
    shown = np.repeat((probability * 255).astype(np.uint8)[..., np.newaxis], 3, axis=2)
    return [
        ("both channels, and strokes", _enlarge(painted)),
        ("probability of nucleus", _enlarge(shown)),
        ("objects", _outlined(nuclei, place / "results" / "objects")),
        ("Otsu's threshold, cut apart", _outlined(nuclei, place / "results" / "otsu")),
    ]


def _grey(plane: NDArray[Any]) -> NDArray[np.uint8]:
    top = float(np.percentile(plane, 99.5))
    return (np.clip(plane / top, 0, 1) ** 0.6 * 255).astype(np.uint8)


def _outlined(plane: NDArray[np.uint8], results: Path) -> Image.Image:
    labels = tifffile.imread(results / "lbl" / "cells_1_labels.tif")[_FIELD].astype(np.int32)
    large = labels.repeat(_ZOOM, axis=0).repeat(_ZOOM, axis=1)
    picture = np.asarray(_enlarge(np.repeat(plane[..., np.newaxis], 3, axis=2))).copy()
    picture[find_boundaries(large, mode="inner")] = _OUTLINE  # type: ignore[no-untyped-call]
    return Image.fromarray(picture)


def _enlarge(pixels: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(pixels.repeat(_ZOOM, axis=0).repeat(_ZOOM, axis=1))


if __name__ == "__main__":
    main()
