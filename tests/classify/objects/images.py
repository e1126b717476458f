"""Images with squares, to class by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import shapely
import tifffile
from numpy.typing import NDArray

from bridge import Detections, ImageInfo
from bridge.images import Image
from bridge.measure import measure

SIDE = 40
CORNERS = ((2, 2), (20, 4), (5, 22), (24, 24))
"""(x, y) of the squares' first pixels."""


def features(detections: Detections, image: Image) -> pd.DataFrame:
    """Measure few features, in place of all."""
    table = measure(detections, image, unit="px")
    return table[[name for name in table.columns if "Mean" in name or "Area" in name]]


def pixels(seed: int = 0) -> NDArray[np.uint16]:
    """Return an image in which every object looks different."""
    return np.random.default_rng(seed).integers(0, 1000, (SIDE, SIDE)).astype(np.uint16)


def write_image(path: Path, seed: int = 0) -> Path:
    """Write an image."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, pixels(seed))
    return path


def squares(
    classes: list[str | None] | None = None, *, name: str = "a", kind: str = "detection"
) -> Detections:
    """Return four squares of 8 × 8 pixels."""
    boxes = [shapely.box(x, y, x + 8, y + 8) for x, y in CORNERS]
    return Detections.from_polygons(
        boxes,
        columns={"class": classes or [None] * 4, "object_type": [kind] * 4},
        image=ImageInfo(name=name, width=SIDE, height=SIDE),
    )
