"""Pack detections into arrays for QuPath's process, and unpack them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_OID, uuid5

import numpy as np
from numpy.typing import NDArray

from bridge.colors import class_color
from bridge.detections import Detections, number_labels
from bridge.errors import BadInputError
from bridge.formats.column_names import TAKEN, measurement_column, metadata_column, metadata_name
from bridge.formats.geojson import (
    LABEL,
    PROBABILITY,
    measurement_of_qupath,
    qupath_measurement,
)

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

    from bridge.images.info import ImageInfo

NO_COLOR = -(2**31) + 1
"""Packed value for no colour; no colour has it."""

KINDS = ("detection", "cell", "annotation", "tile")
"""Object types, numbered as in the array ``kind``."""

_ARRAYS = "arrays.npz"
_TEXTS = "texts.json"


@dataclass(frozen=True)
class Packed:
    """Objects in arrays, which ``PackedObjects.groovy`` documents and unpacks.

    Attributes:
        arrays: numbers by name.
        texts: texts by name, ``None`` where there is no text.
    """

    arrays: Mapping[str, NDArray[Any]]
    texts: Mapping[str, Sequence[str | None]]

    def save(self, folder: str | PathLike[str]) -> None:
        """Write to an existing folder."""
        place = Path(folder)
        with (place / _ARRAYS).open("wb") as stream:
            np.savez(stream, allow_pickle=False, **dict(self.arrays))
        (place / _TEXTS).write_text(json.dumps(dict(self.texts)), encoding="utf-8")

    @classmethod
    def load(cls, folder: str | PathLike[str]) -> Packed:
        """Read from a folder."""
        place = Path(folder)
        with np.load(place / _ARRAYS, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        return cls(arrays, json.loads((place / _TEXTS).read_text("utf-8")))

    def part(self, prefix: str) -> Packed:
        """Return the arrays and texts whose names begin with a prefix, without it."""
        return Packed(
            {k.removeprefix(prefix): v for k, v in self.arrays.items() if k.startswith(prefix)},
            {k.removeprefix(prefix): v for k, v in self.texts.items() if k.startswith(prefix)},
        )


def pack(detections: Detections) -> Packed:
    """Pack detections, in their order.

    The colour of a class is that of its first object which has one, else one computed from its
    name.

    Raises:
        BadInputError: an object's outline is empty.

    >>> packed = pack(Detections.from_labels(np.eye(2, dtype=int)))
    >>> packed.arrays["kind"].tolist(), packed.texts["measurementNames"]
    ([0], ['Label', 'Detection probability'])
    """
    import shapely

    frame = detections.objects
    empty = shapely.is_empty(frame.geometry.to_numpy())
    if empty.any():  # QuPath cannot hold such an object.
        raise BadInputError(
            detections.image.name or "detections",
            f"object {frame.index[empty][0]} has an empty outline",
            "leave it out",
        )
    class_names = list(dict.fromkeys(name for name in frame["class"] if name is not None))
    numbers = {name: number for number, name in enumerate(class_names)}
    shown: dict[str, str] = {}
    for name, color in zip(frame["class"], frame["class_color"], strict=True):
        if name is not None and color is not None:
            shown.setdefault(name, color)
    # QuPath would choose a colour, which would look like a reviewer's edit.
    class_colors = [_packed_color(shown.get(name, class_color(name))) for name in class_names]
    kinds = {kind: number for number, kind in enumerate(KINDS)}
    measurements = detections.measurements
    metadata = detections.metadata
    values = np.column_stack(
        [
            frame["label"].to_numpy(float),
            frame["prob"].to_numpy(float),
            *(frame[name].to_numpy(float, na_value=np.nan) for name in measurements),
        ]
    )
    arrays: dict[str, NDArray[Any]] = {
        "kind": np.array([kinds[kind] for kind in frame["object_type"]], np.int8),
        "plane": frame[["c", "z", "t"]].to_numpy(np.int32).ravel(),
        "classOf": np.array([numbers.get(name, -1) for name in frame["class"]], np.int32),
        "color": np.array([_packed_color(color) for color in frame["color"]], np.int32),
        "locked": frame["locked"].to_numpy(np.int8),
        "classColors": np.array(class_colors, np.int32),
        "measurements": values.ravel(),
        "measured": _measured(frame["object_type"].to_numpy(), values).ravel(),
        **_outlines(frame.geometry.to_numpy(), ""),
        **_outlines(_nuclei(frame), "nucleus"),
    }
    texts: dict[str, Sequence[str | None]] = {
        "ids": detections.ids,
        "names": frame["name"].tolist(),
        "classNames": class_names,
        "measurementNames": [LABEL, PROBABILITY, *map(qupath_measurement, measurements)],
        "metadataNames": [metadata_name(name, TAKEN | set(measurements)) for name in metadata],
        "metadata": [
            None if value is None else str(value)
            for value in frame[metadata].to_numpy(object).ravel()
        ],
    }
    return Packed(arrays, texts)


def unpack(packed: Packed, image: ImageInfo) -> tuple[Detections, list[str | None]]:
    """Return detections in their packed order, and the UUID of each one's parent.

    Points and lines are :func:`unpack_markers`'s. Copies of an object, which have its UUID in
    QuPath, get UUIDs computed from it.
    """
    import shapely

    arrays = packed.arrays
    ids = unpacked_ids(packed)
    columns, values = _columns(packed)
    plane = arrays["plane"].reshape(-1, 3)
    labels = values.pop(LABEL, np.full(len(ids), np.nan))
    if PROBABILITY in values:
        columns["prob"] = values.pop(PROBABILITY)
    columns |= {measurement_of_qupath(name): column for name, column in values.items()}
    columns["label"] = number_labels(labels.tolist(), plane[:, 1].tolist(), plane[:, 2].tolist())
    columns |= _metadata(packed, columns)
    geometry = outlines_of(arrays, "")
    nuclei = outlines_of(arrays, "nucleus")
    if any(nucleus is not None for nucleus in nuclei):
        columns["nucleus"] = nuclei
    whole = ~(shapely.is_missing(geometry) | shapely.is_empty(geometry))
    if not whole.all():  # an outline of too few points
        columns = {
            key: [value for value, keep in zip(values, whole, strict=True) if keep]
            for key, values in columns.items()
        }
    parents = [None if row < 0 else ids[row] for row in arrays["parentOf"].tolist()]
    kept = np.flatnonzero(whole).tolist()
    found = Detections.from_polygons(
        [geometry[row] for row in kept],
        columns=columns,
        ids=[ids[row] for row in kept],
        image=image,
    )
    return found, [parents[row] for row in kept]


def unpack_markers(packed: Packed) -> tuple[GeoDataFrame, list[str | None]]:
    """Return the points and lines of an image, and the UUID of each one's parent.

    The table is as :func:`bridge.formats.markers.make_markers` makes it.
    """
    import shapely

    from bridge.formats.markers import make_markers

    mine = packed.part("markers.")
    ends = mine.arrays["wkbEnds"].tolist()
    data = mine.arrays["wkb"].astype(np.uint8).tobytes()
    columns, values = _columns(mine)
    columns |= {measurement_column(name): column for name, column in values.items()}
    columns |= _metadata(mine, columns)
    outer = unpacked_ids(packed)
    markers = make_markers(
        [shapely.from_wkb(data[a:b]) for a, b in pairwise(ends)], unpacked_ids(mine), columns
    )
    return markers, [None if row < 0 else outer[row] for row in mine.arrays["parentOf"].tolist()]


def unpacked_ids(packed: Packed) -> list[str]:
    """Return the UUIDs of packed objects in their order, unique.

    Copies of an object, which have its UUID in QuPath, get UUIDs computed from it.
    """
    return _each_once(packed.texts["ids"])


def _columns(packed: Packed) -> tuple[dict[str, Any], dict[str, NDArray[np.float64]]]:
    """Return the fields of packed objects, and their measurements by QuPath's names."""
    arrays, texts = packed.arrays, packed.texts
    count = len(arrays["kind"])
    class_names = list(texts["classNames"])
    class_colors = [_color(int(packed_color)) for packed_color in arrays["classColors"]]
    classes = [int(number) for number in arrays["classOf"]]
    plane = arrays["plane"].reshape(-1, 3)
    columns: dict[str, Any] = {
        "object_type": [KINDS[kind] for kind in arrays["kind"]],
        "class": [None if number < 0 else class_names[number] for number in classes],
        "class_color": [None if number < 0 else class_colors[number] for number in classes],
        "name": list(texts["names"]),
        "color": [_color(int(packed_color)) for packed_color in arrays["color"]],
        "locked": arrays["locked"].astype(bool),
        "c": plane[:, 0],
        "z": plane[:, 1],
        "t": plane[:, 2],
    }
    names = [str(name) for name in texts["measurementNames"]]
    values = arrays["measurements"].reshape(count, len(names))
    return columns, dict(zip(names, values.T, strict=True))


