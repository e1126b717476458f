"""StarDist's own outlines: one vertex a ray. Its coordinates are converted only here."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

PIXEL_CENTRE = 0.5
"""StarDist counts from the centre of the top-left pixel, starbridge from its corner."""


def star_polygons(
    dist: NDArray[Any], points: NDArray[Any], *, scale: tuple[float, float] = (1.0, 1.0)
) -> NDArray[np.object_]:
    """Make polygons of radial distances.

    The vertex of ray k lies at ``dist[k]`` from the point, at the angle 2πk/n from the x axis
    towards y (Schmidt et al. 2018, "Cell Detection with Star-Convex Polygons"). Coordinates are
    rounded to float32, as StarDist does, so that both render the same pixels.

    Args:
        dist: (n, rays) distances in pixels of the predicted plane.
        points: (n, 2) pixel-centre (y, x) of the predicted plane.
        scale: (y, x) size of a predicted pixel in pixels of the image.

    Returns:
        n shapely polygons, corner-origin (x, y) pixels of the image.

    >>> star_polygons(np.full((1, 4), 2.0), np.array([[5, 5]]))[0].bounds
    (3.5, 3.5, 7.5, 7.5)
    """
    dist = np.asarray(dist, np.float32)
    points = np.asarray(points)
    n, rays = dist.shape
    angles = np.linspace(0, 2 * np.pi, rays, endpoint=False)
    unit = np.array([np.cos(angles), np.sin(angles)])
    xy = (dist[:, None] * unit).astype(np.float32) + points[:, ::-1, None].astype(np.float32)
    corner = (xy.astype(np.float64) + PIXEL_CENTRE) * np.array(scale[::-1])[:, None]
    rings = np.concatenate([corner, corner[..., :1]], axis=2).transpose(0, 2, 1)
    if n == 0:
        return np.empty(0, object)
    polygons: NDArray[np.object_] = shapely.polygons(rings)
    return polygons
