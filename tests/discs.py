"""A disc of known place, by which ways to outlines are compared."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from bridge import Detections, ImageInfo
from bridge.outlines.star import star_polygons

CENTRE = (60.5, 40.5)
"""Middle (x, y) of the disc: the centre of the pixel in column 60, row 40."""

RADIUS = 14.0
SIZE = (120, 90)
"""Width and height of its image."""

TOLERANCE = 0.05
"""Pixels by which two ways may differ."""


def star_disc(rays: int = 32) -> Detections:
    """Return the disc as StarDist gives it: distances from the pixel (40, 60), counted from 0."""
    outline = star_polygons(np.full((1, rays), RADIUS), np.array([[40, 60]]))
    return Detections.from_polygons(
        outline, image=ImageInfo(name="disc", width=SIZE[0], height=SIZE[1]), outline="star"
    )


def disc_image() -> NDArray[Any]:
    """Return an image of the disc, bright on dark, with soft edges: uint16 (Y, X)."""
    y, x = np.mgrid[: SIZE[1], : SIZE[0]] + 0.5
    distance = np.hypot(x - CENTRE[0], y - CENTRE[1])
    values: NDArray[Any] = 200 + 3000 / (1 + np.exp(2 * (distance - RADIUS)))
    return values.astype(np.uint16)


def centres(detections: Detections) -> NDArray[Any]:
    """Return the centroids (x, y) of outlines, pixels from the corner of the image."""
    middles = shapely.centroid(detections.objects.geometry.to_numpy())
    return np.array(shapely.get_coordinates(middles))


def label_centre(labels: NDArray[Any]) -> NDArray[Any]:
    """Return the mean place (x, y) of the pixels of a label image: a pixel's is its centre."""
    rows, columns = np.nonzero(labels)
    return np.array([columns.mean() + 0.5, rows.mean() + 0.5])
