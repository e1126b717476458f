"""QuPath's GeoJSON: a FeatureCollection of objects, plain or gzipped.

The format is what QuPath 0.3 to 0.7 read and write (qupath.lib.io.GsonTools): an ``id`` (UUID),
the ``geometry`` with its plane, for cells a ``nucleusGeometry``, and ``properties``:
``objectType``, ``name``, ``color``, ``classification``, ``isLocked``, ``measurements``,
``metadata``. Files of QuPath 0.2 and 0.3 say ``object_type`` and list their measurements. An object
may hold those below it in the hierarchy in the property ``childObjects``; QuPath's root object
holds all of an image so, and has no geometry. What is known of the image stands in a member
``starbridge``, which QuPath ignores.
"""

from __future__ import annotations

import functools
import gc
import gzip
import json
import logging
import math
import re
from array import array
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain, islice, repeat
from os import PathLike
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import numpy as np
import orjson
import pandas as pd
import shapely
from numpy.typing import NDArray

from bridge.colors import class_color
from bridge.detections import FIELDS, OBJECT_TYPES, Detections, keep_ids
from bridge.errors import BadInputError
from bridge.files.atomic import writing
from bridge.files.gzipped import MAGIC, read_gzip
from bridge.formats import errors_of, existing_file
from bridge.formats.column_names import (
    TAKEN,
    measurement_column,
    measurement_name,
    metadata_column,
    metadata_name,
)
from bridge.formats.coordinates import check_coordinates
from bridge.formats.markers import FIELDS_OF_MARKERS, make_markers, marker_features
from bridge.images.info import ImageInfo
from bridge.outlines.rings import areas_only

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

log = logging.getLogger(__name__)

PROBABILITY = "Detection probability"
"""Name that QuPath's StarDist extension gives the probability."""
LABEL = "Label"
_ENDING = " (measurement)"  # of QuPath's measurements that are called like our fields
_LIKE_OURS = re.compile(rf"(?:{LABEL}|{PROBABILITY})(?:{re.escape(_ENDING)})*")
DECIMALS = 4
"""Digits kept of a pixel coordinate."""

_BLOCK = 2_000
_FEW = 50
_MAX_DEPTH = 200  # levels of a hierarchy; QuPath's own reader stops before
_CHILDREN = "childObjects"
_THIN = ("Point", "MultiPoint", "LineString", "MultiLineString")
_GZIP_LEVEL = 4
# An escaped pair of surrogates, one without its other half (group 1), or any other escape.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_NO_JSON_NUMBERS = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
_LARGEST_PLANE = 2**31 - 1  # Java's integers
_OLD_IDS = {  # QuPath 0.2 wrote the class of the object in place of an id
    "PathAnnotationObject": "annotation",
    "PathCellObject": "cell",
    "PathDetectionObject": "detection",
    "PathTileObject": "tile",
    "PathRootObject": "root",
}


def write(
    detections: Detections, path: str | PathLike[str], *, markers: GeoDataFrame | None = None
) -> None:
    """Write a FeatureCollection; gzipped when the path ends in ``.gz``.

    Args:
        detections: the objects.
        path: the file.
        markers: points and lines (:mod:`bridge.formats.markers`), which are written behind them.

    Raises:
        BadInputError: the file cannot be written.
    """
    zipped = str(path).lower().endswith(".gz")
    with writing(path) as part, ExitStack() as files:
        stream: IO[bytes] = files.enter_context(part.open("wb"))
        if zipped:
            # No name and no time inside, so that equal objects give equal files.
            packed = gzip.GzipFile("", "wb", _GZIP_LEVEL, stream, mtime=0)
            stream = cast("IO[bytes]", files.enter_context(packed))
        head = {"image": detections.image.to_json(), "outline": detections.outline}
        stream.write(b'{"type":"FeatureCollection","starbridge":' + orjson.dumps(head))
        stream.write(b',"features":[')
        separator = b"\n"
        for start in range(0, len(detections), _BLOCK):
            features = _features(detections, start, start + _BLOCK)
            # Few at a time: the garbage collector would search thousands again and again.
            while some := list(islice(features, _FEW)):
                stream.write(separator)
                stream.write(orjson.dumps(some, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1])
                separator = b",\n"
        for feature in () if markers is None else marker_features(markers):
            stream.write(separator + orjson.dumps(feature))
            separator = b",\n"
        stream.write(b"\n]}\n")


