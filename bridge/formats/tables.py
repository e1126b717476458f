"""Tables, a row an object: CSV, TSV and GeoParquet.

CSV and TSV end in a column ``outline``, the polygon as well-known text in pixels, so that nothing
is lost; areas and centroids stand before it for people and are computed anew when a table is read.
"""

from __future__ import annotations

import csv
import io
import json
import logging
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import IO, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import shapely

from bridge.detections import FIELDS, Detections, keep_ids, number_labels
from bridge.errors import BadInputError
from bridge.files.atomic import writing
from bridge.formats import existing_file
from bridge.formats.markers import GEOMETRY_TYPE, marker_table
from bridge.images.channels import count_from_1
from bridge.images.info import ImageInfo
from bridge.outlines.rings import areas_only

log = logging.getLogger(__name__)

OUTLINE, NUCLEUS = "outline", "nucleus_outline"
DECIMALS = 4
_DERIVED = (
    GEOMETRY_TYPE,
    "image",
    "area_px",
    "centroid_x_px",
    "centroid_y_px",
    "area_um2",
    "centroid_x_um",
    "centroid_y_um",
)
_TEXTS = ("id", "image", "class", "class_color", "object_type", "name", "color")
_BLOCK = 8_192  # rows that are written together
_PARQUET_NOTE = b"starbridge"


def write(
    detections: Detections,
    path: str | PathLike[str],
    *,
    outlines: bool = True,
    markers: gpd.GeoDataFrame | None = None,
) -> None:
    """Write a table; the format follows from the ending.

    Columns: id, image, the fields of :class:`Detections`, area and centroid in pixels (and in µm
    where the pixel size is known), measurements, and last the outline.

    Args:
        detections: the objects.
        path: ``.csv``, ``.tsv`` or ``.parquet`` (GeoParquet).
        outlines: leave the outlines out when ``False``; such a table cannot be read back.
        markers: points and lines (:mod:`bridge.formats.markers`): further rows of CSV and TSV,
            which then have a column ``geometry_type``.

    Raises:
        BadInputError: the file cannot be written.
    """
    name = str(path).lower()
    if name.endswith(".parquet"):
        _write_parquet(detections, path)
        return
    with writing(path) as part, part.open("wb") as stream:
        separator = "\t" if name.endswith(".tsv") else ","
        _write_rows(detections, stream, separator, outlines, markers)


def table(detections: Detections) -> pd.DataFrame:
    """Return the objects as a plain table, indexed by UUID, without outlines.

    Areas are px² (µm² in ``area_um2``), centroids corner-origin pixels (µm in ``…_um``).

    >>> objects = Detections.from_polygons([shapely.box(2, 3, 5, 7)])
    >>> table(objects)[["area_px", "centroid_x_px", "centroid_y_px"]].values.tolist()
    [[12.0, 3.5, 5.0]]
    """
    frame = detections.objects
    shapes = frame.geometry.to_numpy()
    centroid = shapely.centroid(shapes)
    derived: dict[str, Any] = {
        "image": detections.image.name,
        "area_px": shapely.area(shapes),
        "centroid_x_px": shapely.get_x(centroid).round(DECIMALS),
        "centroid_y_px": shapely.get_y(centroid).round(DECIMALS),
    }
    size = detections.image.pixel_size
    if size:
        derived["area_um2"] = derived["area_px"] * size.x * size.y
        derived["centroid_x_um"] = derived["centroid_x_px"] * size.x
        derived["centroid_y_um"] = derived["centroid_y_px"] * size.y
    extra = [*detections.measurements, *detections.metadata]
    plain = pd.DataFrame(frame[[*FIELDS]])
    # A reviewer's measurement of the same name wins over the one computed here.
    plain = plain.assign(**{k: v for k, v in derived.items() if k not in extra})
    plain.insert(0, "image", plain.pop("image"))
    return pd.concat([plain, pd.DataFrame(frame[extra])], axis=1)


