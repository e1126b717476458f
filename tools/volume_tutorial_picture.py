"""Write the picture of docs/volume-tutorial.md: strokes, probabilities, and the surface.

``python -m tools.volume_tutorial_picture`` writes ``docs/images/volume_tutorial.jpg``, from the
tutorial's own commands.
"""

# trimesh has annotations in part only
# mypy: disallow-untyped-calls=False

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from bridge.volumes import open_volume
from tools.page_commands import read_commands, run_command

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "volume_tutorial.jpg"

_ROW = 28  # y of the section that is shown
_ZOOM, _GAP, _CAPTION = 8, 14, 34
_COLORS = {1: (240, 128, 0), 2: (86, 180, 233)}
_TRUE, _FOUND = (255, 214, 10), (214, 40, 40)
_VIEW = (320, 0, 640, 320)  # the second one of the turntable


def main() -> None:
    """Write the picture; a folder in which the page was run may be given."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(sys.argv[1] if len(sys.argv) > 1 else folder)
        if len(sys.argv) == 1:
            for line in read_commands("volume-tutorial.md"):
                run_command(place, line)
                if "tissue.obj" in line:
                    break  # all that is shown is there
        panels = _panels(place)
    height = max(panel.height for _, panel in panels)
    width = sum(panel.width + _GAP for _, panel in panels) - _GAP
    sheet = Image.new("RGB", (width, height + _CAPTION), "white")
    left = 0
    for caption, panel in panels:
        sheet.paste(panel, (left, _CAPTION))
        ImageDraw.Draw(sheet).text((left, 4), caption, fill="black", font=_font(22))
        left += panel.width + _GAP
    sheet.save(PICTURE, quality=88, optimize=True)
    print(PICTURE)


def _panels(place: Path) -> list[tuple[str, Image.Image]]:
    with open_volume(place / "results" / "epithelium.h5") as volume:
        nuclei, membrane = (volume.read(channel)[:, _ROW] for channel in range(2))
        voxel = volume.known_voxel
    with open_volume(place / "tutorial" / "strokes" / "epithelium.tif") as volume:
        strokes = volume.read()[:, _ROW]
    maps = place / "results" / "maps" / "epithelium_Probabilities.h5"
    with open_volume(maps, channel="tissue") as volume:
        probability = volume.read()[:, _ROW]
    light = np.clip(np.maximum(nuclei, 0.6 * membrane), 0, 1) ** 0.8
    painted = np.repeat((light * 255).astype(np.uint8)[..., np.newaxis], 3, axis=2)
    for kind, color in _COLORS.items():
        painted[strokes == kind] = color
    grey = np.repeat((probability * 255).astype(np.uint8)[..., np.newaxis], 3, axis=2)
    outlined = _enlarge(grey)
    y = (_ROW + 0.5) * voxel[1]
    for path, color in (
        (place / "results" / "tissue.obj", _FOUND),
        (place / "tutorial" / "truth" / "surface.obj", _TRUE),
    ):
        _draw_section(outlined, path, y, voxel, color)
    turntable = Image.open(place / "results" / "tissue_turntable.png").crop(_VIEW)
    side = painted.shape[0] * _ZOOM
    return [
        ("a section (x, z) with strokes", _enlarge(painted)),
        ("probability of tissue; true and found outline", outlined),
        ("the surface", turntable.resize((side, side), Image.Resampling.LANCZOS)),
    ]


def _draw_section(
    panel: Image.Image, path: Path, y: float, voxel: tuple[float, float, float], color: Any
) -> None:
    """Draw where a mesh (z, y, x in µm) meets the plane at y."""
    mesh = trimesh.load_mesh(path, process=False)
    segments = trimesh.intersections.mesh_plane(mesh, (0, 1, 0), (0, y, 0))
    draw = ImageDraw.Draw(panel)
    for ends in segments:
        corners = [(x / voxel[2] * _ZOOM, z / voxel[0] * _ZOOM) for z, _, x in ends]
        draw.line(corners, fill=color, width=2)


def _enlarge(pixels: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(pixels.repeat(_ZOOM, axis=0).repeat(_ZOOM, axis=1))


def _font(size: int) -> Any:
    return ImageFont.load_default(size)


if __name__ == "__main__":
    main()
