"""Areas as the coordinates of ImageJ ROIs (ij.io.RoiEncoder), for many objects at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import roifile
import shapely
from numpy.typing import NDArray

_INT16_MAX = 32_767
_MAX_VERTICES = 65_535
_WHOLE = 1e-7  # pixels; outlines may have been moved by less, see roi_shapes.filling
_MOVE, _LINE, _CLOSE = 0.0, 1.0, 4.0


def set_outlines(rois: Sequence[roifile.ImagejRoi], geometries: NDArray[np.object_]) -> None:
    """Give ROIs their outlines.

    Outlines of whole numbers become polygons, others subpixel polygons, and objects with holes,
    several pieces or more than 65,535 vertices composite ROIs.

    Args:
        rois: n ROIs without coordinates, changed in place.
        geometries: n Polygons or MultiPolygons, corner-origin (x, y) pixels.
    """
    n = len(geometries)
    xy, owner = shapely.get_coordinates(geometries, return_index=True)
    bounds = np.nan_to_num(shapely.bounds(geometries))  # an empty area has none
    corners = np.concatenate([np.floor(bounds[:, :2]), np.ceil(bounds[:, 2:])], axis=1)
    # The box of a ROI is 16 bits wide; beyond it only the float coordinates count.
    boxes = np.clip(corners, -_INT16_MAX - 1, _INT16_MAX).astype(int)
    rounded = np.round(xy)
    fits = ((np.abs(xy - rounded) <= _WHOLE) & (np.abs(xy) <= _INT16_MAX)).all(axis=1)
    integers = np.clip(rounded - boxes[owner, :2], 0, _INT16_MAX).astype(">i2")
    floats = xy.astype(">f4")
    first = shapely.get_geometry(geometries, 0)
    single = (shapely.get_num_geometries(geometries) < 2) & (
        shapely.get_num_interior_rings(first) == 0
    )
    columns = (
        (single & (shapely.get_num_coordinates(geometries) <= _MAX_VERTICES + 1)).tolist(),
        (np.bincount(owner, ~fits, n) > 0).tolist(),
        np.searchsorted(owner, np.arange(n)).tolist(),
        (np.searchsorted(owner, np.arange(n), "right") - 1).tolist(),  # without the closing vertex
    )
    for roi, geometry, box, is_polygon, is_subpixel, start, stop in zip(
        rois, geometries, boxes.tolist(), *columns, strict=True
    ):
        roi.left, roi.top, roi.right, roi.bottom = box
        if not is_polygon:
            roi.roitype = roifile.ROI_TYPE.RECT  # as ImageJ calls a composite ROI
            roi.multi_coordinates = _path(geometry)
            roi.shape_roi_size = len(roi.multi_coordinates)
            continue
        here = slice(start, max(start, stop))
        roi.integer_coordinates = integers[here]
        roi.n_coordinates = len(roi.integer_coordinates)
        if is_subpixel:
            roi.options = roifile.ROI_OPTIONS.SUB_PIXEL_RESOLUTION
            roi.subpixel_coordinates = floats[here]


def _path(geometry: Any) -> NDArray[np.float32]:
    """Return rings as Java's path segments: move to the first vertex, lines to others, close."""
    parts: list[Any] = []
    for ring in shapely.get_rings(shapely.get_parts(geometry)):
        xy = shapely.get_coordinates(ring)[:-1]
        kinds = np.where(np.arange(len(xy)) == 0, _MOVE, _LINE)
        parts += [np.column_stack([kinds, xy]).ravel(), [_CLOSE]]
    path: NDArray[np.float32] = np.concatenate(parts).astype(np.float32)
    return path
