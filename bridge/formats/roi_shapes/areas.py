"""The area of each type of ImageJ ROI (ij.io.RoiDecoder), and what the others are."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from functools import partial

import numpy as np
import roifile
import shapely
from numpy.typing import NDArray

from bridge.formats.roi_shapes import curves
from bridge.formats.roi_shapes.filling import EnclosedArea, Lines
from bridge.formats.roi_shapes.lengths import length_of
from bridge.outlines.rings import areas_only, region

_TYPE, _SUBTYPE = roifile.ROI_TYPE, roifile.ROI_SUBTYPE
_POLYGONS = (_TYPE.POLYGON, _TYPE.FREEHAND, _TYPE.TRACED)
_NO_AREAS = {
    _TYPE.LINE: "line",
    _TYPE.FREELINE: "freehand line",
    _TYPE.POLYLINE: "segmented line",
    _TYPE.ANGLE: "angle",
    _TYPE.POINT: "point selection",
}
_NOTES = {"|SB|": "part of a scale bar", "|CB|": "part of a calibration bar"}
"""ImageJ's own names of what it draws into an overlay (ij.plugin.ScaleBar, CalibrationBar)."""
_LARGEST = 2**20  # pixels; no image of ImageJ is as wide or high
_SPLINE = int(roifile.ROI_OPTIONS.SPLINE_FIT)
_SPLINE_SINCE = 218  # version of the format
_FEWEST_CORNERS = 3
_WRAPPED = 2**16


def kind_without_area(roi: roifile.ImagejRoi) -> str | None:
    """Return what a ROI is that is no area of an object, in ImageJ's words; ``None`` for others.

    Args:
        roi: any ROI.

    >>> kind_without_area(roifile.ImagejRoi(roitype=roifile.ROI_TYPE.ANGLE))
    'angle'
    """
    if roi.name in _NOTES:
        return _NOTES[roi.name]
    if roi.composite:
        return None
    if roi.subtype == _SUBTYPE.TEXT:
        return "text"
    if roi.subtype == _SUBTYPE.IMAGE:
        return "image"
    if roi.roitype == _TYPE.LINE and roi.subtype == _SUBTYPE.ARROW:
        return "arrow"
    return _NO_AREAS.get(roi.roitype)


def area_of(roi: roifile.ImagejRoi) -> EnclosedArea | None:
    """Return the area of a ROI as ImageJ fills it; ``None`` where it encloses none.

    Rectangles and ovals are areas of whole pixels to ImageJ, also where their frame is not of
    whole numbers: an oval's outline is that of its pixels (ij.gui.OvalRoi.getPolygon).

    Args:
        roi: a ROI of which :func:`kind_without_area` is ``None``.

    Raises:
        ValueError: a type that ImageJ does not know, or numbers that no ROI has.

    >>> area_of(roifile.ImagejRoi(roitype=roifile.ROI_TYPE.OVAL, right=3, bottom=3)).outline.area
    9.0
    >>> area_of(roifile.ImagejRoi(roitype=roifile.ROI_TYPE.OVAL, right=4, bottom=4)).outline.area
    12.0
    """
    if roi.composite:
        return _composite(roi)
    if roi.roitype == _TYPE.OVAL:
        return _oval(*_frame(roi))
    if roi.roitype == _TYPE.RECT:
        return _rectangle(*_frame(roi), roi.rounded_rect_arc_size)
    if roi.roitype not in _POLYGONS:
        raise ValueError(f"its type {int(roi.roitype)} is unknown")
    if roi.roitype == _TYPE.FREEHAND and roi.subtype in (_SUBTYPE.ELLIPSE, _SUBTYPE.ROTATED_RECT):
        ends = roi.x1, roi.y1, roi.x2, roi.y2
        parameter = _float_parameter(roi)
        if not all(map(math.isfinite, (*ends, parameter))):
            raise ValueError("its ends are no numbers")
        is_ellipse = roi.subtype == _SUBTYPE.ELLIPSE
        shape = curves.ellipse if is_ellipse else curves.rotated_rectangle
        return _curve([shape(*ends, parameter)])
    return _polygon(roi)


def _float_parameter(roi: roifile.ImagejRoi) -> float:
    """Return the aspect ratio or width, a float32 where roifile reads what arrows and arcs have."""
    parts = roi.arrow_style_or_aspect_ratio, roi.arrow_head_size, roi.rounded_rect_arc_size
    (value,) = struct.unpack(">f", struct.pack(">BBh", *parts))
    return float(value)


def _frame(roi: roifile.ImagejRoi) -> tuple[int, int, int, int]:
    """Return left, top, width and height in whole pixels, as ij.gui.Roi has them."""
    if roi.subpixelrect:
        frame = roi.xd, roi.yd, roi.widthd, roi.heightd
        if not all(abs(value) < _LARGEST for value in frame):
            raise ValueError("its frame is larger than any image")
        return (
            int(roi.xd),
            int(roi.yd),
            max(math.ceil(roi.widthd), 1),
            max(math.ceil(roi.heightd), 1),
        )
    width, height = roi.right - roi.left, roi.bottom - roi.top
    return roi.left, roi.top, _side(width), _side(height)


