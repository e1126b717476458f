"""ImageJ's byte format of ROIs (ij.io.RoiEncoder, version 229), written for many objects at once.

A ROI is a header of 64 bytes, the coordinates, a second header of 64 bytes, and its name and
properties in UTF-16; all numbers are big-endian. Headers and coordinates of all objects are made
together as arrays; only their bytes are put together object by object.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

_VERSION = 229
_POLYGON, _RECTANGLE = 0, 1  # a composite ROI calls itself a rectangle
_SUBPIXEL = 128
_HEADER_BYTES = 64
_INT16_MAX = 32_767
_MAX_VERTICES = 65_535
_MOVE, _LINE, _CLOSE = 0.0, 1.0, 4.0

_FIRST = np.dtype(
    {
        "names": [
            "magic", "version", "type", "top", "left", "bottom", "right", "vertices",
            "shape_size", "stroke", "options", "second_header",
        ],
        "formats": [
            "S4", ">i2", "u1", ">i2", ">i2", ">i2", ">i2", ">u2",
            ">i4", "4u1", ">i2", ">i4",
        ],
        "offsets": [0, 4, 6, 8, 10, 12, 14, 16, 36, 40, 50, 60],
        "itemsize": _HEADER_BYTES,
    }
)  # fmt: skip
_SECOND = np.dtype(
    {
        "names": ["c", "z", "t", "name", "name_size", "group", "properties", "properties_size"],
        "formats": [">i4", ">i4", ">i4", ">i4", ">i4", "u1", ">i4", ">i4"],
        "offsets": [4, 8, 12, 16, 20, 30, 40, 44],
        "itemsize": _HEADER_BYTES,
    }
)


@dataclass(frozen=True)
class RoiFields:
    """What n ROIs carry beside their outlines.

    Attributes:
        names: names, of characters up to 16 bits.
        properties: ``key: value`` lines, ASCII.
        positions: (n, 3) channel, slice and time point from 1; 0 means every one.
        strokes: (n, 4) uint8, alpha, red, green, blue; zeros where there is no colour.
        groups: (n,) ROI groups up to 255; 0 means none.
    """

    names: Sequence[str]
    properties: Sequence[str]
    positions: NDArray[np.int64]
    strokes: NDArray[np.uint8]
    groups: NDArray[np.uint8]


def encode_areas(geometries: NDArray[np.object_], fields: RoiFields) -> list[bytes]:
    """Encode areas as ImageJ does.

    Outlines of whole numbers become polygons, others subpixel polygons, and objects with holes,
    several pieces or more than 65,535 vertices composite ROIs.

    Args:
        geometries: n Polygons or MultiPolygons, corner-origin (x, y) pixels.
        fields: what else the ROIs carry.

    Returns:
        The bytes of n ``.roi`` files.
    """
    n = len(geometries)
    xy, ring, owner, n_rings = _open_rings(geometries)
    vertices = np.bincount(owner, minlength=n)
    starts = np.concatenate([[0], np.cumsum(vertices)])
    composite = (n_rings > 1) | (vertices > _MAX_VERTICES)
    rounded = np.round(xy)
    whole = ((xy == rounded) & (np.abs(xy) <= _INT16_MAX)).all(axis=1)
    subpixel = ~composite & (np.bincount(owner, ~whole, n) > 0)
    left, top, right, bottom = _boxes(geometries)

    coordinate_bytes = np.where(subpixel, 12, 4) * vertices
    shape_sizes = np.where(composite, 3 * vertices + n_rings, 0)
    coordinate_bytes[composite] = 4 * shape_sizes[composite]
    second = _HEADER_BYTES + coordinate_bytes

    first_headers = np.zeros(n, _FIRST)
    first_headers["magic"] = b"Iout"
    first_headers["version"] = _VERSION
    first_headers["type"] = np.where(composite, _RECTANGLE, _POLYGON)
    first_headers["left"], first_headers["top"] = left, top
    first_headers["right"], first_headers["bottom"] = right, bottom
    first_headers["vertices"] = np.where(composite, 0, vertices)
    first_headers["shape_size"] = shape_sizes
    first_headers["stroke"] = fields.strokes
    first_headers["options"] = np.where(subpixel, _SUBPIXEL, 0)
    first_headers["second_header"] = second
    second_headers = _second_headers(second, fields)

    # All x of an object come before all its y.
    x_at = np.arange(len(xy)) + starts[owner]
    y_at = x_at + vertices[owner]
    integers, floats = np.empty(2 * len(xy), ">i2"), np.empty(2 * len(xy), ">f4")
    for at, axis, origin in ((x_at, 0, left), (y_at, 1, top)):
        integers[at] = np.clip(rounded[:, axis] - origin[owner], 0, _INT16_MAX)
        floats[at] = xy[:, axis]

    first_bytes, second_bytes = first_headers.tobytes(), second_headers.tobytes()
    integer_bytes, float_bytes = integers.tobytes(), floats.tobytes()
    bounds, by_float, by_path = starts.tolist(), subpixel.tolist(), composite.tolist()
    records = []
    for k, (name, properties) in enumerate(zip(fields.names, fields.properties, strict=True)):
        start, stop, head = bounds[k], bounds[k + 1], _HEADER_BYTES * k
        if by_path[k]:
            coordinates = _path(xy[start:stop], ring[start:stop])
        elif by_float[k]:
            coordinates = integer_bytes[4 * start : 4 * stop] + float_bytes[8 * start : 8 * stop]
        else:
            coordinates = integer_bytes[4 * start : 4 * stop]
        parts = (
            first_bytes[head : head + _HEADER_BYTES],
            coordinates,
            second_bytes[head : head + _HEADER_BYTES],
            (name + properties).encode("utf-16-be"),
        )
        records.append(b"".join(parts))
    return records


def _open_rings(
    geometries: NDArray[np.object_],
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Vertices without the closing ones, the ring and object of each; rings of each object."""
    rings, ring_owner = geometries, np.arange(len(geometries))
    single = shapely.get_type_id(geometries) == shapely.GeometryType.POLYGON
    if not single.all() or shapely.get_num_interior_rings(geometries).any():
        pieces, piece_owner = shapely.get_parts(geometries, return_index=True)
        rings, piece = shapely.get_rings(pieces, return_index=True)
        ring_owner = piece_owner[piece]
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    filled = np.bincount(ring, minlength=len(rings)) > 0
    n_rings = np.bincount(ring_owner[filled], minlength=len(geometries))
    inner = np.append(ring[1:] == ring[:-1], np.zeros(min(1, len(ring)), bool))
    xy, ring = xy[inner], ring[inner]
    return xy, ring, ring_owner[ring], n_rings