def _metadata(packed: Packed, columns: Mapping[str, Any]) -> dict[str, list[str | None]]:
    """Return the metadata of packed objects under names that no other column has."""
    texts, taken = packed.texts, TAKEN | columns.keys()
    step = len(texts["metadataNames"])
    return {
        metadata_column(key, taken): list(texts["metadata"][number::step])
        for number, key in enumerate(map(str, texts["metadataNames"]))
    }


def _measured(kinds: NDArray[np.object_], values: NDArray[np.float64]) -> NDArray[np.int8]:
    """Return which objects have which measurements, NaN included.

    A table has every column in every row. A measurement that no object of a type has (that of
    nuclei, in the row of a region) is none of that type's, where another type has it. Label and
    probability, the first two, are unknown where they are NaN.

    Args:
        kinds: n types of objects.
        values: n x m measurements.

    Returns:
        n x m, 1 where the object has the measurement.
    """
    known = ~np.isnan(values)
    has = np.ones_like(known)
    for kind in np.unique(kinds.astype(str)):
        rows = kinds == kind
        has[rows] = known[rows].any(axis=0) | ~known.any(axis=0)
    has[:, :2] = known[:, :2]
    return has.astype(np.int8)


def _each_once(found: Sequence[str | None]) -> list[str]:
    """Return unique UUIDs; a copy's is computed from the object's, the same at each reading."""
    ids = list(map(str, found))
    if len(set(ids)) == len(ids):
        return ids
    copies: dict[str, int] = {}
    once = []
    for identity in ids:
        number = copies[identity] = copies.get(identity, -1) + 1
        once.append(identity if not number else str(uuid5(NAMESPACE_OID, f"{identity}/{number}")))
    return once


