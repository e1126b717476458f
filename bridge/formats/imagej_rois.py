"""ImageJ ROIs: ``RoiSet.zip`` and single ``.roi`` files, as the ROI Manager opens and saves them.

The byte format is ImageJ's own (ij.io.RoiEncoder and RoiDecoder).
What a ROI cannot hold by itself (UUID, class, probability, measurements) goes into its properties,
``key: value`` lines that ImageJ keeps when it saves. Keys and values are percent-encoded, because
ImageJ reads these lines with Java's escapes and writes them without.
"""

from __future__ import annotations

import functools
import io
import json
import logging
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import geopandas as gpd
import numpy as np
import pandas as pd
import roifile
import shapely
import tifffile

from bridge.colors import class_color
from bridge.detections import Detections
from bridge.errors import BadInputError
from bridge.files.atomic import write_bytes
from bridge.files.gzipped import LARGEST_RATIO, NEVER_TOO_LARGE
from bridge.files.names import safe_name
from bridge.formats import errors_of, existing_file
from bridge.formats.column_names import TAKEN, measurement_column, metadata_column
from bridge.formats.coordinates import areas_in
from bridge.formats.markers import marker_rois
from bridge.formats.roi_outlines import set_outlines
from bridge.formats.roi_shapes.areas import area_of, kind_without_area
from bridge.formats.roi_shapes.filling import EnclosedArea, with_imagej_pixels
from bridge.images.info import ImageInfo

log = logging.getLogger(__name__)

PREFIX = "starbridge."
MEASUREMENT = "starbridge.measurement."
METADATA = "starbridge.metadata."
GROUP = "starbridge.group"
SHOWN_COLOR = "starbridge.shown_color"
"""Of a ROI in a group: the colour that it is to be shown in, since ImageJ gives it the group's."""
PUSH = "starbridge.push"
"""The push that a ROI comes from: a reviewer may save ROIs that were opened before a later push."""

_MAX_GROUP = 255
_MAX_NAME = 100
_FEW_NAMES = 5
_NO_AREA = "selection without an area"
_MAX_ROI_BYTES = 256 * 2**20
_UNCOLOURED = "#ffff00"  # what ImageJ gives composite ROIs without a colour
_GROUPS = "groups"  # of a record, until its class is known
_STACK_POSITION = "position in the stack"
_BLOCK = 4_096  # objects that are encoded together
_FILE_MODE = 0o600 << 16
_ZIP_ERRORS = (  # zipfile raises whatever damaged numbers lead to
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
)
_TEXTS = ("class", "name", "color", "class_color")
_SAFE = "-_.~"
_NEEDS_NO_QUOTES = re.compile(r"[A-Za-z0-9_.~-]*").fullmatch


def class_groups(classes: Iterable[str | None]) -> tuple[str, ...]:
    """Return the classes that become ROI groups 1, 2, …: sorted, as many as ImageJ has groups.

    Args:
        classes: the class of each object.

    >>> class_groups(["neuron", None, "glia", "neuron"])
    ('glia', 'neuron')
    """
    return tuple(sorted({name for name in classes if name is not None}))[:_MAX_GROUP]


def write(
    detections: Detections,
    path: str | PathLike[str],
    *,
    groups: bool = False,
    markers: gpd.GeoDataFrame | None = None,
    push: str = "",
) -> None:
    """Write a ``RoiSet.zip`` (or, for one object, a ``.roi``).

    ROIs are named by their label and class (``0007-neuron``), or as the reviewer named them.

    Traced outlines become polygons of whole numbers, star outlines subpixel polygons, objects with
    holes or several pieces composite ROIs. Coordinates beyond 32,767 are written as floats: whole
    numbers would overflow. Positions are 1-based; 0 means "every channel". Names are unique and
    safe as file names.

    Args:
        detections: the objects.
        path: ``.zip`` or ``.roi``.
        groups: put each class into the ROI group that :func:`class_groups` gives it. ImageJ then
            shows the groups' colours, not the classes', unless that is switched off.
        markers: points and lines (:mod:`bridge.formats.markers`), which a ``.zip`` holds too.
        push: name of the push, which :func:`read_pushes` reads back from what a reviewer saved.

    Raises:
        BadInputError: a ``.roi`` for more or fewer than one object; the file cannot be written.

    >>> import tempfile
    >>> objects = Detections.from_polygons([shapely.box(2, 3, 5, 7)], columns={"class": ["glia"]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(objects, f"{folder}/rois.zip", groups=True)
    ...     zipfile.ZipFile(f"{folder}/rois.zip").namelist()
    ['0001-glia.roi']
    """
    if str(path).lower().endswith(".roi"):
        if len(detections) != 1:
            problem = f"a .roi file holds one object, not {len(detections)}"
            raise BadInputError(path, problem, "use .zip")
        write_bytes(path, next(_encode(detections, groups=groups, push=push))[1])
        return
    record = {"image": detections.image.to_json(), "outline": detections.outline}
    rois = _encode(detections, groups=groups, push=push)
    if markers is not None and len(markers):
        taken = {name.lower() for name in roi_names(detections)}
        rois = chain(rois, marker_rois(markers, detections.image, taken))
    # Compressing small entries takes longer than making them. They go through memory, since
    # zipfile goes back to each entry's header.
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, data in rois:
            entry = zipfile.ZipInfo(f"{name}.roi")  # of 1980: equal objects give equal files
            entry.external_attr = _FILE_MODE
            archive.writestr(entry, data)
        archive.comment = _comment(record)
    write_bytes(path, stream.getbuffer())


