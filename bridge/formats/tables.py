"""Tables, a row an object: CSV, TSV and GeoParquet.

CSV and TSV end in a column ``outline``, the polygon as well-known text in pixels, so that nothing
is lost; areas and centroids stand before it for people and are computed anew when a table is read.
"""

from __future__ import annotations

import csv
import io
import json
import logging
from collections.abc import Iterable, Sequence
from functools import partial
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
from geopandas.array import GeometryDtype
from numpy.typing import NDArray

from bridge.detections import FIELDS, Detections, keep_ids, number_labels
from bridge.errors import BadInputError
from bridge.files.atomic import writing
from bridge.formats import errors_of, existing_file
from bridge.formats.column_names import (
    TAKEN,
    measurement_column,
    measurement_name,
    metadata_column,
    metadata_name,
)
from bridge.formats.coordinates import areas_in
from bridge.formats.markers import GEOMETRY_TYPE, marker_table
from bridge.formats.parquet_sizes import check_sizes
from bridge.formats.spreadsheet_text import guard_text
from bridge.formats.text_cells import read_cells
from bridge.images.channels import count_from_1
from bridge.images.info import ImageInfo

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
_OF_TABLES = frozenset({OUTLINE, NUCLEUS, *_DERIVED})
"""Titles that mean something else in a table, beside those that do in all detections."""
_LARGEST_PLANE = 2**31 - 1
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
    where the pixel size is known), measurements, and last the outline. In CSV and TSV a measurement
    that is called like one of these gets ``(measurement)`` behind its name, and texts that a
    spreadsheet would take for a formula an apostrophe in front.

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
    measured: dict[str, Any] = {
        "image": detections.image.name,
        "area_px": shapely.area(shapes),
        "centroid_x_px": shapely.get_x(centroid).round(DECIMALS),
        "centroid_y_px": shapely.get_y(centroid).round(DECIMALS),
    }
    size = detections.image.pixel_size
    if size:
        measured["area_um2"] = measured["area_px"] * size.x * size.y
        measured["centroid_x_um"] = measured["centroid_x_px"] * size.x
        measured["centroid_y_um"] = measured["centroid_y_px"] * size.y
    plain = pd.DataFrame(frame[[*FIELDS]]).assign(**measured)
    plain.insert(0, "image", plain.pop("image"))
    parts = [
        pd.DataFrame(frame[names]).rename(columns=partial(_title, is_text=is_text))
        for names, is_text in ((detections.measurements, False), (detections.metadata, True))
    ]
    return pd.concat([plain, *parts], axis=1)