def _boxes(geometries: NDArray[np.object_]) -> NDArray[np.float64]:
    """Left, top, right and bottom in whole pixels.

    The box of the header is 16 bits wide; beyond it the float coordinates speak.
    """
    bounds = np.nan_to_num(shapely.bounds(geometries))  # an empty area has none
    box = np.concatenate([np.floor(bounds[:, :2]), np.ceil(bounds[:, 2:])], axis=1)
    clipped: NDArray[np.float64] = np.clip(box, -_INT16_MAX - 1, _INT16_MAX)
    return clipped.T


def _second_headers(offsets: NDArray[np.int64], fields: RoiFields) -> NDArray[np.void]:
    headers = np.zeros(len(offsets), _SECOND)
    for axis, name in enumerate("czt"):
        headers[name] = fields.positions[:, axis]
    headers["group"] = fields.groups
    texts = offsets + _HEADER_BYTES
    for name, values in (("name", fields.names), ("properties", fields.properties)):
        sizes = np.fromiter(map(len, values), np.int64, len(offsets))
        headers[name] = np.where(sizes > 0, texts, 0)
        headers[f"{name}_size"] = sizes
        texts = texts + 2 * sizes
    return headers


def _path(xy: NDArray[np.float64], ring: NDArray[np.int64]) -> bytes:
    """Rings as Java's path segments: move to the first vertex, lines to the others, close."""
    begins = np.flatnonzero(np.diff(ring, prepend=-1))
    path = np.empty((len(xy), 3), ">f4")
    path[:, 0] = _LINE
    path[begins, 0] = _MOVE
    path[:, 1:] = xy
    return np.insert(path.ravel(), 3 * np.append(begins[1:], len(xy)), _CLOSE).tobytes()
