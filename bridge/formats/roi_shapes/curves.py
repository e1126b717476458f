"""Curves of ImageJ ROIs as the vertices that ImageJ itself fills.

Numbers are rounded to float32 where ImageJ (1.54p) does: a pixel's centre may lie on the outline.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
"""Vertices (n, 2), x and y."""

_ELLIPSE_VERTICES = 72
_FLATNESS = 0.01  # ij.gui.ShapeRoi.FILL_FLATNESS, pixels
_MAX_HALVINGS = 10  # of java.awt.geom.FlatteningPathIterator
_CONTINUED = 7  # nodes by which ij.measure.SplineFitter continues a closed curve at both ends
_SHORTEST = np.float32(0.001)  # distance of two nodes of a spline
_FEWEST_POINTS = 100  # of a fitted spline
_MOST_POINTS = 2**16  # of a fitted spline, which has one every other pixel: 32,768 pixels square
_MOST_POINTS_A_NODE = 64
_CORNER = (1 - 4 / 3 * (math.sqrt(2) - 1)) / 2
"""Distance of a control point of a quarter of an ellipse from the corner, in its diameters."""

_MOVE, _LINE, _QUADRATIC, _CUBIC, _CLOSE = range(5)  # java.awt.geom.PathIterator
_COORDINATES: dict[float, int] = {_MOVE: 2, _LINE: 2, _QUADRATIC: 4, _CUBIC: 6, _CLOSE: 0}


def ellipse(x1: float, y1: float, x2: float, y2: float, ratio: float) -> Points:
    """Return the vertices of an ellipse (ij.gui.EllipseRoi).

    Args:
        x1: x of one end of the major axis, pixels; ``y1``, ``x2`` and ``y2`` likewise.
        y1: y of that end.
        x2: x of its other end.
        y2: y of its other end.
        ratio: minor axis in major axes, 0 to 1.

    >>> ellipse(0, 5, 20, 5, 0.5)[[0, 18]].tolist()
    [[20.0, 5.0], [10.0, 10.0]]
    """
    major = _distance(x1, y1, x2, y2)
    minor = major * min(max(ratio, 0.0), 1.0)
    angle = np.arange(_ELLIPSE_VERTICES) * 360.0 / _ELLIPSE_VERTICES / 180.0 * np.pi
    dx, dy = np.cos(angle) * major / 2, np.sin(angle) * minor / 2
    turned = np.arctan2(dy, dx) + math.atan2(y2 - y1, x2 - x1)
    radius = np.sqrt(dx * dx + dy * dy)
    x = (x1 + x2) / 2 + np.cos(turned) * radius
    y = (y1 + y2) / 2 + np.sin(turned) * radius
    return _rounded(np.stack([x, y], axis=1))


def rotated_rectangle(x1: float, y1: float, x2: float, y2: float, width: float) -> Points:
    """Return the corners of a rectangle along a line (ij.gui.RotatedRectRoi).

    Args:
        x1: x of the middle of one side, pixels; ``y1``, ``x2`` and ``y2`` likewise.
        y1: y of that middle.
        x2: x of the middle of the opposite side.
        y2: y of that middle.
        width: length of these two sides, pixels.

    Raises:
        ValueError: the two middles are one point.

    >>> rotated_rectangle(0, 5, 8, 5, 4).tolist()
    [[0.0, 3.0], [8.0, 3.0], [8.0, 7.0], [0.0, 7.0]]
    """
    length = _distance(x1, y1, x2, y2)
    if not length > 0:
        raise ValueError("a rectangle without a length")
    across = np.array([0.5 * width * (y2 - y1) / length, -0.5 * width * (x2 - x1) / length])
    first, last = np.array([x1, y1]), np.array([x2, y2])
    return _rounded(np.stack([first + across, last + across, last - across, first - across]))


def rounded_rectangle(width: int, height: int, diameter: int) -> list[float]:
    """Return the path of a rectangle with round corners (java.awt.geom.RoundRectangle2D).

    Args:
        width: of the rectangle, whose top left corner is (0, 0), pixels.
        height: of the rectangle, pixels.
        diameter: of the corners' circles, pixels.

    Returns:
        Segments as :func:`flatten` reads them.

    >>> rounded_rectangle(10, 8, 4)[:6]
    [0, 0.0, 2.0, 1, 0.0, 6.0]
    """
    across, down = min(width, diameter), min(height, diameter)
    near_x, near_y = _CORNER * across, _CORNER * down
    half_x, half_y = across / 2, down / 2
    w, h = float(width), float(height)
    segments: tuple[tuple[int, tuple[float, ...]], ...] = (
        (_MOVE, (0.0, half_y)),
        (_LINE, (0.0, h - half_y)),
        (_CUBIC, (0.0, h - near_y, near_x, h, half_x, h)),
        (_LINE, (w - half_x, h)),
        (_CUBIC, (w - near_x, h, w, h - near_y, w, h - half_y)),
        (_LINE, (w, half_y)),
        (_CUBIC, (w, near_y, w - near_x, 0.0, w - half_x, 0.0)),
        (_LINE, (half_x, 0.0)),
        (_CUBIC, (near_x, 0.0, 0.0, near_y, 0.0, half_y)),
        (_CLOSE, ()),
    )
    return [value for kind, xy in segments for value in (kind, *xy)]


def path_points(path: Sequence[float]) -> Points:
    """Return all points of a path, control points of its curves too.

    Args:
        path: as for :func:`flatten`.

    Raises:
        ValueError: a segment of an unknown type.
    """
    x = _places_of_x(_segments(path))
    values = np.array(path, np.float64)
    return np.stack([values[x], values[x + 1]], axis=1)


def flatten(path: Sequence[float], origin: tuple[int, int] = (0, 0)) -> list[Points]:
    """Return the lines of a path, its curves divided until they are straight to 0.01 px.

    Curves are halved as java.awt.geom.FlatteningPathIterator halves them, so that the vertices are
    those that ImageJ fills.

    Args:
        path: segments one after the other: their type (0 move, 1 line, 2 quadratic and 3 cubic
            Bézier curve, 4 close), then 1, 1, 2, 3 or 0 points.
        origin: (x, y) of the point that becomes (0, 0).

    Returns:
        The vertices of each closed or open line, float32 numbers.

    Raises:
        ValueError: a segment of an unknown type.

    >>> [line.tolist() for line in flatten([0, 0, 0, 1, 4, 0, 1, 4, 3, 4])]
    [[[0.0, 0.0], [4.0, 0.0], [4.0, 3.0]]]
    >>> flatten([0, 0, 0, 2, 0.01, 0.01, 4, 0])[0].tolist()
    [[0.0, 0.0], [4.0, 0.0]]
    """
    lines: list[list[tuple[float, float]]] = []
    begin = at = (0.0, 0.0)
    is_open = False
    segments = _segments(path)
    x = _places_of_x(segments)
    moved = np.array(path, np.float64)
    moved[x] -= origin[0]
    moved[x + 1] -= origin[1]
    values = _rounded(moved).tolist()
    for kind, start, stop in segments:
        points = list(zip(values[start:stop:2], values[start + 1 : stop : 2], strict=True))
        if kind == _CLOSE:
            at, is_open = begin, False
            continue
        if kind == _MOVE or not is_open:
            lines.append([])
        if kind == _MOVE:
            begin = points[0]
        lines[-1] += _halve([at, *points]) if kind in (_QUADRATIC, _CUBIC) else points
        at, is_open = points[-1], True
    return [_rounded(np.array(line).reshape(-1, 2)) for line in lines]


def has_curves(path: Sequence[float]) -> bool:
    """Return whether a path has other segments than lines.

    Args:
        path: as for :func:`flatten`.
    """
    return any(kind in (_QUADRATIC, _CUBIC) for kind, _, _ in _segments(path))


def _segments(path: Sequence[float]) -> list[tuple[int, int, int]]:
    """Return the types of segments, and where the numbers of their points start and stop.

    A last segment that is cut off is left out, as in ImageJ.
    """
    segments = []
    start, size = 0, len(path)
    while start < size:
        kind = path[start]
        if kind not in _COORDINATES:
            raise ValueError(f"its path has a segment of type {kind:g}")
        stop = start + 1 + _COORDINATES[kind]
        if stop > size:
            break
        segments.append((int(kind), start + 1, stop))
        start = stop
    return segments


def _places_of_x(segments: list[tuple[int, int, int]]) -> NDArray[np.int64]:
    places = [place for _, start, stop in segments for place in range(start, stop, 2)]
    return np.array(places, np.int64)


def _halve(curve: list[tuple[float, float]], halvings: int = 0) -> list[tuple[float, float]]:
    """Return the vertices after the first of a Bézier curve of its control points."""
    if halvings == _MAX_HALVINGS or _is_flat(curve):
        return [curve[-1]]
    first, second = [curve[0]], [curve[-1]]
    while len(curve) > 1:  # de Casteljau
        curve = [((x0 + x1) / 2, (y0 + y1) / 2) for (x0, y0), (x1, y1) in pairwise(curve)]
        first.append(curve[0])
        second.insert(0, curve[-1])
    return _halve(first, halvings + 1) + _halve(second, halvings + 1)


def _is_flat(curve: list[tuple[float, float]]) -> bool:
    (x0, y0), (x1, y1) = curve[0], curve[-1]
    dx, dy = x1 - x0, y1 - y0
    for x, y in curve[1:-1]:
        px, py = x - x0, y - y0
        along = px * dx + py * dy
        if along > 0:  # else the first end is nearest
            px, py = dx - px, dy - py
            along = px * dx + py * dy
        projected = along * along / (dx * dx + dy * dy) if along > 0 else 0.0
        if max(px * px + py * py - projected, 0.0) >= _FLATNESS**2:
            return False
    return True


def spline(points: Points, length: float) -> Points:
    """Return the closed curve that ImageJ fits through the points of a polygon.

    ImageJ stores the points and fits again when it opens the ROI: cubic splines of x and y along
    the sums of the square roots of the points' distances (ij.gui.PolygonRoi.getSpline), closed by
    a few points more at both ends (ij.measure.SplineFitter).

    Args:
        points: (n, 2) float32 numbers, n at least 3.
        length: of the polygon as ImageJ measures it, which decides on the number of vertices.

    Raises:
        ValueError: the points are so many or so near to each other that no curve fits them, or so
            far that the curve is larger than any image.
    """
    if not length / 2 <= max(_MOST_POINTS, _MOST_POINTS_A_NODE * len(points)):
        raise ValueError("its spline is longer than the outline of any image")
    xy = np.concatenate([points, points[:1]]).astype(np.float32)
    steps = np.diff(xy, axis=0)
    distances = (steps * steps).sum(axis=1, dtype=np.float32).astype(np.float64)
    roots = np.maximum(np.sqrt(np.sqrt(distances)).astype(np.float32), _SHORTEST)
    nodes = np.concatenate([[np.float32(0)], np.cumsum(roots, dtype=np.float32)])
    more = min(_CONTINUED, len(nodes) - 1)
    nodes_on = np.concatenate(
        [nodes[-more - 1 : -1] - nodes[-1], nodes, nodes[1 : more + 1] - nodes[0] + nodes[-1]]
    )
    values = np.concatenate([xy[-more - 1 : -1], xy, xy[1 : more + 1]]).astype(np.float64)
    wanted = max(int(length / 2), _FEWEST_POINTS)
    at = np.arange(wanted, dtype=np.float64) * (float(nodes[-1]) / (wanted - 1))
    return _rounded(_natural_spline(nodes_on, values, at))


def _natural_spline(
    float32_nodes: NDArray[np.float32], values: Points, at: NDArray[np.float64]
) -> Points:
    """Return cubic splines with no curvature at their ends (Press et al., Numerical Recipes)."""
    nodes = float32_nodes.astype(np.float64)
    widths = np.diff(nodes)
    if not (widths > 0).all():
        raise ValueError("its spline has points that are too near to each other")
    slopes = np.diff(values, axis=0) / widths[:, None]
    curvature = np.zeros_like(values)
    passed = np.zeros(len(nodes))
    for i in range(1, len(nodes) - 1):
        pivot = 2 * (widths[i - 1] + widths[i]) - widths[i - 1] * passed[i - 1]
        passed[i] = widths[i] / pivot
        right = 6 * (slopes[i] - slopes[i - 1]) - widths[i - 1] * curvature[i - 1]
        curvature[i] = right / pivot
    for i in range(len(nodes) - 2, 0, -1):
        curvature[i] -= passed[i] * curvature[i + 1]
    left = np.clip(np.searchsorted(nodes, at) - 1, 0, len(nodes) - 2)
    width = np.diff(float32_nodes).astype(np.float64)[left, None]
    after, before = at[:, None] - nodes[left, None], nodes[left + 1, None] - at[:, None]
    line = after * values[left + 1] + before * values[left]
    bend = (after * after - width * width) * after * curvature[left + 1]
    bend += (before * before - width * width) * before * curvature[left]
    return np.asarray((line + bend / 6) / width)


def _distance(x1: float, y1: float, x2: float, y2: float) -> float:
    return math.sqrt((x2 - x1) * (x2 - x1) + (y2 - y1) * (y2 - y1))  # hypot rounds otherwise


def _rounded(points: NDArray[np.float64]) -> Points:
    return points.astype(np.float32).astype(np.float64)