def read(
    path: str | PathLike[str],
    *,
    image: ImageInfo | None = None,
    groups: Mapping[int, str] | None = None,
) -> Detections:
    """Read a ``RoiSet.zip`` or a ``.roi``, written by starbridge, ImageJ, StarDist or others.

    A reviewer in ImageJ has two ways to change the class of an object: give it another ROI group,
    or another name behind its label (``0007-neuron`` → ``0007-glia``).

    Every object has the pixels that ImageJ gives it: of polygons, freehand and traced outlines,
    with or without a fitted spline, (rounded, rotated) rectangles, ovals, ellipses and composites.
    Lines, arrows, points, angles, texts, images and scale bars are no objects and are left out with
    a warning.

    Args:
        path: the file.
        image: what is known of the image, where the file does not say.
        groups: names of ROI groups, which the file does not hold. A group without a name is the
            class that other ROIs of the file have in it, else ``group N``.

    Raises:
        BadInputError: not a zip, a damaged zip or ROI.
    """
    return read_rows(path, image=image, groups=groups)[0]


def read_rows(
    path: str | PathLike[str],
    *,
    image: ImageInfo | None = None,
    groups: Mapping[int, str] | None = None,
) -> tuple[Detections, list[int]]:
    """Read as :func:`read` does, and return which of the file's ROIs (from 0) each object is."""
    file = existing_file(path)
    known: dict[str, Any] = {}
    return _detections(file, _decode(file, known), image, groups, known)


def _detections(
    file: Path,
    rois: Iterable[tuple[str, roifile.ImagejRoi]],
    image: ImageInfo | None,
    groups: Mapping[int, str] | None,
    known: Mapping[str, Any],
) -> tuple[Detections, list[int]]:
    """Make objects of named ROIs; `known` holds the zip's comment once they are read."""
    areas: list[EnclosedArea] = []
    records: list[dict[str, Any]] = []
    left_out: dict[str, list[str]] = {}
    rows: list[int] = []
    for row, (name, roi) in enumerate(rois):
        kind = kind_without_area(roi)
        area = _area(file, name, roi) if kind is None else None
        if area is None or area.outline.is_empty:
            left_out.setdefault(kind or _NO_AREA, []).append(roi.name or name)
            continue
        areas.append(area)
        records.append(_record(name, roi))
        rows.append(row)
    _check_nuclei(file, records)
    _classify_by_group(records, groups or {})
    info = image or ImageInfo.from_json(known.get("image"))
    for record in records:
        if position := record.pop(_STACK_POSITION, 0):
            record["c"], record["z"], record["t"] = plane_of(position, info)
    if left_out:
        names = [name for of in left_out.values() for name in of]
        log.warning(
            "%s: %d ROIs are no areas of objects and were left out: %s (%s)",
            file,
            len(names),
            ", ".join(f"{len(of)} x {kind}" for kind, of in left_out.items()),
            ", ".join(names[:_FEW_NAMES]) + (" …" if len(names) > _FEW_NAMES else ""),
        )
    with errors_of(file):
        found = Detections.from_records(
            with_imagej_pixels(areas).tolist(),
            records,
            image=info,
            outline="star" if known.get("outline") == "star" else "traced",
        )
    return found, rows