def read(path: str | PathLike[str], *, image: ImageInfo | None = None) -> Detections:
    """Read a table that has outlines.

    Measurements of channels without a name whose names count from 0 (``Nucleus: C0: Mean``) are
    renamed to count from 1, unless ``image`` itself has a channel ``C0``.

    Args:
        path: ``.csv``, ``.tsv`` or ``.parquet``.
        image: what is known of the image; CSV and TSV keep only its name.

    Raises:
        BadInputError: no table, damaged, or without outlines.
    """
    file = existing_file(path)
    if file.name.lower().endswith(".parquet"):
        return _read_parquet(file, image)
    separator = "\t" if file.name.lower().endswith(".tsv") else ","
    try:
        header = pd.read_csv(file, sep=separator, nrows=0).columns
        frame = pd.read_csv(
            file,
            sep=separator,
            dtype=dict.fromkeys(_TEXTS, object),
            keep_default_na=False,
            # Words such as "nan" are missing values only among numbers: a class may be called "NA".
            na_values={
                name: [""] if name in (*_TEXTS, OUTLINE, NUCLEUS) else ["", "nan", "NaN", "NA"]
                for name in header
            },
        )
    except (ValueError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise BadInputError(file, f"is not a table ({error})", "save it as CSV in UTF-8") from error
    if OUTLINE not in frame.columns:
        raise BadInputError(
            file,
            f"has no column {OUTLINE!r}, so that the objects' shapes are not known",
            "read the labels, ROIs or GeoJSON of this image in its place",
        )
    frame = frame.rename(columns=_new_titles(frame.columns, image))
    geometry = _geometries(file, frame.pop(OUTLINE))
    is_area = np.isin(
        shapely.get_type_id(geometry),
        (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON),
    )
    is_area |= shapely.is_missing(geometry)
    if not is_area.all():
        log.warning("%s: %d objects enclose no area and were left out", file, (~is_area).sum())
        geometry, frame = geometry[is_area], frame[is_area].reset_index(drop=True)
    nucleus = _geometries(file, frame.pop(NUCLEUS)) if NUCLEUS in frame else None
    names = [n for n in frame.get("image", pd.Series(dtype=object)).unique() if isinstance(n, str)]
    info = image or ImageInfo(name=names[0] if len(names) == 1 else "")
    columns: dict[str, Any] = {
        c: frame[c].to_numpy() for c in frame.columns if c not in ("id", *_DERIVED)
    }
    if nucleus is not None:
        columns["nucleus"] = nucleus
    planes = [frame.get(axis, pd.Series(0, frame.index)).astype(int).tolist() for axis in "zt"]
    columns["label"] = number_labels(
        frame.get("label", pd.Series(0, frame.index)).tolist(), planes[0], planes[1]
    )
    ids = keep_ids(frame["id"].tolist() if "id" in frame else [None] * len(frame))
    return Detections.from_polygons(geometry, columns=columns, ids=ids, image=info)


def _new_titles(columns: Iterable[str], image: ImageInfo | None) -> dict[str, str]:
    return {} if image is not None and "C0" in image.channels else count_from_1(columns)


def _write_rows(
    detections: Detections,
    stream: IO[bytes],
    separator: str,
    outlines: bool,
    markers: gpd.GeoDataFrame | None,
) -> None:
    """Write the header, and rows by Arrow, which is several times as fast as pandas."""
    parts = [(table(detections), detections.objects)]
    if markers is not None:
        parts[0][0].insert(1, GEOMETRY_TYPE, detections.objects.geom_type.to_numpy())
        parts.append((marker_table(markers, detections.image), markers))
    columns = list(dict.fromkeys(name for frame, _ in parts for name in frame.columns))
    drawn = {OUTLINE: "geometry"} if outlines else {}
    if outlines and "nucleus" in detections.objects.columns:
        drawn[NUCLEUS] = "nucleus"
    names = ["id", *columns, *drawn]
    header = io.StringIO()
    csv.writer(header, delimiter=separator, lineterminator="\n").writerow(names)
    stream.write(header.getvalue().encode())
    style = pa.csv.WriteOptions(include_header=False, delimiter=separator)
    for frame, objects in parts:
        nothing = np.full(len(frame), None, object)
        shapes = [objects[key].to_numpy() if key in objects else nothing for key in drawn.values()]
        values = [frame[name] if name in frame else pd.Series(nothing) for name in columns]
        for start in range(0, len(frame), _BLOCK):
            here = slice(start, start + _BLOCK)
            written = [_arrow_texts(frame.index[here]), *(_arrow(v.iloc[here]) for v in values)]
            written += [
                _arrow_texts(shapely.to_wkt(s[here], rounding_precision=DECIMALS, trim=True))
                for s in shapes
            ]
            pa.csv.write_csv(pa.Table.from_arrays(written, names), stream, style)


def _arrow(values: pd.Series[Any]) -> pa.Array:
    if pd.api.types.is_numeric_dtype(values):
        return pa.array(values, from_pandas=True)
    return _arrow_texts(values)


def _arrow_texts(values: Iterable[Any]) -> pa.Array:
    texts = [value if value is None else str(value) for value in values]
    return pa.array(texts, pa.large_string())


def _geometries(file: Path, texts: pd.Series[Any]) -> np.ndarray[Any, Any]:
    try:
        found = shapely.from_wkt([t if isinstance(t, str) else None for t in texts])
    except (shapely.errors.GEOSException, TypeError) as error:
        raise BadInputError(
            file, f"has an outline that is none ({error})", "export it again"
        ) from error
    unsound = ~shapely.is_valid(found) & ~shapely.is_missing(found)
    unsound &= shapely.get_dimensions(found) == 2  # the others enclose no area
    for row in np.flatnonzero(unsound):
        found[row] = areas_only(found[row])
    return np.asarray(found, object)


def _write_parquet(detections: Detections, path: str | PathLike[str]) -> None:
    # GeoPandas writes no metadata of others: they are added to the table that it makes.
    made = io.BytesIO()
    detections.objects.to_parquet(made, compression=None)
    written = pq.read_table(pa.BufferReader(made.getbuffer()))
    with writing(path) as part:
        note = {"image": detections.image.to_json(), "outline": detections.outline}
        metadata = {**(written.schema.metadata or {}), _PARQUET_NOTE: json.dumps(note).encode()}
        pq.write_table(written.replace_schema_metadata(metadata), part, compression="zstd")


def _read_parquet(file: Path, image: ImageInfo | None) -> Detections:
    try:
        metadata = pq.read_schema(file).metadata or {}
        frame = gpd.read_parquet(file)
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise BadInputError(file, f"is not GeoParquet ({error})", "export it again") from error
    try:
        note = json.loads(metadata.get(_PARQUET_NOTE, b"{}"))
    except ValueError:
        note = {}
    note = note if isinstance(note, dict) else {}
    if frame.geometry.name != "geometry":
        frame = frame.rename_geometry("geometry")
    frame.index = pd.Index(keep_ids([str(i) for i in frame.index]), dtype=object)
    return Detections(
        frame.rename(columns=_new_titles(frame.columns, image)),
        image or ImageInfo.from_json(note.get("image")),
        "star" if note.get("outline") == "star" else "traced",
    )