def read(path: str | PathLike[str], *, image: ImageInfo | None = None) -> Detections:
    """Read objects from QuPath's GeoJSON of any version, or from plain GeoJSON areas.

    A feature without an object type becomes an annotation, as in QuPath. Objects below another one
    are read as well, each after the one that it is below; QuPath's root is no object itself. Lines
    and points enclose no area and are left out with a warning.

    Args:
        path: ``.geojson``, ``.json``, each also with ``.gz``.
        image: what is known of the image, where the file does not say.

    Raises:
        BadInputError: not JSON, not GeoJSON, damaged gzip, objects nested without end.

    >>> import tempfile
    >>> ring = [[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]]
    >>> cell = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}}
    >>> root = {"type": "Feature", "geometry": {}}
    >>> root["properties"] = {"objectType": "root", "childObjects": [cell, cell]}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "hierarchy.geojson"
    ...     _ = path.write_text(json.dumps(root))
    ...     len(read(path))
    2
    """
    file = existing_file(path)
    with _paused_collector():
        detections, _, left_out = _read(file, image)
    if left_out:
        log.warning("%s: %d objects enclose no area and were left out", file, left_out)
    return detections


def read_drawn(
    path: str | PathLike[str], *, image: ImageInfo | None = None
) -> tuple[Detections, GeoDataFrame]:
    """Read objects as :func:`read` does, and the points and lines beside them.

    Args:
        path: as in :func:`read`.
        image: as in :func:`read`.

    Returns:
        The objects, and the points and lines as :func:`bridge.formats.markers.make_markers` makes
        them.

    Raises:
        BadInputError: as :func:`read`.

    >>> import tempfile
    >>> points = {"type": "MultiPoint", "coordinates": [[1, 2], [5, 6]]}
    >>> named = {"classification": {"name": "Neuron"}}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "clicks.geojson"
    ...     clicks = {"type": "Feature", "geometry": points, "properties": named}
    ...     _ = path.write_text(json.dumps(clicks))
    ...     areas, markers = read_drawn(path)
    >>> len(areas), markers["class"].tolist(), markers.geom_type.tolist()
    (0, ['Neuron'], ['MultiPoint'])
    """
    with _paused_collector():
        detections, markers, _ = _read(existing_file(path), image)
    return detections, markers


def _read(file: Path, image: ImageInfo | None) -> tuple[Detections, GeoDataFrame, int]:
    """Return the objects with an area, points and lines, and the number of all without an area."""
    document = _load(file)
    note = document.get("starbridge") if isinstance(document, dict) else None
    note = note if isinstance(note, dict) else {}
    features = _feature_list(file, document)
    outlines = _geometries(file, features, "geometry")
    kept = [row for row, outline in enumerate(outlines) if outline is not None]
    kept = [row for row in kept if not outlines[row].is_empty]
    left_out = len(features) - len(kept)
    markers = _markers(file, [f for f in features if _is_thin(f)] if left_out else [])
    features, geometries = [features[row] for row in kept], [outlines[row] for row in kept]
    records = [_record(file, feature) for feature in features]
    _add_metadata(records, features)
    if any(feature.get("nucleusGeometry") for feature in features):
        for record, nucleus in zip(
            records, _geometries(file, features, "nucleusGeometry"), strict=True
        ):
            record["nucleus"] = None if nucleus is None or nucleus.is_empty else nucleus
    with errors_of(file):
        detections = Detections.from_records(
            geometries,
            records,
            image=image or ImageInfo.from_json(note.get("image")),
            outline="star" if note.get("outline") == "star" else "traced",
        )
    return detections, markers, left_out


def _is_thin(feature: dict[str, Any]) -> bool:
    return _mapping(feature.get("geometry")).get("type") in _THIN


def _markers(file: Path, features: list[dict[str, Any]]) -> GeoDataFrame:
    """Return points and lines as a table."""
    texts = [_geometry_text(feature["geometry"]) for feature in features]
    geometries = shapely.force_2d(shapely.from_geojson(texts))
    check_coordinates(file, geometries)
    drawn = [(g, f) for g, f in zip(geometries, features, strict=True) if not g.is_empty]
    records = [_record(file, feature) for _, feature in drawn]
    columns = {name: [r.get(name) for r in records] for name in FIELDS_OF_MARKERS}
    ids = keep_ids([record["id"] for record in records])
    return make_markers([geometry for geometry, _ in drawn], ids, columns)