def plane_of(position: int, image: ImageInfo) -> tuple[int, int, int]:
    """Return the plane that a position in a stack means.

    ImageJ calls an image with one of channels, slices and frames only no hyperstack, and stores the
    position of a ROI as one number from 1, channels first, then slices, then frames
    (``ImagePlus.convertIndexToPosition``). Only the image's dimensions tell what it means.

    Args:
        position: from 1.
        image: what is known of the image.

    Returns:
        Channel (-1: all), slice and time point, from 0. Where the position does not fit the image,
        or nothing is known of it, it counts slices.

    >>> plane_of(3, ImageInfo(channels=("DAPI", "488", "555")))
    (2, 0, 0)
    >>> plane_of(3, ImageInfo(size_t=5)), plane_of(3, ImageInfo())
    ((-1, 0, 2), (-1, 2, 0))
    """
    channels = max(len(image.channels), 1)
    rest, channel = divmod(position - 1, channels)
    time, slice_ = divmod(rest, image.size_z)
    if time >= image.size_t:
        return -1, position - 1, 0
    return channel if channels > 1 else -1, slice_, time


def roi_names(detections: Detections) -> list[str]:
    """Return the names of the objects in ImageJ, in their order."""
    frame = detections.objects
    return _unique_names(frame["label"].tolist(), frame["class"].tolist(), frame["name"].tolist())


def encode(
    detections: Detections, names: list[str] | None = None, *, push: str = ""
) -> list[bytes]:
    """Return each object as a ROI in ImageJ's format, in their order.

    Args:
        detections: the objects.
        names: their names in ImageJ; :func:`roi_names` where ``None``.
        push: as in :func:`write`.
    """
    return [data for _, data in _encode(detections, names=names, push=push)]


def read_pushes(path: str | PathLike[str]) -> frozenset[str]:
    """Return the names of the pushes that the ROIs of a file come from.

    ROIs that were drawn or updated since hold none.

    Args:
        path: a ``RoiSet.zip``, or a TIFF with an overlay.

    Raises:
        BadInputError: as :func:`read` and :func:`read_overlay`.
    """
    file = existing_file(path)
    named = _decode(file, {}) if file.suffix.lower() == ".zip" else _overlay(file)
    found = {dict(_properties(roi.props)).get(PUSH) for _, roi in named}
    return frozenset(push for push in found if push)


def read_overlay(
    path: str | PathLike[str],
    *,
    image: ImageInfo | None = None,
    groups: Mapping[int, str] | None = None,
) -> Detections:
    """Read the overlay of a TIFF that ImageJ, Fiji or starbridge saved.

    A selection that is active when ImageJ saves is not part of the overlay and is left out.

    Args:
        path: the TIFF.
        image: what is known of the image, where the file does not say.
        groups: names of ROI groups, as in :func:`read`.

    Raises:
        BadInputError: no TIFF of ImageJ, or a damaged overlay.
    """
    file = existing_file(path)
    named = (
        (dict(_properties(roi.props)).get(PREFIX + "roi_name", name), roi)
        for name, roi in _overlay(file)
    )
    return _detections(file, named, image, groups, {})[0]


def read_selection(path: str | PathLike[str], *, image: ImageInfo | None = None) -> Detections:
    """Read the selection of a TIFF that ImageJ or starbridge saved, as of one object's region.

    Args:
        path: the TIFF.
        image: what is known of the image, where the file does not say.

    Returns:
        One object, or none: no selection, or one without an area.

    Raises:
        BadInputError: no TIFF, or a damaged selection.
    """
    file = existing_file(path)
    data = (_imagej_metadata(file) or {}).get("ROI")
    named = [] if data is None else [("selection", _one_roi(file, "the selection", data))]
    return _detections(file, named, image, None, {})[0]


def _overlay(file: Path) -> list[tuple[str, roifile.ImagejRoi]]:
    """Return the ROIs of a TIFF's overlay, and names that say where they lie in it."""
    metadata = _imagej_metadata(file)
    if metadata is None:
        raise BadInputError(
            file, "was not saved by ImageJ, so it has no overlay", "in Fiji: File > Save As > Tiff…"
        )
    overlays = metadata.get("Overlays", [])
    entries = overlays if isinstance(overlays, list) else [overlays]
    return [
        (f"overlay {number}", _one_roi(file, f"number {number} of the overlay", data))
        for number, data in enumerate(entries, 1)
    ]


def _imagej_metadata(file: Path) -> dict[str, Any] | None:
    try:
        with tifffile.TiffFile(file) as tiff:
            return tiff.imagej_metadata
    except (tifffile.TiffFileError, ValueError, OSError, struct.error) as error:
        raise BadInputError(file, f"is no readable TIFF ({error})", "save it again") from error