def read(path: str | PathLike[str], *, image: ImageInfo | None = None) -> Detections:
    """Read a table that has outlines.

    CSV may have commas, semicolons or tabs, be in UTF-8, UTF-16 or Windows-1252, and have gone
    through Excel. Where a column of numbers holds a word, or a plane is missing, it is refused.

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
    return _read_text(file, image)


def _read_text(file: Path, image: ImageInfo | None) -> Detections:
    cells = read_cells(file, {OUTLINE})
    if OUTLINE not in cells.columns:
        raise BadInputError(
            file,
            f"has no column {OUTLINE!r}, so that the objects' shapes are not known",
            "read the labels, ROIs or GeoJSON of this image in its place",
        )
    outlines, is_area = _outlines(file, cells.columns[OUTLINE].to_pylist())
    planes = ("c", "z", "t")
    columns: dict[str, Any] = {}
    for title in cells.columns:
        if title in (OUTLINE, "id", *_DERIVED):
            continue
        if title == NUCLEUS:
            nuclei, is_nucleus = _outlines(file, cells.columns[NUCLEUS].to_pylist())
            nuclei[~is_nucleus] = None
            columns["nucleus"] = nuclei
        elif title in planes:
            lowest = -1 if title == "c" else 0
            columns[title] = cells.whole_numbers(title, lowest, _LARGEST_PLANE)
        elif title in ("label", "prob"):
            columns[title] = cells.numbers(title)
        elif title == "locked":
            columns[title] = cells.truths(title)
        elif title in _TEXTS:
            columns[title] = cells.texts(title)
        else:
            values = cells.guessed(title)
            columns[_column(title, is_text=values.dtype == object)] = values
    titles = _new_titles(columns, image)
    columns = {titles.get(name, name): values for name, values in columns.items()}
    if not is_area.all():
        log.warning("%s: %d objects enclose no area and were left out", file, (~is_area).sum())
    rows = np.flatnonzero(is_area)
    columns = {name: _rows(values, rows) for name, values in columns.items()}
    ids = _rows(cells.texts("id"), rows) if "id" in cells.columns else [None] * len(rows)
    zt = [columns.get(axis, [0] * len(rows)) for axis in "zt"]
    names = set(cells.texts("image") if "image" in cells.columns else ()) - {None}
    info = image or ImageInfo(name=str(names.pop()) if len(names) == 1 else "")
    with errors_of(file):
        columns["label"] = number_labels(columns.get("label", [0] * len(rows)), *zt)
        return Detections.from_polygons(
            outlines[rows], columns=columns, ids=keep_ids(ids), image=info
        )


def _rows(values: Any, rows: NDArray[np.intp]) -> Any:
    if isinstance(values, np.ndarray):
        return values[rows]
    return [values[row] for row in rows]


def _column(title: str, *, is_text: bool) -> str:
    """Return the column of detections for a title that none of their fields has."""
    name = measurement_name(title, _OF_TABLES)
    if name == title:
        name = metadata_name(title, _OF_TABLES)
    if name not in TAKEN:
        return name
    return metadata_column(name) if is_text else measurement_column(name)


def _title(column: str, *, is_text: bool) -> str:
    """Return the title of a measurement's or metadata's column in a table."""
    return (metadata_column if is_text else measurement_column)(column, _OF_TABLES)


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
    csv.writer(header, delimiter=separator, lineterminator="\n").writerow(map(guard_text, names))
    stream.write(header.getvalue().encode())
    style = pa.csv.WriteOptions(include_header=False, delimiter=separator)
    for frame, objects in parts:
        nothing = np.full(len(frame), None, object)
        shapes = [objects[key].to_numpy() if key in objects else nothing for key in drawn.values()]
        values = [frame[name] if name in frame else pd.Series(nothing) for name in columns]
        for start in range(0, len(frame), _BLOCK):
            here = slice(start, start + _BLOCK)
            written = [
                _arrow_texts(frame.index[here]),
                *(_arrow(v.iloc[here]) for v in values),
            ]
            written += [
                _arrow_texts(shapely.to_wkt(s[here], rounding_precision=DECIMALS, trim=True))
                for s in shapes
            ]
            pa.csv.write_csv(pa.Table.from_arrays(written, names), stream, style)


def _arrow(values: pd.Series[Any]) -> pa.Array:
    if pd.api.types.is_numeric_dtype(values):
        return pa.array(values, from_pandas=True)
    return _arrow_texts(guard_text(v) if isinstance(v, str) else v for v in values)


def _arrow_texts(values: Iterable[Any]) -> pa.Array:
    texts = [value if value is None else str(value) for value in values]
    return pa.array(texts, pa.large_string())


def _outlines(file: Path, texts: Sequence[str]) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    """Return the outlines of well-known text, and which of them are areas."""
    try:
        with np.errstate(invalid="ignore"):  # said by areas_in
            found = np.asarray(shapely.from_wkt([text or None for text in texts]), object)
    except (shapely.errors.GEOSException, TypeError, UnicodeError) as error:
        raise BadInputError(
            file, f"has an outline that is none ({error})", "export it again"
        ) from error
    return areas_in(file, found)


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
        check_sizes(file)
        metadata = pq.read_schema(file).metadata or {}
        frame = gpd.read_parquet(file)
        for column in frame.columns:  # texts that are not UTF-8 fail here, and not later
            if isinstance(frame[column].dtype, pd.StringDtype):
                frame[column] = frame[column].astype(object)
    except BadInputError:
        raise
    except Exception as error:  # geopandas raises whatever damaged metadata lead to
        line = " ".join(f"{error}".split())[:200]
        raise BadInputError(file, f"is not GeoParquet ({line})", "export it again") from error
    try:
        note = json.loads(metadata.get(_PARQUET_NOTE, b"{}"))
    except (ValueError, RecursionError):
        note = {}
    note = note if isinstance(note, dict) else {}
    if frame.geometry.name != "geometry":
        frame = frame.drop(columns="geometry", errors="ignore").rename_geometry("geometry")
    if "nucleus" in frame and not isinstance(frame["nucleus"].dtype, GeometryDtype):
        is_number = pd.api.types.is_numeric_dtype(frame["nucleus"])
        name = (measurement_column if is_number else metadata_column)("nucleus")
        frame = frame.rename(columns={"nucleus": name})
    frame.index = pd.Index(keep_ids([str(i) for i in frame.index]), dtype=object)
    outlines, is_area = areas_in(file, frame.geometry.to_numpy())
    frame = frame.set_geometry(outlines)
    if "nucleus" in frame:
        nuclei, is_nucleus = areas_in(file, frame["nucleus"].to_numpy())
        nuclei[~is_nucleus] = None
        frame["nucleus"] = nuclei
    if not is_area.all():
        log.warning("%s: %d objects enclose no area and were left out", file, (~is_area).sum())
        frame = frame[is_area]
    frame = frame.rename(columns=_new_titles(frame.columns, image))
    with errors_of(file):
        return Detections(
            frame,
            image or ImageInfo.from_json(note.get("image")),
            "star" if note.get("outline") == "star" else "traced",
        )
