"""Label images to polygons and back.

Coordinates are pixels, x right, y down; the origin is the corner of the top-left pixel, so that
the centre of pixel (row, column) lies at x = column + 0.5, y = row + 0.5.
"""

from __future__ import annotations

from bridge.outlines.rasterize import rasterize
from bridge.outlines.star import star_polygons
from bridge.outlines.trace import trace

__all__ = ["rasterize", "star_polygons", "trace"]
