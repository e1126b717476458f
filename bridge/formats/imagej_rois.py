"""ImageJ ROIs: ``RoiSet.zip`` and single ``.roi`` files, as the ROI Manager opens and saves them.

The byte format is ImageJ's own (ij.io.RoiEncoder and RoiDecoder), written and read by `roifile`.
What a ROI cannot hold by itself (UUID, class, probability, measurements) goes into its properties,
``key: value`` lines that ImageJ keeps when it saves. Keys and values are percent-encoded, because
ImageJ reads these lines with Java's escapes and writes them without.
"""

from __future__ import annotations

import json
import logging
import math
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
import roifile
import shapely
import tifffile
from numpy.typing import NDArray

from bridge.atomic import writing
from bridge.colors import class_color
from bridge.detections import Detections
from bridge.errors import BadInputError
from bridge.file_names import safe_name
from bridge.formats import existing_file
from bridge.image_info import ImageInfo
from bridge.outlines.rings import region

log = logging.getLogger(__name__)

PREFIX = "starbridge."
MEASUREMENT = "starbridge.measurement."
METADATA = "starbridge.metadata."
GROUP = "starbridge.group"
SHOWN_COLOR = "starbridge.shown_color"
"""Of a ROI in a group: the colour that it is to be shown in, since ImageJ gives it the group's."""

_INT16_MAX = 32_767
_MAX_VERTICES = 65_535
_MAX_GROUP = 255
_MAX_ROI_BYTES = 256 * 2**20
_UNCOLOURED = "#ffff00"  # what ImageJ gives composite ROIs without a colour
_GROUPS = "groups"  # of a record, until its class is known
_MOVE, _LINE, _CLOSE = 0.0, 1.0, 4.0
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
_AREAS = (
    roifile.ROI_TYPE.POLYGON,
    roifile.ROI_TYPE.FREEHAND,
    roifile.ROI_TYPE.TRACED,
    roifile.ROI_TYPE.RECT,
    roifile.ROI_TYPE.OVAL,
)


def class_groups(classes: Iterable[str | None]) -> tuple[str, ...]:
    """The classes that become ROI groups 1, 2, …: sorted, as many as ImageJ's ROIs can tell apart.

    Args:
        classes: the class of each object.
    """
    return tuple(sorted({name for name in classes if name is not None}))[:_MAX_GROUP]


