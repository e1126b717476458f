"""Classed objects from crops: an image an object, its class in its name or that of its folder.

orgaSeg sorts crops into a folder a class, and takes the class from the round bracket of a name
(:mod:`bridge.formats.naming.crops`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

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
from bridge.formats.naming import natural_key
from bridge.formats.naming.crops import class_in_name
from bridge.formats.pairing import objects_of
from bridge.images import find_images, image_name, open_image
from bridge.images.names import IMAGE_ENDINGS

_NUMBER = re.compile(r"[_ ]*\d+$")
_BRACKETS = re.compile(r"\s*\([^()]*\)")


def read_crops(
    place: Path,
    options: ReadOptions,
    *,
    note: Note = ignore_note,
    on_error: OnError | None = None,
) -> Iterator[ClassedImage]:
    """Read crops of objects and their classes.

    A crop is an object as a whole, unless its outlines are given (``options.objects``): then the
    largest object in it counts.

    Args:
        place: a folder of crops with their class in round brackets in their names, as
            ``starbridge qupath pull --crops`` and orgaSeg write them; or of a folder a class.
        options: what is read.
        note: called with sentences for the user.
        on_error: called with the error of a crop, which is left out; where ``None``, the first
            such error is raised.

    Yields:
        The crops that have a class.

    Raises:
        BadInputError: no crop has a class, or what ``on_error`` does not take.
    """
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
            outline = whole_image(image.width, image.height)
            return Detections.from_polygons([outline], image=info), image.name
    file = objects_of(path, options.objects)
    detections: Detections = format_of(file).read(file, image=info)
    if not len(detections):
        raise BadInputError(file, f"has no outline for {path.name}", "draw one")
    largest = detections.objects.iloc[[int(np.argmax(detections.objects.area.to_numpy()))]]
    return Detections(largest, detections.image, detections.outline), info.name


def _named(place: Path) -> Iterator[tuple[Path, str | None]]:
    """Yield the crops of a folder with their classes: of the folder itself, and of those in it."""
    if not place.is_dir():
        for path in find_images([place]):
            yield path, class_in_name(image_name(path))
        return
    files = sorted(place.iterdir(), key=lambda path: natural_key(path.name))
    for path in files:
        if path.is_file() and _is_image(path):
            yield path, class_in_name(image_name(path))
    for folder in files:
        if folder.is_dir() and not _is_image(folder) and not folder.name.startswith("."):
            inside = sorted(folder.iterdir(), key=lambda path: natural_key(path.name))
            for path in inside:
                if path.is_file() and _is_image(path):
                    yield path, folder.name


def _is_image(path: Path) -> bool:
    return not path.name.startswith(".") and path.name.lower().endswith(IMAGE_ENDINGS)


def _read_crop(path: Path, class_name: str, options: ReadOptions) -> ClassedImage:
    detections, name = read_crop_objects(path, options)
    return ClassedImage(
        path=path,
        detections=detections,
        classes={detections.ids[0]: class_name},
        name=name,
        group=group_of(image_of_crop(name)),
        source=str(path),
        is_crop=True,
        axes=options.axes,
        pixel_size=options.pixel_size,
    )


def image_of_crop(name: str) -> str:
    """Return the name of the image that a crop was cut from: without class and number.

    >>> image_of_crop("slide 1 (Cyst)_007"), image_of_crop("slide_1_12"), image_of_crop("7")
    ('slide 1', 'slide_1', '7')
    """
    plain = _BRACKETS.sub("", _NUMBER.sub("", name)).strip(" _")
    return plain or name
