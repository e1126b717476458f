"""Write the picture of docs/volumes.md: an epithelium's surface and its nuclei as meshes.

``python -m tools.mesh_picture`` writes ``docs/images/volume_meshes.jpg``.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from PIL import Image

from bridge.examples.epithelium import simulate_epithelium
from bridge.images import from_array
from bridge.volumes import Volume
from bridge.volumes.meshes.making import MeshSettings, Smoothing, make_meshes
from bridge.volumes.meshes.rendering import draw_turntable

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "volume_meshes.jpg"

_VIEWS = (0, 0, 640, 320)  # the first two


def main() -> None:
    """Draw and write."""
    tissue = simulate_epithelium()
    sheet = Image.new("RGB", (1280, 320), "white")
    shown: list[tuple[NDArray[Any], str | None]] = [(tissue.tissue, "1um"), (tissue.labels, None)]
    for place, (values, smooth) in enumerate(shown):
        volume = Volume(from_array(values, axes="ZYX"), None, 0, tissue.voxel)
        smoothing = None if smooth is None else Smoothing.parse(smooth)
        meshes = make_meshes(volume, MeshSettings(smoothing=smoothing), name="tissue")
        views = Image.open(BytesIO(draw_turntable(meshes))).crop(_VIEWS)
        sheet.paste(views, (640 * place, 0))
    sheet.save(PICTURE, quality=80)
    print(PICTURE)


if __name__ == "__main__":
    main()
