"""Points and lines that a reviewer drew: objects without an area, beside an image's detections.

They go into GeoJSON, tables and ROI zips behind the objects with an area. Reading such a file gives
the areas; label images hold none of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import geopandas as gpd
import numpy as np
import pandas as pd
import roifile
import shapely

from bridge.colors import class_color
from bridge.detections import FIELDS
from bridge.files.names import safe_name
from bridge.formats.column_names import measurement_name, metadata_name
from bridge.images.info import ImageInfo

GEOMETRY_TYPE = "geometry_type"
"""Column of a table that says which rows are areas, points and lines, as GeoJSON names them."""

FIELDS_OF_MARKERS = tuple(name for name in FIELDS if name not in ("label", "prob"))
"""Columns that every table of markers has: those of detections without label and probability."""

DECIMALS = 4
_MAX_NAME = 100
_INT16_MAX = 32_767
_NO_JSON = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def make_markers(
    geometries: list[Any], ids: list[str], columns: dict[str, Any] | None = None
) -> gpd.GeoDataFrame:
    """Make a table of points and lines.

    Args:
        geometries: n Points, MultiPoints, LineStrings or MultiLineStrings, corner-origin pixels.
        ids: n UUIDs, the table's index.
        columns: n values each by name, as in :class:`bridge.detections.Detections`; the fields
            that every object has are completed.

    >>> make_markers([shapely.Point(2, 3)], ["…"])["object_type"].tolist()
    ['annotation']
    """
    given = dict(columns or {})
    index = pd.Index(ids, name="id", dtype=object)
    defaults = {name: FIELDS[name][1] for name in FIELDS_OF_MARKERS} | {"object_type": "annotation"}
    filled = {
        name: pd.Series(given.pop(name, [default] * len(ids)), index=index, dtype=FIELDS[name][0])
        for name, default in defaults.items()
    }
    others = {name: _column(list(values), index) for name, values in given.items()}
    shapes = np.empty(len(geometries), object)
    shapes[:] = geometries
    return gpd.GeoDataFrame({**filled, **others}, geometry=shapes, index=index)


def select_markers(
    markers: gpd.GeoDataFrame, types: tuple[str, ...] | None, classes: list[str] | None
) -> gpd.GeoDataFrame:
    """Return the markers of some object types and classes; all where ``None``."""
    if types is not None:
        markers = markers[markers["object_type"].isin(types)]
    return markers if classes is None else markers[markers["class"].isin(classes)]


def marker_features(markers: gpd.GeoDataFrame) -> Iterator[dict[str, Any]]:
    """Yield markers as GeoJSON features, as QuPath exports them (``qupath.lib.io.GsonTools``)."""
    numbers, texts = _extra(markers)
    for identity, row in markers.iterrows():
        plane = {axis: int(row[axis]) for axis in "czt"}
        properties: dict[str, Any] = {"objectType": row["object_type"]}
        if row["name"] is not None:
            properties["name"] = row["name"]
        if row["color"] is not None:
            properties["color"] = _rgb(row["color"])
        if row["class"] is not None:
            rgb = _rgb(row["class_color"] or class_color(row["class"]))
            properties["classification"] = {"name": row["class"], "color": rgb}
        properties["isLocked"] = bool(row["locked"])
        properties["measurements"] = {
            measurement_name(name): value if math.isfinite(value) else _NO_JSON[str(value)]
            for name in numbers
            for value in [float(row[name])]
        }
        known = {
            metadata_name(name): str(row[name]) for name in texts if not _is_missing(row[name])
        }
        if known:
            properties["metadata"] = known
        yield {
            "type": "Feature",
            "id": str(identity),
            "geometry": {**_rounded(row.geometry), "plane": plane},
            "properties": properties,
        }


def marker_table(markers: gpd.GeoDataFrame, image: ImageInfo) -> pd.DataFrame:
    """Return markers as rows of a plain table, indexed by UUID, without their outlines.

    Labels, probabilities and areas are missing; centroids are corner-origin pixels, and µm where
    the pixel size is known.
    """
    centroid = shapely.centroid(markers.geometry.to_numpy())
    x, y = shapely.get_x(centroid).round(DECIMALS), shapely.get_y(centroid).round(DECIMALS)
    derived: dict[str, Any] = {"image": image.name, "centroid_x_px": x, "centroid_y_px": y}
    if image.pixel_size is not None:
        derived["centroid_x_um"] = x * image.pixel_size.x
        derived["centroid_y_um"] = y * image.pixel_size.y
    plain = pd.DataFrame(markers.drop(columns="geometry"))
    plain = plain.assign(**derived)
    plain[GEOMETRY_TYPE] = markers.geom_type.to_numpy()
    return plain


def marker_rois(
    markers: gpd.GeoDataFrame, image: ImageInfo, taken: set[str]
) -> Iterator[tuple[str, bytes]]:
    """Yield markers as ImageJ ROIs: points, lines and polylines, with subpixel coordinates.

    A marker of several lines becomes several ROIs.

    Args:
        markers: the markers.
        image: tells whether ROIs get a slice and a time point.
        taken: names that other ROIs of the file have, in lower case; the names are added.

    Yields:
        The name and the ROI in ImageJ's format (``ij.io.RoiEncoder``).
    """
    numbers, texts = _extra(markers)
    stack = image.size_z > 1 or image.size_t > 1
    stack = stack or bool(len(markers) and (markers["z"].max() > 0 or markers["t"].max() > 0))
    for identity, row in markers.iterrows():
        lines = [("id", identity), ("object_type", row["object_type"])]
        lines += [(key, row[key]) for key in ("class", "class_color", "name")]
        lines += [(f"measurement.{quote(n, safe='')}", repr(float(row[n]))) for n in numbers]
        lines += [(f"metadata.{quote(n, safe='')}", row[n]) for n in texts]
        properties = "".join(
            f"starbridge.{key}: {quote(str(value), safe='-_.~')}\n"
            for key, value in lines
            if not _is_missing(value)
        )
        is_point = row.geometry.geom_type.endswith("Point")
        for part in [row.geometry] if is_point else shapely.get_parts(row.geometry):
            stem = row["name"] or ("points" if is_point else "line")
            if row["name"] is None and row["class"] is not None:
                stem += f"-{row['class']}"
            name = _free_name(safe_name(stem)[:_MAX_NAME] or "marker", taken)
            roi = _roi(shapely.get_coordinates(part), is_point=is_point)
            roi.name, roi.props = name, properties
            roi.c_position = int(row["c"]) + 1
            roi.z_position, roi.t_position = (int(row[axis]) * stack + stack for axis in "zt")
            color = row["color"] or row["class_color"]
            if color is not None:
                roi.stroke_color = b"\xff" + bytes.fromhex(color[1:])
            yield name, roi.tobytes()


def _rounded(shape: Any) -> dict[str, Any]:
    """Return a GeoJSON geometry with coordinates to 1/10,000 pixel."""
    rounded = shapely.transform(shape, lambda xy: np.round(xy, DECIMALS))
    found: dict[str, Any] = shapely.geometry.mapping(rounded)
    return found


def _column(values: list[Any], index: pd.Index[Any]) -> pd.Series[Any]:
    """Return measurements as numbers, and texts as objects with ``None`` where missing."""
    numeric = all(value is not None and not isinstance(value, str) for value in values)
    return pd.Series(values, index=index, dtype="float64" if numeric else object)


def _roi(xy: Any, *, is_point: bool) -> roifile.ImagejRoi:
    # The box of a ROI is 16 bits wide; beyond it only the float coordinates count.
    low = np.clip(np.floor(xy.min(axis=0)), -_INT16_MAX - 1, _INT16_MAX).astype(int)
    high = np.clip(np.ceil(xy.max(axis=0)), -_INT16_MAX - 1, _INT16_MAX).astype(int)
    roi = roifile.ImagejRoi(options=roifile.ROI_OPTIONS.SUB_PIXEL_RESOLUTION)
    roi.left, roi.top = low.tolist()
    roi.right, roi.bottom = high.tolist()
    if not is_point and len(xy) == 2:
        roi.roitype = roifile.ROI_TYPE.LINE
        (roi.x1, roi.y1), (roi.x2, roi.y2) = xy.tolist()
        return roi
    roi.roitype = roifile.ROI_TYPE.POINT if is_point else roifile.ROI_TYPE.POLYLINE
    roi.integer_coordinates = np.clip(np.round(xy - low), 0, _INT16_MAX).astype(">i2")
    roi.subpixel_coordinates = xy.astype(">f4")
    roi.n_coordinates = len(xy)
    return roi


def _free_name(stem: str, taken: set[str]) -> str:
    name, again = stem, 1
    while name.lower() in taken:
        again += 1
        name = f"{stem}-{again}"
    taken.add(name.lower())
    return name


def _extra(markers: gpd.GeoDataFrame) -> tuple[list[str], list[str]]:
    """Return the names of measurements and of metadata."""
    others = [name for name in markers.columns if name not in (*FIELDS_OF_MARKERS, "geometry")]
    numbers = [name for name in others if pd.api.types.is_numeric_dtype(markers[name])]
    return numbers, [name for name in others if name not in numbers]


def _is_missing(value: Any) -> bool:
    return value is None or value != value


def _rgb(color: str) -> list[int]:
    return list(bytes.fromhex(color[1:]))
