"""Write the image region of every annotation, for training.

``groovy/export_annotations.groovy`` writes the same files from inside QuPath: the same names,
numbers, pixels and objects.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from bridge.apps.qupath.shown_image import ShownImage, open_shown
from bridge.apps.qupath.sync import Review
from bridge.detections import Detections
from bridge.errors import BadInputError
from bridge.files.atomic import write_bytes
from bridge.files.hashing import file_hash
from bridge.formats.geojson import DECIMALS, PROBABILITY
from bridge.formats.imagej_rois import encode
from bridge.formats.markers import make_markers, marker_features, marker_rois, select_markers
from bridge.formats.naming.crops import class_text, crop_name, square_brackets
from bridge.formats.qupath_export import region_box
from bridge.images import from_array
from bridge.images.hyperstack import write_hyperstack
from bridge.review.results import select_objects
from bridge.review.rows import concat_tables, is_number, texts

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

GEOJSONS, ROIS, REGIONS = "export/geojsons", "export/ROIs", "export/ROIsTif"
"""Folders of the training set."""

_AREAS = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)
_OF_TABLES = ("annotation", "annotation class")


@dataclass(frozen=True, kw_only=True)
class Crops:
    """The training set of one image.

    Attributes:
        files: relative paths by key: ``annotations geojson``, ``annotations rois`` and, for each
            annotation with an area in the image, ``crop 1``, …
        notes: sentences for the user.
        hashes: SHA-256 of each file, by its relative path.
    """

    files: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    hashes: dict[str, str] = field(default_factory=dict)


def write_crops(
    review: Review,
    name: str,
    folder: str | PathLike[str],
    *,
    only: str | None = None,
    classes: Collection[str] | None = None,
) -> Crops:
    """Write the annotations of one image, and the image region of each that has an area.

    All is as QuPath shows the image: where that is its file rotated, cropped or rescaled, regions
    and outlines are so too.

    Annotations are numbered by time point, slice, and from top to bottom; lines and points have
    their number too. A region is cut to the image, has all channels, and the outline as ImageJ's
    selection.

    Args:
        review: the review.
        name: the beginning of the file names.
        folder: the folder for all files.
        only: as in :func:`bridge.review.results.select_objects`; another choice than annotations
            leaves no crops.
        classes: only annotations of these classes.

    Returns:
        The files: ``export/geojsons/NAME.geojson``, ``export/ROIs/NAME_rois.zip`` and
        ``export/ROIsTif/NAME (Class)_001.tif``, as
        :func:`bridge.formats.naming.crops.crop_name` names regions; none without annotations.

    Raises:
        BadInputError: the image's file is missing, cannot be read, or is not what QuPath shows
            (several files, or a part of one, in one image); a file cannot be written.
    """
    if only not in (None, "annotations"):
        return Crops(notes=(f"no crops: --only {only} leaves the annotations out",))
    annotations = _sorted_annotations(review, classes)
    if not len(annotations):
        return Crops()
    out = Path(folder)
    files = {
        "annotations geojson": f"{GEOJSONS}/{name}.geojson",
        "annotations rois": f"{ROIS}/{name}_rois.zip",
    }
    outside, cut = [], []
    with open_shown(review.image) as image:
        review = _as_shown(review)
        _check_size(review, image)
        annotations = _sorted_annotations(review, classes)
        kinds = annotations["class"].tolist()
        titles = [f"{class_text(kind)} {number:03d}" for number, kind in enumerate(kinds, 1)]
        _write_geojson(review, annotations, name, out / files["annotations geojson"])
        _write_rois(review, annotations, titles, out / files["annotations rois"])
        pixel_size = image.pixel_size or review.detections.image.pixel_size
        is_area = np.isin(shapely.get_type_id(annotations.geometry.to_numpy()), _AREAS)
        for row in np.flatnonzero(is_area):
            annotation, title = annotations.iloc[[row]], titles[row]
            left, top, right, bottom = region_box(annotation.geometry.iloc[0])
            x0, y0 = max(left, 0), max(top, 0)
            x1, y1 = min(right, image.width), min(bottom, image.height)
            if y1 <= y0 or x1 <= x0:
                outside.append(title)
                continue
            if (x0, y0, x1, y1) != (left, top, right, bottom):
                cut.append(title)
            plane = int(annotation["z"].iloc[0]), int(annotation["t"].iloc[0])
            crop = from_array(
                read_region(image, (x0, y0, x1, y1), *plane),
                axes="CYX",
                pixel_size=pixel_size,
                channels=image.channels,
                name=name,
            )
            number = int(row) + 1
            files[f"crop {number}"] = f"{REGIONS}/{crop_name(name, kinds[row], number)}.tif"
            write_hyperstack(
                crop, out / files[f"crop {number}"], selection=_selection(annotation, x0, y0)
            )
    notes = []
    if outside:
        notes.append(f"outside the image, so without a region: {', '.join(outside)}")
    if cut:
        notes.append(f"partly outside the image, and cut to it: {', '.join(cut)}")
    hashes = {file: file_hash(out / file) or "" for file in files.values()}
    return Crops(files=files, notes=tuple(notes), hashes=hashes)


def find_crops(name: str, folder: Path) -> list[str]:
    """Return the paths of all files that a training set of an image has in a folder.

    Regions are also found under the name that they had before: ``NAME [Class] 001.tif``.

    Args:
        name: the beginning of the file names.
        folder: the folder that :func:`write_crops` got.
    """
    start = re.escape(square_brackets(name))
    regions = re.compile(
        rf"{start} \([^()]*\)_\d{{3,}}\.tif|{re.escape(name)} \[[^\]]*\] \d{{3,}}\.tif"
    )
    place = folder / REGIONS
    found = [
        f"{REGIONS}/{file.name}" for file in place.glob("*.tif") if regions.fullmatch(file.name)
    ]
    others = (f"{GEOJSONS}/{name}.geojson", f"{ROIS}/{name}_rois.zip")
    return [*(file for file in others if (folder / file).is_file()), *sorted(found)]


def read_region(image: ShownImage, box: tuple[int, int, int, int], z: int, t: int) -> Any:
    """Return the pixels (CYX) of a region (left, top, right, bottom) of one slice and time point.

    Raises:
        BadInputError: the image has no such plane, or cannot be read.
    """
    left, top, right, bottom = box
    planes = [
        image.plane(channel, z=z, t=t)[top:bottom, left:right]
        for channel in range(len(image.channels))
    ]
    return np.stack(planes)


def _sorted_annotations(review: Review, classes: Collection[str] | None) -> GeoDataFrame:
    """Return the annotations in the order of their numbers, points and lines too."""
    areas = select_objects(review.detections, only="annotations", classes=classes).objects
    frame = areas.drop(columns=["label", "nucleus"], errors="ignore")
    frame = frame.rename(columns={"prob": PROBABILITY})
    if review.markers is not None and len(review.markers):
        marked = review.markers.drop(columns=[*_OF_TABLES], errors="ignore")
        wanted = None if classes is None else list(classes)
        frame = concat_tables([frame, select_markers(marked, ("annotation",), wanted)])
        for column in frame.columns.difference(["geometry"]):
            if not is_number(frame[column]):
                words = pd.Series(texts(frame[column]), index=frame.index, dtype=object)
                frame[column] = words
    if not len(frame):
        return make_markers([], [])
    bounds = np.round(shapely.bounds(frame.geometry.to_numpy()), DECIMALS)
    keys = zip(frame["t"], frame["z"], bounds[:, 1], bounds[:, 0], frame.index, strict=True)
    order = sorted(enumerate(keys), key=lambda pair: pair[1])
    return frame.iloc[[row for row, _ in order]]


def _as_shown(review: Review) -> Review:
    """Return a review in the coordinates in which QuPath shows the image."""
    transform = review.image.transform
    return replace(
        review,
        detections=transform.detections_to_shown(review.detections),
        markers=None if review.markers is None else transform.table_to_shown(review.markers),
    )


def _check_size(review: Review, image: ShownImage) -> None:
    shown = (review.detections.image.width, review.detections.image.height)
    if shown[0] is not None and shown != (image.width, image.height):
        raise BadInputError(
            review.image.paths[0],
            f"is {image.width} x {image.height} px, and what QuPath shows of it is "
            f"{shown[0]} x {shown[1]} px",
            "export the image from QuPath",
        )


def _write_geojson(review: Review, annotations: GeoDataFrame, name: str, path: Path) -> None:
    info = review.detections.image
    image: dict[str, Any] = {
        "name": name,
        "width": info.width,
        "height": info.height,
        "size_z": info.size_z,
        "size_t": info.size_t,
        "channels": list(info.channels),
    }
    if info.pixel_size is not None:
        image["pixel_size"] = {"x": info.pixel_size.x, "y": info.pixel_size.y}
    if not review.image.transform.keeps_frame:
        image["coordinates"] = "shown"
    features = []
    for feature in marker_features(annotations):
        values = feature["properties"]["measurements"]
        # A table has each measurement in every row: which were never measured it does not say.
        known = {key: value for key, value in values.items() if value != "NaN"}
        features.append({**feature, "properties": {**feature["properties"], "measurements": known}})
    document = {
        "type": "FeatureCollection",
        "starbridge": {"image": image},
        "features": features,
    }
    write_bytes(path, json.dumps(document, ensure_ascii=False).encode())


def _write_rois(review: Review, annotations: GeoDataFrame, titles: list[str], path: Path) -> None:
    """Write a ROI an annotation, named by its title in the zip."""
    info, taken = review.detections.image, set[str]()
    path.parent.mkdir(parents=True, exist_ok=True)
    entries: list[tuple[str, bytes]] = []
    for row, title in enumerate(titles):
        annotation = annotations.iloc[[row]]
        if annotation.geom_type.iloc[0].endswith("Polygon"):
            shown = annotation["name"].iloc[0] or title
            entries.append((title, encode(_as_detections(annotation, info), [shown])[0]))
            continue
        named = annotation.assign(name=annotation["name"].fillna(title))
        parts = [data for _, data in marker_rois(named, info, taken)]
        for number, data in enumerate(parts, 1):
            entries.append((title if number == 1 else f"{title}-{number}", data))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for entry, data in entries:
            archive.writestr(zipfile.ZipInfo(f"{entry}.roi"), data)
    write_bytes(path, stream.getbuffer())


def _selection(annotation: GeoDataFrame, left: int, top: int) -> bytes:
    """Return the outline of one annotation as an ImageJ ROI in its region."""
    moved = annotation.assign(geometry=annotation.geometry.translate(-left, -top), z=0, t=0)
    return encode(_as_detections(moved))[0]


def _as_detections(annotation: GeoDataFrame, info: Any = None) -> Detections:
    frame = annotation.rename(columns={PROBABILITY: "prob"}).assign(label=1)
    objects = Detections(frame)
    return objects if info is None else replace(objects, image=info)
