"""An export of QuPath's annotations: a GeoJSON an image, and a region an annotation."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import shapely
import tifffile

SIDE = 60
OUTLINES = (
    shapely.box(4, 4, 14, 12),
    shapely.box(20, 5, 28, 25),
    shapely.Polygon(
        shapely.box(30, 30, 48, 50).exterior.coords, [shapely.box(36, 36, 42, 42).exterior.coords]
    ),
    shapely.box(5, 40, 12, 47),
)
"""A box, another one, one with a hole, and a fourth box."""


def write_export(
    folder: Path,
    name: str,
    classes: Sequence[str | None],
    *,
    first: int = 0,
    image: bool = False,
    seed: int = 0,
) -> list[Path]:
    """Write what orgaSeg's script for QuPath leaves of an image; return the regions.

    Args:
        folder: for ``export/``, and for ``images/``.
        name: of the image.
        classes: of the annotations.
        first: number of the first annotation.
        image: write the whole image, too.
        seed: of the pixels.
    """
    pixels = np.random.default_rng(seed).integers(0, 4000, (SIDE, SIDE)).astype(np.uint16)
    features, regions = [], []
    for number, (outline, kind) in enumerate(zip(OUTLINES, classes, strict=False)):
        properties = {"objectType": "annotation"}
        if kind is not None:
            properties["classification"] = {"name": kind, "color": [1, 2, 3]}  # type: ignore[assignment]
        features.append(
            {
                "type": "Feature",
                "id": str(uuid.UUID(int=1000 * seed + number + 1)),
                "geometry": shapely.geometry.mapping(outline),
                "properties": properties,
            }
        )
        left, top, right, bottom = map(int, outline.bounds)
        shown = f" ({kind})" if kind else ""
        title = f"{name}Annotation (Polygon){shown}_{number + first}.tif"
        regions.append(folder / "export" / "ROIsTif" / title)
        _save(regions[-1], pixels[top:bottom, left:right])
    place = folder / "export" / "geojsons" / f"{name}.geojson"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    if image:
        _save(folder / "images" / f"{name}.tif", pixels)
    return regions


def _save(path: Path, pixels: np.typing.NDArray[np.uint16]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, pixels)
