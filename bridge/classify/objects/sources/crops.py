"""Classed objects from crops: an image an object, its class in its name or that of its folder.

orgaSeg sorts crops into a folder a class, and takes the class from the round bracket of a name
(:mod:`bridge.formats.naming.crops`). Crops that starbridge wrote are listed in ``crops.csv``, with
their classes as they are called. In an export of QuPath the classes and outlines are those of its
annotations (:mod:`bridge.formats.qupath_export`).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

import numpy as np
import shapely

from bridge.classify.objects.classed_images import (
    ClassedImage,
    Note,
    OnError,
    group_of,
    ignore_note,
)
from bridge.classify.objects.sources.options import ReadOptions
from bridge.detections import Detections
from bridge.errors import BadInputError, StarbridgeError
from bridge.formats import format_of
from bridge.formats.imagej_rois import read_selection
from bridge.formats.naming import natural_key
from bridge.formats.naming.crops import class_in_name, class_text, image_in_name
from bridge.formats.pairing import objects_of
from bridge.images import find_images, image_name, open_image
from bridge.images.info import ImageInfo
from bridge.images.names import IMAGE_ENDINGS

LIST = "crops.csv"
"""Name of the list of crops: columns ``image_name`` (the last parts of the path) and ``label``."""

_LEARNED, _TEST = ("train", "training", "val", "valid", "validation"), "test"


def read_crops(
    place: Path,
    options: ReadOptions,
    *,
    note: Note = ignore_note,
    on_error: OnError | None = None,
) -> Iterator[ClassedImage]:
    """Read crops of objects and their classes.

    The outline of a crop's object is that of the largest of ``options.objects`` in it, where they
    are given; else its selection in ImageJ, as ``starbridge qupath pull --crops`` and ``classes
    crops`` save it; else the whole crop.

    Args:
        place: a folder of crops with their class in brackets in their names, as QuPath, orgaSeg and
            ``starbridge qupath pull --crops`` write them; or of a folder a class; each also divided
            into ``train``, ``val`` and ``test``, of which the last is left out.
        options: what is read.
        note: called with sentences for the user.
        on_error: called with the error of a crop, which is left out; where ``None``, the first
            such error is raised.

    Yields:
        The crops that have a class.

    Raises:
        BadInputError: no crop has a class, or what ``on_error`` does not take.
    """
    if is_divided(place) and (place / _TEST).is_dir():
        note(f"{place}: the crops in {_TEST} are not learned")
    found = list(_named(place))
    if not found:
        raise BadInputError(
            place,
            "has no crops with a class",
            "name them NAME (class)_001.tif or sort them into folders; for objects of whole "
            "images, give --images",
        )
    unnamed = sum(name is None for _, name in found)
    if unnamed:
        note(f"{place}: {unnamed} crops have no class and are left out")
    if unnamed == len(found):
        raise BadInputError(
            place, "has crops, and no class in their names", "name them NAME (class)_001.tif"
        )
    for path, name in found:
        if name is None or (options.classes and name not in options.classes):
            continue
        try:
            yield _read_crop(path, name, options)
        except StarbridgeError as error:
            if on_error is None:
                raise
            on_error(error)


def whole_image(width: int, height: int) -> shapely.Polygon:
    """Return the outline of an image as a whole, in corner-origin pixels.

    >>> whole_image(4, 3).area
    12.0
    """
    return shapely.box(0, 0, width, height)


def read_crop_objects(path: Path, options: ReadOptions) -> tuple[Detections, str]:
    """Read the object of a crop.

    Args:
        path: the crop.
        options: what is read; ``objects`` are files of outlines, called as the crops.

    Returns:
        The one object, and the crop's name.

    Raises:
        BadInputError: the crop cannot be read, or has no outline where outlines are given.
    """
    with open_image(path, axes=options.axes, pixel_size=options.pixel_size) as image:
        info = image.info
        if not options.objects:
            selected = _selection(path, info)
            if selected is not None:
                return selected, image.name
            outline = whole_image(image.width, image.height)
            return Detections.from_polygons([outline], image=info), image.name
    file = objects_of(path, options.objects)
    detections: Detections = format_of(file).read(file, image=info)
    if not len(detections):
        raise BadInputError(file, f"has no outline for {path.name}", "draw one")
    largest = detections.objects.iloc[[int(np.argmax(detections.objects.area.to_numpy()))]]
    return Detections(largest, detections.image, detections.outline), info.name


def _selection(path: Path, info: ImageInfo) -> Detections | None:
    """Return the object that is selected in a TIFF of ImageJ, ``None`` where none is."""
    if not path.name.lower().endswith((".tif", ".tiff")):
        return None
    selected = read_selection(path, image=info)
    return selected if len(selected) == 1 else None


def is_divided(place: Path) -> bool:
    """Return whether crops lie in the folders ``train``, ``val`` and ``test``."""
    return any((place / name).is_dir() for name in (*_LEARNED, _TEST))


def _named(place: Path) -> Iterator[tuple[Path, str | None]]:
    """Yield the crops of a folder with their classes: of the folder itself, and of those in it."""
    if not place.is_dir():
        for path in find_images([place]):
            yield path, class_in_name(image_name(path))
        return
    listed = _listed(place)
    if is_divided(place):
        for name in _LEARNED:
            if (place / name).is_dir():
                yield from _in_folder(place / name, listed)
        return
    yield from _in_folder(place, listed)


def _in_folder(place: Path, listed: Mapping[str, str]) -> Iterator[tuple[Path, str | None]]:
    files = sorted(place.iterdir(), key=lambda path: natural_key(path.name))
    for path in files:
        if path.is_file() and _is_image(path):
            yield path, _called(class_in_name(image_name(path)), listed.get(path.name))
    for folder in files:
        if folder.is_dir() and not _is_image(folder) and not folder.name.startswith("."):
            inside = sorted(folder.iterdir(), key=lambda path: natural_key(path.name))
            for path in inside:
                if path.is_file() and _is_image(path):
                    yield path, _called(folder.name, listed.get(path.name))


def _called(shown: str | None, listed: str | None) -> str | None:
    """Return a class as the list has it, unless the crop was sorted into another one since."""
    return listed if listed is not None and class_text(listed) == shown else shown


def _listed(place: Path) -> dict[str, str]:
    """Return the class of each crop in the list beside it or above it, by the crop's file name."""
    file = next((f for f in (place / LIST, place.parent / LIST) if f.is_file()), None)
    if file is None:
        return {}
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInputError(file, f"cannot be read ({error})", "take it away") from error
    return {
        PurePosixPath(row["image_name"]).name: row["label"]
        for row in rows
        if row.get("image_name") and row.get("label")
    }


def _is_image(path: Path) -> bool:
    return not path.name.startswith(".") and path.name.lower().endswith(IMAGE_ENDINGS)


def _read_crop(path: Path, class_name: str, options: ReadOptions) -> ClassedImage:
    detections, name = read_crop_objects(path, options)
    return ClassedImage(
        path=path,
        detections=detections,
        classes={detections.ids[0]: class_name},
        name=name,
        group=group_of(image_in_name(name)),
        source=str(path),
        is_crop=True,
        axes=options.axes,
        pixel_size=options.pixel_size,
    )