def _side(length: int) -> int:
    """Return at least 1 px; roifile takes a side of no length for one of 65,536 px."""
    return 1 if length < 1 or length == _WRAPPED else length


def _rectangle(left: int, top: int, width: int, height: int, diameter: int) -> EnclosedArea | None:
    if diameter > 0:
        path = curves.rounded_rectangle(width, height, diameter)
        return _curve(curves.flatten(path), (left, top))
    box = shapely.box(left, top, left + width, top + height)
    return _whole_pixels(box)


def _oval(left: int, top: int, width: int, height: int) -> EnclosedArea:
    """Return the outline of an oval's pixels (ij.gui.OvalRoi.getMask)."""
    a, b = width / 2, height / 2
    y = np.arange(height) - (b - 0.5)
    # The first pixel of each row, guessed from the ellipse and found among its neighbours.
    guess = np.floor(a * (1 - np.sqrt(np.maximum(1 - y * y / (b * b), 0))) - 0.5)
    first = np.full(height, width)
    for column in (guess + step for step in (2, 1, 0, -1)):
        x = column - (a - 0.5)
        inside = (column >= 0) & (x <= 0) & (x * x / (a * a) + y * y / (b * b) <= 1.0)
        first = np.where(inside, column, first)
    rows = np.flatnonzero(first < width)
    edges = np.stack([first[rows], first[rows]], axis=1).ravel()
    levels = np.stack([rows, rows + 1], axis=1).ravel()
    x = np.concatenate([edges, width - edges[::-1]]) + left
    y = np.concatenate([levels, levels[::-1]]) + top
    outline = shapely.Polygon(np.stack([x, y], axis=1)).simplify(0)
    return _whole_pixels(outline)


def _composite(roi: roifile.ImagejRoi) -> EnclosedArea | None:
    """Return the area of a path (ij.gui.ShapeRoi)."""
    if roi.roitype != _TYPE.RECT or roi.multi_coordinates is None:
        raise ValueError("it is composite, but no path")
    path = roi.multi_coordinates.tolist()
    if not all(map(math.isfinite, path)):
        raise ValueError("its path has points that are no numbers")
    points = curves.path_points(path)
    if not len(points):
        return None
    left, top = np.floor(points.min(axis=0)).astype(int).tolist()
    lines = [line for line in curves.flatten(path, (left, top)) if len(line) > 2]
    if curves.has_curves(path):
        return _curve(lines, (left, top))
    rings = [line for line in curves.flatten(path) if len(line) > 2]
    outline = region(rings)
    is_simple = shapely.get_num_coordinates(outline) == sum(len(ring) + 1 for ring in rings)
    return EnclosedArea(outline, is_simple, partial(Lines, (left, top), lines))


def _polygon(roi: roifile.ImagejRoi) -> EnclosedArea | None:
    """Return the area of a polygon, freehand or traced selection (ij.gui.PolygonRoi)."""
    if roi.integer_coordinates is None or len(roi.integer_coordinates) < _FEWEST_CORNERS:
        return None
    is_subpixel = roi.subpixel_coordinates is not None
    xy = np.asarray(roi.subpixel_coordinates if is_subpixel else roi.integer_coordinates, float)
    if not is_subpixel:
        xy += (roi.left, roi.top)
    if not math.isfinite(xy.sum()):
        raise ValueError("it has points that are no numbers")
    if int(roi.options) & _SPLINE and roi.version >= _SPLINE_SINCE:
        exact = xy.astype(np.float32)
        corner = exact.min(axis=0)
        length = length_of(exact - corner, roi.roitype, is_subpixel=is_subpixel)
        origin, lines = _from_corner(curves.spline(exact - corner, length) + corner)
        return _curve(lines, origin)
    outline = areas_only(shapely.Polygon(xy))
    is_simple = shapely.get_num_coordinates(outline) == len(xy) + 1
    return EnclosedArea(outline, is_simple, partial(_from_corner, xy))


def _whole_pixels(outline: shapely.Geometry) -> EnclosedArea:
    """Return an area along pixels' edges, on which no pixel's centre lies."""
    return EnclosedArea(outline, True, partial(Lines, (0, 0), []))


def _from_corner(xy: NDArray[np.float64]) -> Lines:
    """Return a polygon as ImageJ keeps it: float32 numbers from its upper left corner."""
    exact = xy.astype(np.float32)
    corner = exact.min(axis=0)
    left, top = np.floor(corner).astype(int).tolist()
    digits = corner.astype(np.float64) - (left, top)
    return Lines((left, top), [(exact - corner).astype(np.float64) + digits])


def _curve(
    lines: Sequence[NDArray[np.float64]], origin: tuple[int, int] | None = None
) -> EnclosedArea | None:
    """Return the area of lines that were curves.

    Args:
        lines: from the origin; in pixels of the image where there is none.
        origin: whole numbers (x, y).
    """
    if not lines:
        return None
    if origin is None:
        left, top = np.floor(np.concatenate(lines).min(axis=0)).astype(int).tolist()
        origin = left, top
        lines = [(line - origin).astype(np.float32).astype(np.float64) for line in lines]
    outline = region(line + origin for line in lines)
    return EnclosedArea(outline, False, partial(Lines, origin, lines))