def write(detections: Detections, path: str | PathLike[str], *, groups: bool = False) -> None:
    """Write a ``RoiSet.zip`` (or, for one object, a ``.roi``).

    ROIs are called by their label and class (``0007-neuron``), or as the reviewer called them.

    Traced outlines become polygons of whole numbers, star outlines subpixel polygons, objects with
    holes or several pieces composite ROIs. Coordinates beyond 32,767 are written as floats: whole
    numbers would overflow. Positions are 1-based; 0 means "every channel". Names are unique and
    safe as file names.

    Args:
        detections: the objects.
        path: ``.zip`` or ``.roi``.
        groups: put each class into the ROI group that :func:`class_groups` gives it. ImageJ then
            shows the groups' colours, not the classes', unless it is told otherwise.

    Raises:
        BadInputError: a ``.roi`` for more or fewer than one object; the file cannot be written.
    """
    rois = list(_encode(detections, groups=groups))
    if str(path).lower().endswith(".roi"):
        if len(rois) != 1:
            raise BadInputError(path, f"a .roi file holds one object, not {len(rois)}", "use .zip")
        with writing(path) as part:
            part.write_bytes(rois[0][1])
        return
    with (
        writing(path) as part,
        zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        record = {"image": detections.image.to_json(), "outline": detections.outline}
        archive.comment = _comment(record)
        for name, data in rois:
            entry = zipfile.ZipInfo(f"{name}.roi", _ZIP_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)


def read(
    path: str | PathLike[str],
    *,
    image: ImageInfo | None = None,
    groups: Mapping[int, str] | None = None,
) -> Detections:
    """Read a ``RoiSet.zip`` or a ``.roi``, written by starbridge, ImageJ, StarDist or others.

    A reviewer in ImageJ has two ways to change the class of an object: give it another ROI group,
    or another name behind its label (``0007-neuron`` → ``0007-glia``).

    Polygons, freehand and traced outlines, rectangles, ovals and composites with holes are taken;
    lines, points and angles enclose no area and are left out with a warning.

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
    """Read as :func:`read` does, and say which of the file's ROIs (from 0) each object is."""
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
    """Objects of named ROIs; `known` is what the file says beyond them, once they are read."""
    geometries: list[Any] = []
    records: list[dict[str, Any]] = []
    left_out: list[str] = []
    rows: list[int] = []
    for row, (name, roi) in enumerate(rois):
        geometry = _geometry(roi)
        if geometry is None or geometry.is_empty:
            left_out.append(name)
            continue
        geometries.append(geometry)
        records.append(_record(name, roi))
        rows.append(row)
    _classify_by_group(records, groups or {})
    if left_out:
        log.warning(
            "%s: %d ROIs enclose no area and were left out: %s",
            file,
            len(left_out),
            ", ".join(left_out[:5]) + (" …" if len(left_out) > 5 else ""),
        )
    found = Detections.from_records(
        geometries,
        records,
        image=image or ImageInfo.from_json(known.get("image")),
        outline="star" if known.get("outline") == "star" else "traced",
    )
    return found, rows


def roi_names(detections: Detections) -> list[str]:
    """What the objects are called in ImageJ, in their order."""
    frame = detections.objects
    return _unique_names(frame["label"].tolist(), frame["class"].tolist(), frame["name"].tolist())


def encode(detections: Detections) -> list[bytes]:
    """The objects as single ROIs in ImageJ's format, in their order."""
    return [data for _, data in _encode(detections)]


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
    try:
        with tifffile.TiffFile(file) as tiff:
            metadata = tiff.imagej_metadata
    except (tifffile.TiffFileError, ValueError, OSError) as error:
        raise BadInputError(file, f"is no readable TIFF ({error})", "save it again") from error
    if metadata is None:
        raise BadInputError(
            file, "was not saved by ImageJ, so it has no overlay", "in Fiji: File > Save As > Tiff…"
        )
    overlays = metadata.get("Overlays", [])
    entries = overlays if isinstance(overlays, list) else [overlays]
    rois = [
        _one_roi(file, f"number {number} of the overlay", data)
        for number, data in enumerate(entries, 1)
    ]
    named = (
        (dict(_properties(roi.props)).get(PREFIX + "roi_name", f"overlay {number}"), roi)
        for number, roi in enumerate(rois, 1)
    )
    return _detections(file, named, image, groups, {})[0]


def _comment(record: dict[str, Any]) -> bytes:
    """The zip's comment: invisible in ImageJ, and the only place for the image's size."""
    comment = json.dumps({"starbridge": record}).encode()
    return comment if len(comment) < 2**16 else b""


def _encode(detections: Detections, *, groups: bool = False) -> Iterator[tuple[str, bytes]]:
    frame = detections.objects
    names = roi_names(detections)
    grouped = class_groups(frame["class"]) if groups else ()
    numbers = {name: number for number, name in enumerate(grouped, 1)}
    stack = detections.image.size_z > 1 or detections.image.size_t > 1
    stack = stack or bool(len(frame) and (frame["z"].max() > 0 or frame["t"].max() > 0))
    extras = [(MEASUREMENT, c) for c in detections.measurements]
    extras += [(METADATA, c) for c in detections.metadata]
    fields = ("label", "prob", "class", "object_type", "name", "color", "locked", "c", "z", "t")
    columns = {f: frame[f].tolist() for f in (*fields, "class_color")}
    extra_columns = [(prefix + quote(c, safe=""), frame[c].tolist()) for prefix, c in extras]
    nuclei = frame["nucleus"].tolist() if "nucleus" in frame.columns else None
    for row, (identity, geometry) in enumerate(zip(frame.index, frame.geometry, strict=True)):
        roi = _shape(geometry)
        # roifile cuts names of characters beyond 16 bits short; the zip's entry has it whole
        roi.name = names[row] if max(map(ord, names[row]), default=0) < 2**16 else ""
        roi.c_position = columns["c"][row] + 1
        if stack:
            roi.z_position = columns["z"][row] + 1
            roi.t_position = columns["t"][row] + 1
        color = columns["color"][row] or columns["class_color"][row]
        group = numbers.get(columns["class"][row], 0)
        if group and not color:
            color = class_color(columns["class"][row])
        if color:
            roi.stroke_color = b"\xff" + bytes.fromhex(color[1:])
        properties: dict[str, Any] = {
            PREFIX + "id": identity,
            PREFIX + "label": columns["label"][row],
            PREFIX + "roi_name": names[row],
        }
        for key in ("class", "name", "color", "class_color"):
            if columns[key][row] is not None:
                properties[PREFIX + key] = columns[key][row]
        if not math.isnan(columns["prob"][row]):
            properties[PREFIX + "prob"] = columns["prob"][row]
        if columns["object_type"][row] != "detection":
            properties[PREFIX + "object_type"] = columns["object_type"][row]
        if group:
            roi.group = group
            properties[GROUP] = group
            properties[SHOWN_COLOR] = color[1:]
        if columns["locked"][row]:
            properties[PREFIX + "locked"] = "true"
        if nuclei is not None and nuclei[row] is not None:
            properties[PREFIX + "nucleus"] = shapely.to_wkt(nuclei[row], rounding_precision=4)
        for key, values in extra_columns:
            value = values[row]
            if value is not None:
                properties[key] = value
        roi.props = "".join(f"{k}: {_quoted(v)}\n" for k, v in properties.items())
        yield names[row], roi.tobytes()


def _quoted(value: Any) -> str:
    return quote(value if isinstance(value, str) else repr(value), safe="-_.~")


def _unique_names(
    labels: list[int], classes: list[str | None], given: list[str | None]
) -> list[str]:
    """A name a ROI: the reviewer's, else label and class; unique, and safe as a file name."""
    width = max(4, len(str(max(labels, default=0))))
    used: set[str] = set()
    names = []
    for label, class_name, name in zip(labels, classes, given, strict=True):
        number = f"{label:0{width}d}"
        if name is not None:
            stem = _file_name(name, number)
        elif class_name is not None:
            stem = _file_name(f"{number}-{class_name}", number)
        else:
            stem = number
        unique, again = stem, 1
        while unique.lower() in used:
            again += 1
            unique = f"{stem}-{again}"
        used.add(unique.lower())
        names.append(unique)
    return names


def _file_name(name: str, otherwise: str) -> str:
    return safe_name(name)[:100] or otherwise


def _shape(geometry: Any) -> roifile.ImagejRoi:
    rings = [
        np.asarray(ring.coords)[:-1]
        for polygon in getattr(geometry, "geoms", [geometry])
        if not polygon.is_empty
        for ring in (polygon.exterior, *polygon.interiors)
    ]
    roi = roifile.ImagejRoi()
    if not rings:
        return roi
    low = np.min([ring.min(axis=0) for ring in rings], axis=0)
    high = np.max([ring.max(axis=0) for ring in rings], axis=0)
    roi.left, roi.top = (_clipped(math.floor(v)) for v in low)
    roi.right, roi.bottom = (_clipped(math.ceil(v)) for v in high)
    if len(rings) > 1 or len(rings[0]) > _MAX_VERTICES:
        roi.roitype = roifile.ROI_TYPE.RECT
        roi.multi_coordinates = np.concatenate([_path(ring) for ring in rings])
        roi.shape_roi_size = len(roi.multi_coordinates)
        return roi
    xy = rings[0]
    roi.roitype = roifile.ROI_TYPE.POLYGON
    roi.n_coordinates = len(xy)
    whole = bool((xy == np.round(xy)).all()) and bool((np.abs(xy) <= _INT16_MAX).all())
    origin = (roi.left, roi.top)
    roi.integer_coordinates = np.clip(np.round(xy) - origin, 0, _INT16_MAX).astype(np.int32)
    if not whole:
        roi.options = roifile.ROI_OPTIONS.SUB_PIXEL_RESOLUTION
        roi.subpixel_coordinates = xy.astype(np.float32)
    return roi


def _clipped(value: int) -> int:
    """The box of the header is 16 bits wide; beyond it the float coordinates speak."""
    return max(-_INT16_MAX - 1, min(_INT16_MAX, value))


def _path(ring: NDArray[np.float64]) -> NDArray[np.float32]:
    path = np.empty((len(ring), 3), np.float32)
    path[:, 0] = _LINE
    path[0, 0] = _MOVE
    path[:, 1:] = ring
    return np.append(path.ravel(), np.float32(_CLOSE))


def _decode(file: Path, known: dict[str, Any]) -> Iterator[tuple[str, roifile.ImagejRoi]]:
    """Names and ROIs of a file; what starbridge noted in the zip's comment goes into `known`."""
    if not file.name.lower().endswith(".zip"):
        yield file.stem, _one_roi(file, file.name, file.read_bytes())
        return
    try:
        with zipfile.ZipFile(file) as archive:
            try:
                note = json.loads(archive.comment or b"{}")
                if isinstance(note, dict) and isinstance(note.get("starbridge"), dict):
                    known.update(note["starbridge"])
            except ValueError:
                pass
            entries = [e for e in archive.infolist() if e.filename.lower().endswith(".roi")]
            if not entries and not known:
                raise BadInputError(
                    file, "holds no ImageJ ROIs", "give a zip saved from Fiji's ROI Manager"
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
                yield name, _one_roi(file, entry.filename, archive.read(entry))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise BadInputError(
            file, f"is not a readable zip ({error})", "save the ROIs again from the ROI Manager"
        ) from error


def _one_roi(file: Path, name: str, data: bytes) -> roifile.ImagejRoi:
    try:
        return roifile.ImagejRoi.frombytes(data)
    except Exception as error:  # roifile raises whatever its parsing runs into
        raise BadInputError(
            file, f"its ROI {name} is damaged ({error})", "save the ROIs again from the ROI Manager"
        ) from error


def _geometry(roi: roifile.ImagejRoi) -> Any:
    if roi.roitype not in _AREAS:
        return None
    if roi.multi_coordinates is not None:
        return region(roi.coordinates(multi=True))
    if roi.roitype in (roifile.ROI_TYPE.RECT, roifile.ROI_TYPE.OVAL):
        left, top = float(roi.left), float(roi.top)
        width, height = float(roi.right - roi.left), float(roi.bottom - roi.top)
        if roi.subpixelrect:
            left, top, width, height = roi.xd, roi.yd, roi.widthd, roi.heightd
        if roi.roitype == roifile.ROI_TYPE.RECT:
            return region([shapely.box(left, top, left + width, top + height).exterior.coords])
        return region([_ellipse(left, top, width, height)])
    return region([roi.coordinates()])


def _ellipse(left: float, top: float, width: float, height: float) -> NDArray[np.float64]:
    """Vertices at most 0.02 px off the curve."""
    radius = max(width, height, 1.0) / 2
    n = max(32, math.ceil(math.pi / math.acos(1 - min(0.02 / radius, 1.0))))
    angle = np.linspace(0, 2 * np.pi, n, endpoint=False)
    x = left + width / 2 * (1 + np.cos(angle))
    y = top + height / 2 * (1 + np.sin(angle))
    return np.stack([x, y], axis=1)


def _record(name: str, roi: roifile.ImagejRoi) -> dict[str, Any]:
    properties = dict(_properties(roi.props))
    record: dict[str, Any] = {
        "c": max(roi.c_position - 1, -1),
        "z": max(roi.z_position - 1, 0),
        "t": max(roi.t_position - 1, 0),
        "name": roi.name or name,
    }
    if roi.c_position == roi.z_position == roi.t_position == 0 and roi.position > 0:
        record["z"] = roi.position - 1
    if roi.stroke_color != roifile.ROI_COLOR_NONE and roi.stroke_color[0]:
        record["color"] = "#" + roi.stroke_color[1:].hex()
    if PREFIX + "id" in properties:
        _restore(record, properties)
    pushed = properties.get(GROUP, "")
    record[_GROUPS] = (roi.group, int(pushed) if pushed.isdigit() else 0)
    for key, value in properties.items():
        if key.startswith(MEASUREMENT):
            record[unquote(key[len(MEASUREMENT) :])] = _number(value)
        elif key.startswith(METADATA):
            record[unquote(key[len(METADATA) :])] = value
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
        record["nucleus"] = shapely.from_wkt(properties[PREFIX + "nucleus"], on_invalid="ignore")


def _class_in_name(name: str, label: int, known: str | None) -> str | None:
    """The class in a name made of label and class; ``None`` if it is not made so.

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
    """Give those whose ROI group was changed the class of their new group."""
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
        if colon and key.strip().startswith(PREFIX):
            yield key.strip(), unquote(value.strip())


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
