"""Draw polygons into a label image: a pixel belongs to the polygon that holds its centre."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np
import shapely
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.files.compiled import compiled

_WORTH_THREADS = 256
_MANY = 32


def rasterize(
    polygons: NDArray[np.object_],
    labels: NDArray[Any],
    shape: tuple[int, int],
    *,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Draw polygons into a label image, each over the ones before it.

    A pixel is drawn when its centre is inside by the even-odd rule, so that holes stay open; on
    the boundary, left and top edges belong to the polygon, right and bottom ones do not, so that
    neighbours never share a pixel. Parts outside the image are left out.

    Args:
        polygons: n shapely Polygons or MultiPolygons, corner-origin (x, y) pixels.
        labels: n ids above 0, in drawing order.
        shape: (height, width) of the image.
        out: label image of that shape to draw into; a new one when ``None``: uint16, or uint32
            where an id is over 65,535.

    Returns:
        The (height, width) label image.

    >>> rasterize(np.array([shapely.box(1, 0, 3, 1)]), np.array([7]), (2, 3))
    array([[0, 7, 7],
           [0, 0, 0]], dtype=uint16)
    """
    ids = np.asarray(labels, np.int64)
    if out is None:
        out = np.zeros(shape, label_dtype(int(ids.max(initial=0))))
    if not len(polygons):
        return out
    xy, rings, objects = _rings(polygons)
    workers = numba.get_num_threads() if len(ids) >= _WORTH_THREADS else 1
    edges = np.linspace(0, shape[0], workers + 1).astype(int)

    def draw(k: int) -> None:
        _fill(xy, rings, objects, ids, out[edges[k] : edges[k + 1]], edges[k])

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(draw, range(workers)))
    return out


def label_dtype(largest: int, name: str = "label image") -> type[np.uint16] | type[np.uint32]:
    """Return the integer type of a label image: uint16 up to label 65,535, else uint32.

    Args:
        largest: the largest label.
        name: name of the objects in the error.

    Raises:
        BadInputError: a label over 4,294,967,295, which no program shows in an image.
    """
    if largest > np.iinfo(np.uint32).max:
        raise BadInputError(
            name,
            f"has the label {largest:,}, and a label image holds labels up to 4,294,967,295",
            "relabel the objects, or keep them as GeoJSON, ROIs or a table",
        )
    return np.uint16 if largest <= np.iinfo(np.uint16).max else np.uint32


def _rings(
    polygons: NDArray[np.object_],
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Return all vertices, where each ring starts among them, and each object among the rings."""
    pieces, owner = shapely.get_parts(polygons, return_index=True)
    rings, piece = shapely.get_rings(pieces, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    starts = np.searchsorted(ring, np.arange(len(rings) + 1))
    return xy, starts, np.searchsorted(owner[piece], np.arange(len(polygons) + 1))


@compiled(nogil=True)
def _fill(xy: Any, rings: Any, object_rings: Any, ids: Any, out: Any, first_row: int) -> None:
    """Draw all objects into a stripe of the image, whose rows are counted from ``first_row``."""
    height, width = out.shape
    begin = np.empty(64, np.int64)  # where the crossings of each row begin
    used = np.empty(64, np.int64)
    crossings = np.empty(256, np.float64)
    for k in range(len(ids)):
        first_ring, last_ring = object_rings[k], object_rings[k + 1]
        if first_ring == last_ring:
            continue
        start, end = rings[first_ring], rings[last_ring]
        if start == end:
            continue
        low_y, high_y = xy[start, 1], xy[start, 1]
        for i in range(start + 1, end):
            low_y, high_y = min(low_y, xy[i, 1]), max(high_y, xy[i, 1])
        top = max(first_row, int(np.ceil(low_y - 0.5)))
        bottom = min(first_row + height, int(np.ceil(high_y - 0.5)))
        if bottom <= top:
            continue
        if bottom - top >= len(begin):
            begin = np.empty(2 * (bottom - top), np.int64)
            used = np.empty(2 * (bottom - top), np.int64)
        for row in range(bottom - top + 1):
            begin[row] = 0
        for ring in range(first_ring, last_ring):
            for i in range(rings[ring], rings[ring + 1] - 1):
                low, high = _rows(xy[i, 1], xy[i + 1, 1], top, bottom)
                for row in range(low, high):
                    begin[row - top + 1] += 1
        for row in range(bottom - top):
            begin[row + 1] += begin[row]
            used[row] = begin[row]
        if begin[bottom - top] > len(crossings):
            crossings = np.empty(2 * begin[bottom - top], np.float64)
        for ring in range(first_ring, last_ring):
            for i in range(rings[ring], rings[ring + 1] - 1):
                low, high = _rows(xy[i, 1], xy[i + 1, 1], top, bottom)
                for row in range(low, high):
                    share = (row + 0.5 - xy[i, 1]) / (xy[i + 1, 1] - xy[i, 1])
                    crossings[used[row - top]] = xy[i, 0] + share * (xy[i + 1, 0] - xy[i, 0])
                    used[row - top] += 1
        for row in range(top, bottom):
            first, last = begin[row - top], begin[row - top + 1]
            _sort(crossings[first:last])
            for i in range(first, last - 1, 2):
                left = max(0, int(np.ceil(crossings[i] - 0.5)))
                right = min(width, int(np.ceil(crossings[i + 1] - 0.5)))
                for column in range(left, right):
                    out[row - first_row, column] = ids[k]


@compiled(nogil=True)
def _rows(y0: float, y1: float, top: int, bottom: int) -> Any:
    """Return the rows whose centre line an edge from y0 to y1 crosses, half-open."""
    low = max(top, int(np.ceil(min(y0, y1) - 0.5)))
    high = min(bottom, int(np.ceil(max(y0, y1) - 0.5)))
    return low, high


@compiled(nogil=True)
def _sort(line: Any) -> None:
    if len(line) > _MANY:
        line.sort()
        return
    for i in range(1, len(line)):  # two crossings, nearly always
        moved, place = line[i], i
        while place > 0 and line[place - 1] > moved:
            line[place] = line[place - 1]
            place -= 1
        line[place] = moved
