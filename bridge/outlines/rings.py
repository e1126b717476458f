"""Areas of closed lines, as ImageJ and QuPath fill them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike


def region(rings: Iterable[ArrayLike]) -> Any:
    """Return the area that rings enclose by the even-odd rule, as ImageJ and QuPath fill them.

    A ring inside another one is a hole, one inside that hole an island, and a line that crosses
    itself leaves what it goes round twice empty.

    Args:
        rings: arrays (n, 2) of corner-origin (x, y) pixels, closed or not. Rings of fewer than
            three points have no area and are left out.

    Returns:
        A valid Polygon or MultiPolygon; an empty Polygon where nothing is enclosed.

    >>> outer, hole = [(0, 0), (9, 0), (9, 9), (0, 9)], [(2, 2), (4, 2), (4, 4), (2, 4)]
    >>> region([outer, hole]).area
    77.0
    """
    area: Any = None
    for ring in rings:
        xy = np.asarray(ring, np.float64)
        if len(xy) < 3 or not np.isfinite(xy).all():
            continue
        piece = areas_only(shapely.Polygon(xy))
        area = piece if area is None else areas_only(area.symmetric_difference(piece))
    return shapely.Polygon() if area is None else area


def areas_only(geometry: Any) -> Any:
    """Repair a geometry and keep only its areas, without lines and points.

    Returns:
        A valid Polygon or MultiPolygon, perhaps empty. A valid one comes back unchanged.

    >>> areas_only(shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])).geom_type
    'MultiPolygon'
    """
    if geometry.geom_type in ("Polygon", "MultiPolygon") and geometry.is_valid:
        return geometry
    mended = shapely.make_valid(geometry)
    parts = [
        piece
        for part in shapely.get_parts([mended])
        for piece in shapely.get_parts([part])
        if piece.geom_type == "Polygon" and not piece.is_empty
    ]
    if not parts:
        return shapely.Polygon()
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)