def _nuclei(frame: GeoDataFrame) -> NDArray[np.object_]:
    """Return the outlines of nuclei, ``None`` for empty ones."""
    import shapely

    if "nucleus" not in frame.columns:
        return np.full(len(frame), None, object)
    nuclei: NDArray[np.object_] = frame["nucleus"].to_numpy(object, copy=True)
    nuclei[shapely.is_empty(nuclei)] = None
    return nuclei


def _outlines(geometry: NDArray[np.object_], which: str) -> dict[str, NDArray[Any]]:
    """Return coordinates and offsets of polygons, multipolygons and ``None``."""
    import shapely

    holes = shapely.get_num_interior_rings(geometry)
    if ((shapely.get_type_id(geometry) == shapely.GeometryType.POLYGON) & (holes == 0)).all():
        # The usual case needs no rings and parts one by one.
        points, owner = shapely.get_coordinates(geometry, return_index=True)
        each = np.arange(len(geometry) + 1, dtype=np.int32)
        return {
            f"{which}Xy": points.ravel(),
            f"{which}Rings": _offsets(np.bincount(owner, minlength=len(geometry))),
            f"{which}Polygons": each,
            f"{which}Outlines": each,
        }
    there = ~shapely.is_missing(geometry)
    parts, owner = shapely.get_parts(geometry[there], return_index=True)
    parts_of = np.zeros(len(geometry), np.int64)
    parts_of[there] = np.bincount(owner, minlength=int(there.sum()))
    rings, part_of = shapely.get_rings(parts, return_index=True)
    points, ring_of = shapely.get_coordinates(rings, return_index=True)
    return {
        f"{which}Xy": points.ravel(),
        f"{which}Rings": _offsets(np.bincount(ring_of, minlength=len(rings))),
        f"{which}Polygons": _offsets(np.bincount(part_of, minlength=len(parts))),
        f"{which}Outlines": _offsets(parts_of),
    }


def outlines_of(arrays: Mapping[str, NDArray[Any]], which: str) -> NDArray[np.object_]:
    """Return the polygons, multipolygons and ``None`` of packed outlines."""
    import shapely

    points = arrays[f"{which}Xy"].reshape(-1, 2)
    rings, polygons, outlines = (
        arrays[f"{which}{name}"].astype(np.int64) for name in ("Rings", "Polygons", "Outlines")
    )
    if not outlines[-1]:
        return np.full(len(outlines) - 1, None, object)
    if (np.diff(outlines) == 1).all():
        single: NDArray[np.object_] = shapely.from_ragged_array(
            shapely.GeometryType.POLYGON, points, (rings, polygons)
        )
        return single
    whole = shapely.from_ragged_array(
        shapely.GeometryType.MULTIPOLYGON, points, (rings, polygons, outlines)
    )
    counts = np.diff(outlines)
    found = np.full(len(counts), None, object)
    found[counts > 1] = whole[counts > 1]
    found[counts == 1] = shapely.get_geometry(whole[counts == 1], 0)
    return found


def _offsets(counts: NDArray[Any]) -> NDArray[np.int32]:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)


def _packed_color(color: str | None) -> int:
    """Return ``#rrggbb`` as QuPath packs it: a signed 32-bit number, opaque."""
    return NO_COLOR if color is None else int(color[1:], 16) - 2**24


def _color(packed: int) -> str | None:
    return None if packed == NO_COLOR else f"#{packed & 0xFFFFFF:06x}"
