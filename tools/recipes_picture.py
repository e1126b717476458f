"""Write the picture of docs/models.md: one field as each built-in recipe hands it to a network.

``python -m tools.recipes_picture`` writes ``docs/images/recipes.jpg``. The field is a part of the
microscope image that comes with StarDist; stained with H&E it is simulated. Outlines are those of
the demo model, the only one whose weights are part of starbridge.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from bridge.model.folder import open_model
from bridge.model.recipe import read_recipe
from bridge.segment.normalize import find_ranges
from bridge.segment.segmenter import Segmenter

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "recipes.jpg"

_FIELD = (slice(150, 310), slice(60, 220))
_ZOOM = 2
_GAP = 10
_CAPTION = 48
# How much of each colour hematoxylin takes away, 0 to 1.
_STAIN = (0.55, 0.75, 0.3)


def main() -> None:
    """Write the picture."""
    from stardist.data import test_image_nuclei_2d

    whole = np.asarray(test_image_nuclei_2d())
    stained = _stain(whole)
    panels = [
        ("as the camera gave it, darkest to brightest", _show(_linear(whole)), False),
        (_title("2D_versatile_fluo", "2D_versatile_fluo, 2D_paper_dsb2018, demo"), None, True),
        (_title("stardist_haug2", "stardist_haug2"), None, True),
        ("the same field as if stained with H&E", _show(stained / 255), False),
        (_title("2D_versatile_he", "2D_versatile_he"), _normalised(stained, "joint"), False),
        (
            "not so: percentiles of each colour\nspoil the colours that it learnt",
            _normalised(stained, "channels"),
            False,
        ),
    ]
    names = iter(("2D_versatile_fluo", "stardist_haug2"))
    drawn = []
    for caption, picture, outlined in panels:
        if outlined:
            recipe, _ = read_recipe(Path("nowhere"), next(names), {})
            shown = _show(_clip(whole, recipe.percentiles))
            drawn.append((caption, _outline(shown, whole, recipe.percentiles)))
        else:
            assert picture is not None  # noqa: S101
            drawn.append((caption, picture))
    _compose(drawn).save(PICTURE, quality=88, optimize=True)
    print(PICTURE)


def _title(name: str, shown: str) -> str:
    recipe, _ = read_recipe(Path("nowhere"), name, {})
    low, high = recipe.percentiles
    together = ", all colours together" if recipe.normalize == "joint" else ""
    return f"{shown}:\npercentiles {low:g} and {high:g}{together}"


def _stain(plane: NDArray[Any]) -> NDArray[np.uint8]:
    dye = _clip(plane, (1, 99.8))[..., np.newaxis]
    grain = np.random.default_rng(0).normal(0, 3, (*plane.shape, 3))
    paper = np.array([238, 205, 225])
    return np.clip(paper * (1 - dye * _STAIN) + grain, 0, 255).astype(np.uint8)


def _linear(plane: NDArray[Any]) -> NDArray[Any]:
    scaled: NDArray[Any] = (plane - plane.min()) / (int(plane.max()) - int(plane.min()))
    return scaled


def _clip(plane: NDArray[Any], percentiles: tuple[float, float]) -> NDArray[Any]:
    values = plane[..., np.newaxis].astype(np.float32)
    find_ranges(plane[..., np.newaxis], percentiles, "channels", "field").apply(values)
    return np.clip(values[..., 0], 0, 1)


def _normalised(stained: NDArray[np.uint8], normalize: Any) -> Image.Image:
    recipe, _ = read_recipe(Path("nowhere"), "2D_versatile_he", {})
    values = stained.astype(np.float32)
    find_ranges(stained, recipe.percentiles, normalize, "field").apply(values)
    return _show(np.clip(values, 0, 1))


def _show(values: NDArray[Any]) -> Image.Image:
    """Return the field of an image of 0 to 1, enlarged."""
    field = (np.clip(values[_FIELD], 0, 1) * 255).astype(np.uint8)
    picture = Image.fromarray(field).convert("RGB")
    return picture.resize((picture.width * _ZOOM, picture.height * _ZOOM), Image.Resampling.BICUBIC)


def _outline(
    picture: Image.Image, whole: NDArray[Any], percentiles: tuple[float, float]
) -> Image.Image:
    """Draw what the demo model finds with a recipe's percentiles."""
    model = open_model("demo")
    found = Segmenter(model, model.recipe.with_changes(percentiles=percentiles)).segment(whole)
    draw = ImageDraw.Draw(picture)
    top, left = _FIELD[0].start, _FIELD[1].start
    for polygon in found.objects.geometry:
        corners = (shapely.get_coordinates(polygon) - (left, top)) * _ZOOM
        draw.line([tuple(corner) for corner in corners], fill=(255, 202, 58), width=2)
    return picture


def _compose(panels: list[tuple[str, Image.Image]]) -> Image.Image:
    width, height = panels[0][1].size
    columns = 3
    rows = -(-len(panels) // columns)
    size = (columns * (width + _GAP) + _GAP, rows * (height + _CAPTION + _GAP))
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(15)
    for index, (caption, picture) in enumerate(panels):
        row, column = divmod(index, columns)
        x, y = _GAP + column * (width + _GAP), row * (height + _CAPTION + _GAP)
        draw.multiline_text((x, y + 4), caption, fill=(30, 30, 30), font=font, spacing=3)
        sheet.paste(picture, (x, y + _CAPTION))
    return sheet


if __name__ == "__main__":
    main()