def _comment(record: dict[str, Any]) -> bytes:
    """Return the zip's comment: invisible in ImageJ, and the only place for the image's size."""
    comment = json.dumps({"starbridge": record}).encode()
    return comment if len(comment) < 2**16 else b""


def _encode(
    detections: Detections,
    *,
    groups: bool = False,
    names: list[str] | None = None,
    push: str = "",
) -> Iterator[tuple[str, bytes]]:
    """Yield the name of each object and its ROI in ImageJ's format."""
    frame = detections.objects
    names = roi_names(detections) if names is None else names
    grouped = class_groups(frame["class"]) if groups else ()
    numbers = {name: number for number, name in enumerate(grouped, 1)}
    stack = detections.image.size_z > 1 or detections.image.size_t > 1
    stack = stack or bool(len(frame) and (frame["z"].max() > 0 or frame["t"].max() > 0))
    for start in range(0, len(frame), _BLOCK):
        block = frame.iloc[start : start + _BLOCK]
        block_names = names[start : start + _BLOCK]
        block_groups = [numbers.get(name, 0) for name in block["class"]]
        colors = _shown_colors(block, block_groups)
        grouped_colors = list(zip(block_groups, colors, strict=True))
        properties = _properties_of(block, detections, block_names, grouped_colors, push)
        positions = (block[["c", "z", "t"]].to_numpy() + 1) * [1, stack, stack]
        rois = [
            roifile.ImagejRoi(
                # A ROI has only 16 bits a character; the zip's entry has the name whole.
                name=name if _is_16_bit(name) else "",
                props=props,
                c_position=c,
                z_position=z,
                t_position=t,
                stroke_color=_stroke(color),
                group=group,
            )
            for name, props, (c, z, t), (group, color) in zip(
                block_names, properties, positions.tolist(), grouped_colors, strict=True
            )
        ]
        set_outlines(rois, block.geometry.to_numpy())
        yield from zip(block_names, (roi.tobytes() for roi in rois), strict=True)


def _shown_colors(block: gpd.GeoDataFrame, groups: list[int]) -> list[str | None]:
    """Return each object's own colour, else its class's; in a group every object needs one."""
    columns = [block[name].tolist() for name in ("color", "class_color", "class")]
    return [
        color or of_class or (class_color(class_name) if group else None)
        for color, of_class, class_name, group in zip(*columns, groups, strict=True)
    ]


@functools.lru_cache
def _stroke(color: str | None) -> bytes:
    return b"\xff" + bytes.fromhex(color[1:]) if color else roifile.ROI_COLOR_NONE


def _is_16_bit(name: str) -> bool:
    return name.isascii() or max(map(ord, name)) < 2**16


def _properties_of(
    block: gpd.GeoDataFrame,
    detections: Detections,
    names: list[str],
    grouped: list[tuple[int, str | None]],
    push: str,
) -> list[str]:
    """Return the properties of each object as lines, made property by property."""
    lines = [
        _lines(PREFIX + "id", block.index.tolist()),
        _number_lines(PREFIX + "label", block["label"]),
        _lines(PREFIX + "roi_name", names),
        *(_lines(PREFIX + key, block[key].tolist()) for key in _TEXTS),
        _number_lines(PREFIX + "prob", block["prob"], with_nan=False),
        _lines(
            PREFIX + "object_type",
            [None if kind == "detection" else kind for kind in block["object_type"]],
        ),
        _lines(GROUP, [str(group) if group else None for group, _ in grouped]),
        _lines(SHOWN_COLOR, [color[1:] if group and color else None for group, color in grouped]),
        _lines(PUSH, [push or None] * len(block)),
        _lines(PREFIX + "locked", ["true" if locked else None for locked in block["locked"]]),
    ]
    if "nucleus" in block.columns:
        nuclei = shapely.to_wkt(block["nucleus"].to_numpy(), rounding_precision=4)
        lines.append(_lines(PREFIX + "nucleus", nuclei.tolist()))
    for name in detections.measurements:
        lines.append(_number_lines(MEASUREMENT + quote(name, safe=""), block[name]))
    for name in detections.metadata:
        lines.append(_lines(METADATA + quote(name, safe=""), block[name].tolist()))
    return list(map("".join, zip(*lines, strict=True)))


