"""Lengths of selections as ImageJ measures them: they decide how many vertices a spline gets."""

from __future__ import annotations

import math

import numpy as np
import roifile
from numpy.typing import NDArray

_TYPE = roifile.ROI_TYPE


def length_of(points: NDArray[np.float32], kind: roifile.ROI_TYPE, *, is_subpixel: bool) -> float:
    """Return the length of a closed selection in pixels (ij.gui.PolygonRoi.getLength).

    Args:
        points: (n, 2) vertices, n at least 3.
        kind: the type of the ROI.
        is_subpixel: whether it was stored with digits.

    >>> corners = np.array([[0, 0], [3, 0], [3, 4]], np.float32)
    >>> length_of(corners, roifile.ROI_TYPE.POLYGON, is_subpixel=False)
    12.0
    """
    xy = points.astype(np.float64)
    steps = np.diff(xy, axis=0, append=xy[:1])
    is_traced = (
        kind == _TYPE.POLYGON and (steps == 0).any(axis=1).all() and (xy == np.floor(xy)).all()
    )
    if kind == _TYPE.TRACED or is_traced:
        # ImageJ finds no length of traced selections with digits
        return 0.0 if is_subpixel and kind == _TYPE.TRACED else _traced_length(steps)
    if kind == _TYPE.FREEHAND:
        return _smoothed_length(xy)
    return float(np.hypot(*steps.T).sum())


def _traced_length(steps: NDArray[np.float64]) -> float:
    """Return the length along pixels, with corners cut off."""
    if len(steps) < 4:
        return 0.0
    sides = np.abs(steps).sum(axis=1)
    corners, was_corner = 0, False
    for side in (sides[-1], *sides[:-1]):
        was_corner = bool(side > 1 or not was_corner)
        corners += was_corner
    return float(sides.sum() - corners * (2 - math.sqrt(2)))


def _smoothed_length(xy: NDArray[np.float64]) -> float:
    """Return the length of the running average of three points, and that of the closing line."""
    first, last = xy[:3].mean(axis=0) - xy[0], xy[-1] - xy[-3:].mean(axis=0)
    steps = np.concatenate([[first], (xy[3:] - xy[:-3]) / 3, [last], [xy[-1] - xy[0]]])
    return float(np.hypot(*steps.T).sum())