def _features(detections: Detections, start: int, stop: int) -> Iterator[dict[str, Any]]:
    frame = detections.objects.iloc[start:stop]
    outlines = _coordinates(frame.geometry.to_numpy())
    nuclei: Iterable[Any] = repeat({})
    if "nucleus" in frame.columns:
        nuclei = _coordinates(frame["nucleus"].to_numpy())
    fields = (frame[name].tolist() for name in FIELDS)
    measurements, metadata = detections.measurements, detections.metadata
    values = _rows([_json_numbers(frame[name]) for name in measurements])
    measurement_names = [qupath_measurement(name) for name in measurements]
    metadata_names = [metadata_name(name, TAKEN | set(measurements)) for name in metadata]
    notes = _rows([frame[name].tolist() for name in metadata])
    for identity, outline, nucleus, row, numbers, texts in zip(
        frame.index, outlines, nuclei, zip(*fields, strict=True), values, notes, strict=False
    ):
        label, prob, class_name, shown, kind, name, color, locked, c, z, t = row
        plane = {"c": c, "z": z, "t": t}
        outline["plane"] = plane
        feature = {"type": "Feature", "id": identity, "geometry": outline}
        if nucleus.get("coordinates"):
            feature["nucleusGeometry"] = {**nucleus, "plane": plane}
        properties = {"objectType": kind}
        if name is not None:
            properties["name"] = name
        if color is not None:
            properties["color"] = _rgb(color)
        if class_name is not None:
            rgb = _rgb(shown or class_color(class_name))
            properties["classification"] = {"name": class_name, "color": rgb}
        properties["isLocked"] = locked
        written = {LABEL: label}
        if prob == prob:
            written[PROBABILITY] = prob
        written.update(zip(measurement_names, numbers, strict=True))
        properties["measurements"] = written
        known = {k: str(v) for k, v in zip(metadata_names, texts, strict=True) if v is not None}
        if known:
            properties["metadata"] = known
        feature["properties"] = properties
        yield feature


def _rows(columns: list[list[Any]]) -> Iterable[tuple[Any, ...]]:
    return zip(*columns, strict=True) if columns else repeat(())