def _lines(key: str, values: Iterable[Any]) -> list[str]:
    """Return a line an object, ``""`` where it has no value."""
    return ["" if value is None else f"{key}: {_quoted(value)}\n" for value in values]


def _number_lines(key: str, values: pd.Series[Any], *, with_nan: bool = True) -> list[str]:
    is_whole = values.to_numpy().dtype.kind in "iu"
    numbers = (values if is_whole else values.to_numpy(np.float64, na_value=np.nan)).tolist()
    return [f"{key}: {x!r}\n" if with_nan or x == x else "" for x in numbers]


def _quoted(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if _NEEDS_NO_QUOTES(text) else quote(text, safe=_SAFE)


def _unique_names(
    labels: list[int], classes: list[str | None], given: list[str | None]
) -> list[str]:
    """Return ROI names: the reviewer's, else label and class; unique, and safe as file names."""
    width = max(4, len(str(max(labels, default=0))))
    used: set[str] = set()
    names = []
    # The label in front keeps safe_name from stripping the beginning of the class.
    endings = {name: "" if name is None else safe_name(f"-{name}") for name in set(classes)}
    for label, class_name, name in zip(labels, classes, given, strict=True):
        number = f"{label:0{width}d}"
        if name is not None:
            stem = _file_name(name, number)
        else:
            stem = (number + endings[class_name])[:_MAX_NAME]
        unique, again = stem, 1
        while unique.lower() in used:
            again += 1
            unique = f"{stem}-{again}"
        used.add(unique.lower())
        names.append(unique)
    return names


def _file_name(name: str, fallback: str) -> str:
    return safe_name(name)[:_MAX_NAME] or fallback


def _decode(file: Path, known: dict[str, Any]) -> Iterator[tuple[str, roifile.ImagejRoi]]:
    """Yield the names and ROIs of a file; starbridge's comment of the zip goes into `known`."""
    if not file.name.lower().endswith(".zip"):
        yield file.stem, _one_roi(file, file.name, file.read_bytes())
        return
    try:
        with zipfile.ZipFile(file) as archive:
            try:
                note = json.loads(archive.comment or b"{}")
                if isinstance(note, dict) and isinstance(note.get("starbridge"), dict):
                    known.update(note["starbridge"])
            except (ValueError, RecursionError):
                pass
            entries = [e for e in archive.infolist() if e.filename.lower().endswith(".roi")]
            if not entries and not known:
                raise BadInputError(
                    file, "holds no ImageJ ROIs", "give a zip saved from Fiji's ROI Manager"
                )
            allowed = max(NEVER_TOO_LARGE, LARGEST_RATIO * file.stat().st_size)
            if sum(entry.file_size for entry in entries) > allowed:
                raise BadInputError(
                    file,
                    "unpacks to far more than an honest file of its size",
                    "do not trust this file",
                )
            for entry in entries:
                if entry.file_size > _MAX_ROI_BYTES:
                    raise BadInputError(
                        file,
                        f"its entry {entry.filename} claims {entry.file_size} bytes, "
                        "which no ROI has",
                        "do not trust this file",
                    )
                name = entry.filename.rpartition("/")[2][:-4]
                yield name, _one_roi(file, entry.filename, _unpack(file, archive, entry))
    except _ZIP_ERRORS as error:
        raise BadInputError(
            file, f"is not a readable zip ({error})", "save the ROIs again from the ROI Manager"
        ) from error


def _unpack(file: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    try:
        return archive.read(entry)
    except _ZIP_ERRORS as error:
        raise _damaged(file, entry.filename, error) from error


def _one_roi(file: Path, name: str, data: bytes) -> roifile.ImagejRoi:
    try:
        return roifile.ImagejRoi.frombytes(data)
    except Exception as error:  # roifile raises whatever its parsing runs into
        raise _damaged(file, name, error) from error


def _damaged(file: Path, name: str, error: Exception) -> BadInputError:
    problem = f"its ROI {name} is damaged ({error})"
    return BadInputError(file, problem, "save the ROIs again from the ROI Manager")


def _area(file: Path, name: str, roi: roifile.ImagejRoi) -> EnclosedArea | None:
    try:
        return area_of(roi)
    except ValueError as error:
        raise _damaged(file, name, error) from error


def _record(name: str, roi: roifile.ImagejRoi) -> dict[str, Any]:
    properties = dict(_properties(roi.props))
    record: dict[str, Any] = {
        "c": max(roi.c_position - 1, -1),
        "z": max(roi.z_position - 1, 0),
        "t": max(roi.t_position - 1, 0),
        "name": roi.name or name,
    }
    if roi.c_position == roi.z_position == roi.t_position == 0 and roi.position > 0:
        record[_STACK_POSITION] = roi.position
    if roi.stroke_color != roifile.ROI_COLOR_NONE and roi.stroke_color[0]:
        record["color"] = "#" + roi.stroke_color[1:].hex()
    if PREFIX + "id" in properties:
        _restore(record, properties)
    pushed = properties.get(GROUP, "")
    record[_GROUPS] = (roi.group, int(pushed) if pushed.isdigit() else 0)
    for key, value in properties.items():
        if key.startswith(MEASUREMENT):
            name = unquote(key[len(MEASUREMENT) :])
            record[measurement_column(name) if name in TAKEN else name] = _number(value)
        elif key.startswith(METADATA):
            name = unquote(key[len(METADATA) :])
            record[metadata_column(name) if name in TAKEN else name] = value
    return record


def _restore(record: dict[str, Any], properties: dict[str, str]) -> None:
    """Take back what :func:`write` kept, unless it was edited in ImageJ since."""
    record["id"] = properties[PREFIX + "id"]
    label = properties.get(PREFIX + "label", "")
    record["label"] = int(label) if label.isdigit() else 0
    shown = record["name"]
    if shown == properties.get(PREFIX + "roi_name"):
        record["name"] = properties.get(PREFIX + "name")
    record["prob"] = _number(properties.get(PREFIX + "prob", "nan"))
    record["locked"] = properties.get(PREFIX + "locked") == "true"
    for key in ("class", "class_color", "object_type"):
        if PREFIX + key in properties:
            record[key] = properties[PREFIX + key]
    renamed = _class_in_name(shown, record["label"], record.get("class"))
    if PREFIX + "name" not in properties and renamed is not None:
        # the name was made of label and class, and still is
        record["name"] = None
        if renamed != record.get("class"):
            record["class"], record["class_color"] = renamed, None
    color = properties.get(PREFIX + "color")
    shown_color = properties.get(SHOWN_COLOR)
    expected = {color or record.get("class_color"), shown_color and f"#{shown_color}"}
    if expected == {None}:
        expected.add(_UNCOLOURED)
    if record.get("color") in expected:
        record["color"] = color
    if PREFIX + "nucleus" in properties:
        with np.errstate(invalid="ignore"):  # said by areas_in
            nucleus = shapely.from_wkt(properties[PREFIX + "nucleus"], on_invalid="ignore")
        record["nucleus"] = nucleus


def _check_nuclei(file: Path, records: list[dict[str, Any]]) -> None:
    """Leave out nuclei that are no areas."""
    rows = [record for record in records if "nucleus" in record]
    nuclei = np.empty(len(rows), object)
    nuclei[:] = [record["nucleus"] for record in rows]
    found, is_area = areas_in(file, nuclei)
    for record, nucleus, keep in zip(rows, found, is_area, strict=True):
        record["nucleus"] = nucleus if keep else None


def _class_in_name(name: str, label: int, known: str | None) -> str | None:
    """Return the class in a name made of label and class; ``None`` if it is not made so.

    Args:
        name: the name of a ROI.
        label: its label.
        known: the class that it had.
    """
    number, dash, class_name = name.partition("-")
    if not (dash and number.isdecimal() and int(number) == label):
        return None
    # a name that is there already gets a number from ImageJ
    if known is not None and re.fullmatch(
        re.escape(_file_name(known, "")) + r"(-\d+)?", class_name
    ):
        return known
    return None if class_name.isdecimal() else class_name.strip() or None


def _classify_by_group(records: list[dict[str, Any]], names: Mapping[int, str]) -> None:
    """Give the objects whose ROI group was changed the class of their new group."""
    classes: dict[int, str] = {}
    for record in records:
        group, pushed = record[_GROUPS]
        if group and group == pushed and record.get("class") is not None:
            classes.setdefault(group, record["class"])
    colors = {record.get("class"): record.get("class_color") for record in records}
    for record in records:
        group, pushed = record.pop(_GROUPS)
        if group == pushed:
            continue
        record["class"] = names.get(group, classes.get(group, f"group {group}")) if group else None
        record["class_color"] = colors.get(record["class"])
        record["color"] = None  # ImageJ gave it the group's


def _properties(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        key, value = key.strip(), value.strip()
        if colon and key.startswith(PREFIX):
            yield key, unquote(value)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
