"""Which pixels ImageJ gives to closed lines, and areas that :func:`rasterize` gives the same ones.

ImageJ (ij.process.PolygonFiller) and starbridge give a pixel to the area that holds its centre. Of
a centre that lies on an outline, ImageJ gives the pixel to the area on its left or above it,
starbridge, like Java and QuPath, to the one on its right or below it. Outlines of whole numbers
with slanted edges have many such pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from bridge.outlines import rasterize, trace

_SHIFT = 1e-8  # ij.process.PolygonFiller's own, pixels
_SHIFT_Y = 1e-9  # smaller, so that it moves no crossing of an edge that is not nearly level
_TIE = 1e-9  # pixels; what the arithmetic of a crossing may be off
_DOUBTFUL = 2.0**-22  # of an outline's length or width; what rounding to float32 may be off
_LARGEST = 2**26  # pixels of a mask
_CROSSINGS = 2**14  # computed at once
_BAND = 2**18  # pixels that are compared at once
_MOST_CROSSINGS = 2**24  # of an outline; none of an image has more


class Lines(NamedTuple):
    """Closed lines as ImageJ keeps them.

    Attributes:
        origin: whole numbers (x, y) of their upper left corner.
        vertices: (n, 2) of each line, from there, not below 0.
    """

    origin: tuple[int, int]
    vertices: Sequence[NDArray[np.float64]]


@dataclass(frozen=True)
class EnclosedArea:
    """Area that closed lines enclose.

    Attributes:
        outline: the area, in pixels of the image.
        is_simple: its corners are the lines' vertices and no others.
        lines: makes the lines; few areas need them.
    """

    outline: shapely.Geometry
    is_simple: bool
    lines: Callable[[], Lines]


def with_imagej_pixels(areas: Sequence[EnclosedArea]) -> NDArray[np.object_]:
    """Return outlines that :func:`bridge.outlines.rasterize` fills as ImageJ fills the lines.

    They are the areas' own where no pixel's centre lies on them, else the same moved by 1e-8 px;
    where that is not enough, outlines along the edges of ImageJ's pixels.

    Args:
        areas: n areas.

    Returns:
        n Polygons or MultiPolygons, perhaps empty.

    >>> corners = np.array([[0.0, 0.0], [3.0, 3.0], [0.0, 3.0]])
    >>> steps = EnclosedArea(shapely.Polygon(corners), True, lambda: Lines((0, 0), [corners]))
    >>> rasterize(np.array([steps.outline]), np.array([1]), (3, 3)).tolist()
    [[0, 0, 0], [1, 0, 0], [1, 1, 0]]
    >>> rasterize(with_imagej_pixels([steps]), np.array([1]), (3, 3)).tolist()
    [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    """
    outlines = np.array([area.outline for area in areas], object)
    if not len(outlines):
        return outlines
    touched, doubtful = _touched(outlines)
    outlines[touched] = shapely.transform(outlines[touched], _shift)
    for row, area in enumerate(areas):
        if area.is_simple and row not in doubtful:
            continue
        origin, vertices = area.lines()
        width, height = (math.ceil(size) + 1 for size in _extent(vertices))
        if width * height > _LARGEST:
            continue
        here = shapely.transform(outlines[row], partial(np.add, np.negative(origin)))
        if _is_filled_otherwise(here, vertices, (height, width)):
            mask = fill(vertices, (height, width))
            if mask.any():
                outlines[row] = outline_of(mask, origin)
    return outlines


def _is_filled_otherwise(
    outline: shapely.Geometry, lines: Sequence[NDArray[np.float64]], shape: tuple[int, int]
) -> bool:
    """Return whether an outline does not get the pixels that ImageJ gives to lines."""
    height, width = shape
    rows = max(1, _BAND // width)
    for first in range(0, height, rows):
        band = (min(rows, height - first), width)
        here = shapely.transform(outline, partial(np.add, (0, -first)))
        drawn = rasterize(np.array([here]), np.array([1]), band) > 0
        if not np.array_equal(fill(lines, band, first), drawn):
            return True
    return False


def fill(
    lines: Iterable[NDArray[np.float64]], shape: tuple[int, int], first_row: int = 0
) -> NDArray[np.bool_]:
    """Return the pixels that ImageJ gives to closed lines, by the even-odd rule.

    Args:
        lines: vertices (n, 2) of each, not below 0.
        shape: (height, width) of the mask, which they do not leave to the right.
        first_row: which row is the first of the mask.

    >>> fill([np.array([[0.0, 0.0], [3.0, 3.0], [0.0, 3.0]])], (3, 3)).astype(int).tolist()
    [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    """
    height, width = shape
    begins = np.zeros((height, width + 1), bool)  # where inside and outside change
    for line in lines:
        x1, y1 = line.T
        x2, y2 = np.roll(line, -1, axis=0).T
        x1, y1, x2, y2 = np.where(y1 <= y2, (x1, y1, x2, y2), (x2, y2, x1, y1))
        top, bottom = (np.floor(y + 0.5).astype(np.int64) for y in (y1, y2))
        begin, end = (np.clip(rows, first_row, first_row + height) for rows in (top, bottom))
        edges = np.flatnonzero(begin < end)
        slope = (x2[edges] - x1[edges]) / (y2[edges] - y1[edges])
        first = x1[edges] + (top[edges] - y1[edges] + 0.5) * slope + _SHIFT
        for edge, number in _rows((end - begin)[edges]):
            row = begin[edges][edge] + number
            column = np.floor(first[edge] + (row - top[edges][edge]) * slope[edge] + 0.5)
            cell = (row - first_row, np.clip(column, 0, width).astype(np.int64))
            np.logical_xor.at(begins, cell, True)
    return np.logical_xor.accumulate(begins, axis=1)[:, :width]


def outline_of(mask: NDArray[np.bool_], origin: tuple[int, int]) -> shapely.Geometry:
    """Return the outline of a mask along its pixels' edges.

    Args:
        mask: (height, width).
        origin: (x, y) of its upper left corner.
    """
    _, outlines = trace(mask.astype(np.uint16))
    if not len(outlines):
        return shapely.Polygon()
    return shapely.transform(outlines[0], lambda xy: xy + origin)


def _extent(lines: Sequence[NDArray[np.float64]]) -> list[float]:
    """Return how far lines reach to the right and down."""
    return np.concatenate(lines).max(axis=0, initial=0.0).tolist() if lines else [0.0, 0.0]


def _touched(outlines: NDArray[np.object_]) -> tuple[list[int], set[int]]:
    """Return the outlines on which a pixel's centre lies, and those of which it is doubtful."""
    parts, owner = shapely.get_parts(outlines, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    owners = owner[part[ring]]
    bounds = shapely.bounds(outlines)
    doubts = _DOUBTFUL * np.nan_to_num(bounds[:, 2:] - bounds[:, :2]).max(axis=1)
    half, doubt = _distance_to_half(xy), doubts[owners]
    has_digits = np.bincount(owners, (xy != np.floor(xy)).any(axis=1), len(outlines)) > 0
    flat = half[:, 1] <= doubt  # a row's centres are level with a vertex
    doubtful = set(owners[flat].tolist())
    edges = np.flatnonzero(ring[:-1] == ring[1:])
    upright = xy[edges, 0] == xy[edges + 1, 0]
    through = edges[upright & (half[edges, 0] <= doubt[edges])]
    doubtful.update(owners[through].tolist())
    on = [owners[flat], owners[through]]
    edges = edges[~upright & (xy[edges, 1] != xy[edges + 1, 1])]
    slope = (xy[edges + 1, 0] - xy[edges, 0]) / (xy[edges + 1, 1] - xy[edges, 1])
    doubt = doubt[edges] * (1 + np.abs(slope))
    top = np.ceil(np.minimum(xy[edges, 1], xy[edges + 1, 1]) - 0.5)
    bottom = np.ceil(np.maximum(xy[edges, 1], xy[edges + 1, 1]) - 0.5)
    in_all = np.bincount(owners[edges], bottom - top, len(outlines))
    counts = np.where(in_all[owners[edges]] > _MOST_CROSSINGS, 0, bottom - top).astype(np.int64)
    for edge, down in _rows(counts):
        start = xy[edges[edge]]
        off = _distance_to_half(start[:, 0] + (top[edge] + down + 0.5 - start[:, 1]) * slope[edge])
        of = owners[edges[edge]]
        is_tie, is_near = off <= _TIE, off <= doubt[edge]
        on.append(of[is_tie | is_near])
        doubtful.update(of[is_near & (~is_tie | has_digits[of])].tolist())
    return np.unique(np.concatenate(on)).tolist(), doubtful


def _distance_to_half(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far numbers are from the centre of the pixel that they lie in."""
    return np.abs(values - np.floor(values) - 0.5)


def _rows(counts: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield each edge once for each of its rows, and the row's number from its top, in parts."""
    ends = np.cumsum(counts)
    begins = ends - counts
    for start in range(0, int(ends[-1]) if len(ends) else 0, _CROSSINGS):
        stop = min(start + _CROSSINGS, int(ends[-1]))
        here = slice(np.searchsorted(ends, start, "right"), np.searchsorted(ends, stop, "left") + 1)
        repeats = np.minimum(ends[here], stop) - np.maximum(begins[here], start)
        edge = np.repeat(np.arange(len(counts))[here], repeats)
        yield edge, np.arange(start, stop) - begins[edge]


def _shift(xy: NDArray[np.float64]) -> NDArray[np.float64]:
    level = _distance_to_half(xy[:, 1]) <= _TIE
    return np.stack([xy[:, 0] + _SHIFT, xy[:, 1] + _SHIFT_Y * level], axis=1)