def _coordinates(geometries: NDArray[np.object_]) -> Iterator[dict[str, Any]]:
    """Yield GeoJSON geometries without their planes, coordinates rounded."""
    pieces, owner = shapely.get_parts(geometries, return_index=True)
    rings, piece = shapely.get_rings(pieces, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    xy = np.round(xy, DECIMALS)
    edges = np.flatnonzero(np.diff(ring, prepend=-1, append=-1)).tolist()
    filled = ring[edges[:-1]]
    polygons: list[list[list[NDArray[np.float64]]]] = [[] for _ in geometries]
    before = -1
    places = zip(piece[filled].tolist(), owner[piece[filled]].tolist(), strict=True)
    for (inside, of), start, stop in zip(places, edges[:-1], edges[1:], strict=True):
        if inside != before:
            polygons[of].append([])
            before = inside
        polygons[of][-1].append(xy[start:stop])
    for parts in polygons:
        if len(parts) == 1:
            yield {"type": "Polygon", "coordinates": parts[0]}
        else:
            yield {"type": "MultiPolygon", "coordinates": parts}


def _json_numbers(values: pd.Series[Any]) -> list[Any]:
    """Return numbers, and the words that QuPath writes for those that JSON does not have."""
    numbers: list[Any] = values.tolist()
    floats = values.to_numpy(np.float64, na_value=np.nan)
    for row in np.flatnonzero(~np.isfinite(floats)):
        numbers[row] = _NO_JSON_NUMBERS[str(floats[row])]
    return numbers


@functools.lru_cache
def _rgb(color: str) -> list[int]:
    return list(bytes.fromhex(color[1:]))


@contextmanager
def _paused_collector() -> Iterator[None]:
    """Switch the garbage collector off, which would search millions of lists again and again.

    Nothing that is made meanwhile refers to itself, so that nothing is left uncollected.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _load(file: Path) -> Any:
    data = file.read_bytes()
    if data.startswith(MAGIC):
        data = read_gzip(file, data)
    try:
        return orjson.loads(data)
    except ValueError:
        pass
    try:  # Gson may write bare NaN, which orjson refuses
        return json.loads(_ESCAPE.sub(_without_surrogate, data))
    except RecursionError as error:
        raise _too_deep(file) from error
    except ValueError as error:
        raise BadInputError(file, f"is not JSON ({error})", "copy or export it again") from error


def _without_surrogate(escape: re.Match[bytes]) -> bytes:
    """Replace half a character, of which no text can be written, as Java does when it writes."""
    return b"\\ufffd" if escape[1] else escape[0]


def _feature_list(file: Path, document: Any) -> list[dict[str, Any]]:
    if isinstance(document, dict) and document.get("type") == "FeatureCollection":
        document = document.get("features")
    elif isinstance(document, dict) and document.get("type") == "Feature":
        document = [document]
    elif isinstance(document, dict) and "coordinates" in document:
        document = [{"type": "Feature", "geometry": document}]
    if not isinstance(document, list) or not all(isinstance(f, dict) for f in document):
        raise BadInputError(
            file, "is JSON, but not a list of GeoJSON features", "export it as GeoJSON from QuPath"
        )
    return _hierarchy(file, document)


def _hierarchy(file: Path, features: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return all objects, parents before their children, without the root."""
    objects: list[dict[str, Any]] = []
    levels = [iter(features)]
    while levels:
        feature = next(levels[-1], None)
        if feature is None:
            levels.pop()
            continue
        if not isinstance(feature, dict):
            raise BadInputError(
                file, "has a child object that is no GeoJSON feature", "export it again from QuPath"
            )
        properties = feature.get("properties")
        properties = properties if isinstance(properties, dict) else {}
        if _object_type(feature, properties) != "root":
            objects.append(feature)
        children = properties.get(_CHILDREN)
        if isinstance(children, list) and children:
            if len(levels) == _MAX_DEPTH:
                raise _too_deep(file)
            levels.append(iter(children))
    return objects


def _too_deep(file: Path) -> BadInputError:
    return BadInputError(
        file,
        f"has objects nested over {_MAX_DEPTH} levels deep",
        "export it from QuPath without the hierarchy",
    )


def _object_type(feature: dict[str, Any], properties: dict[str, Any]) -> str:
    kind = properties.get("objectType", properties.get("object_type"))
    kind = kind or _OLD_IDS.get(str(feature.get("id")))
    return kind if kind in OBJECT_TYPES or kind == "root" else "annotation"


def _geometries(file: Path, features: list[dict[str, Any]], member: str) -> list[Any]:
    """Return the areas of all features, ``None`` where a feature has none."""
    members = [f.get(member) or None for f in features]  # QuPath: {} where there is none
    geometries = _single_rings(members)
    rest = np.flatnonzero(shapely.is_missing(geometries))
    texts = [_geometry_text(members[row]) for row in rest]
    geometries[rest] = shapely.from_geojson(texts, on_invalid="ignore")
    for row in rest:
        if geometries[row] is None and isinstance(members[row], dict):
            raise BadInputError(
                file, f"its object {row + 1} has a geometry that is none", "export it again"
            )
    check_coordinates(file, geometries)
    geometries = shapely.force_2d(geometries)
    kinds = shapely.get_type_id(geometries)
    areas = np.isin(kinds, (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON))
    single = np.isin(kinds, (shapely.GeometryType.MULTIPOLYGON,)) & (
        shapely.get_num_geometries(geometries) == 1
    )
    geometries[single] = shapely.get_geometry(geometries[single], 0)
    unsound = ~shapely.is_valid(geometries) & areas
    collections = kinds == shapely.GeometryType.GEOMETRYCOLLECTION
    for row in np.flatnonzero(unsound | collections):
        geometries[row] = areas_only(geometries[row])
    geometries[~(areas | collections)] = None
    return list(geometries)


def _geometry_text(member: Any) -> bytes | None:
    """Return a geometry as JSON; what no JSON can be made of becomes text that is no geometry."""
    if not isinstance(member, dict):
        return None
    try:
        return orjson.dumps(member)
    except TypeError:  # numbers over 64 bit, levels without end
        return b"{}"


def _single_rings(members: list[Any]) -> NDArray[np.object_]:
    """Return the polygons of one closed ring, which are nearly all; ``None`` for anything else."""
    geometries = np.full(len(members), None, object)
    rows, sizes, values = [], [], array("d")
    for row, member in enumerate(members):
        if not isinstance(member, dict) or member.get("type") != "Polygon":
            continue
        match member.get("coordinates"):
            case [[first, _, _, *_, last] as ring] if first == last:
                before = len(values)
                try:
                    values.extend(chain.from_iterable(ring))
                except (TypeError, OverflowError):
                    pass
                else:
                    if len(values) - before == 2 * len(ring) and set(map(len, ring)) == {2}:
                        rows.append(row)
                        sizes.append(len(ring))
                        continue
                del values[before:]
    if rows:
        xy = np.frombuffer(values).reshape(-1, 2)
        rings = shapely.linearrings(xy, indices=np.repeat(np.arange(len(rows)), sizes))
        geometries[rows] = shapely.polygons(rings)
    return geometries


def _record(file: Path, feature: dict[str, Any]) -> dict[str, Any]:
    properties = _mapping(feature.get("properties"))
    record: dict[str, Any] = {
        "id": feature.get("id"),
        "object_type": _object_type(feature, properties),
        "name": _text(properties.get("name")),
        "color": _hex(properties.get("color", properties.get("colorRGB"))),
        "locked": bool(properties.get("isLocked", properties.get("locked", False))),
    }
    record["class"], record["class_color"] = _classification(properties.get("classification"))
    plane = _mapping(_mapping(feature.get("geometry")).get("plane"))
    for axis, otherwise in (("c", -1), ("z", 0), ("t", 0)):
        record[axis] = _plane(file, plane.get(axis), axis, otherwise)
    values = dict(_measurements(properties.get("measurements")))
    if LABEL in values:
        record["label"] = values.pop(LABEL)
    if PROBABILITY in values:
        record["prob"] = values.pop(PROBABILITY)
    record.update({measurement_of_qupath(name): value for name, value in values.items()})
    return record


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _plane(file: Path, value: Any, axis: str, otherwise: int) -> int:
    """Return the number of a plane; R and MATLAB write whole numbers as 1.0."""
    if value is None:
        return otherwise
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or value != value or abs(value) > _LARGEST_PLANE or value != int(value):
        raise BadInputError(
            file,
            f"has an object in the plane {axis} = {str(value)[:20]!r}, which is no whole number",
            "export it again",
        )
    return max(int(value), otherwise)


def _add_metadata(records: list[dict[str, Any]], features: list[dict[str, Any]]) -> None:
    """Add metadata to records, under names that no measurement of any object has."""
    taken = TAKEN.union(*records)
    for record, feature in zip(records, features, strict=True):
        metadata = _mapping(_mapping(feature.get("properties")).get("metadata"))
        record.update({metadata_column(k, taken): _text(v) for k, v in metadata.items()})


def measurement_of_qupath(name: str) -> str:
    """Return the column of a measurement that QuPath calls so.

    >>> measurement_of_qupath("z"), measurement_of_qupath("Label (measurement)")
    ('z (measurement)', 'Label')
    """
    plain = name.removesuffix(_ENDING)
    return measurement_column(plain if _LIKE_OURS.fullmatch(plain) else name)


def qupath_measurement(column: str) -> str:
    """Return what the measurement of a column is called in QuPath.

    There, :data:`LABEL` and :data:`PROBABILITY` are fields of ours.

    >>> qupath_measurement("z (measurement)"), qupath_measurement("Label")
    ('z', 'Label (measurement)')
    """
    name = measurement_name(column)
    return name + _ENDING if _LIKE_OURS.fullmatch(name) else name


def _measurements(values: Any) -> Iterator[tuple[str, float]]:
    """Yield the measurements of any QuPath version: a mapping, or a list of names and values."""
    if isinstance(values, list):
        values = {str(v.get("name")): v.get("value") for v in values if isinstance(v, dict)}
    if not isinstance(values, dict):
        return
    for name, value in values.items():
        try:
            yield str(name), math.nan if value is None else float(value)
        except OverflowError:  # a whole number of over 308 digits
            yield str(name), math.inf if value > 0 else -math.inf
        except (TypeError, ValueError):
            continue


def _classification(value: Any) -> tuple[str | None, str | None]:
    if isinstance(value, str):
        return value or None, None
    if not isinstance(value, dict):
        return None, None
    name = value.get("name")
    if name is None and isinstance(value.get("names"), list):
        name = ": ".join(str(part) for part in value["names"])
    return _text(name) or None, _hex(value.get("color", value.get("colorRGB")))


def _hex(color: Any) -> str | None:
    if isinstance(color, list) and len(color) >= 3:
        try:
            return "#" + bytes(int(c) for c in color[:3]).hex()
        except (TypeError, ValueError, OverflowError):
            return None
    if isinstance(color, int) and not isinstance(color, bool):  # Java's packed ARGB
        return f"#{color & 0xFFFFFF:06x}"
    return None


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
