"""Exports of QuPath's annotations for training: a GeoJSON an image, and a region an annotation.

orgaSeg's script for QuPath leaves ``geojsons/IMAGE.geojson`` and
``ROIsTif/IMAGEAnnotation (Polygon) (CLASS)_N.tif`` in a folder ``export``; ``starbridge qupath pull
--crops`` leaves ``ROIsTif/IMAGE (CLASS)_001.tif``, with square brackets in IMAGE. A region has the
number of its annotation in the GeoJSON, from 0 or from 1. As files get lost, sorted and renamed, a
number is trusted only where class and size agree.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from bridge.detections import Detections
from bridge.errors import BadInputError
from bridge.formats import geojson
from bridge.formats.naming import natural_key
from bridge.formats.naming.crops import class_in_name, square_brackets
from bridge.images import find_images, image_name, open_image
from bridge.images.names import IMAGE_ENDINGS

GEOJSONS, REGIONS = "geojsons", "ROIsTif"
"""Folders of an export."""

_OUTLINES = (".geojson", ".geojson.gz", ".json")
_NUMBER = re.compile(r"(\d+)$")
_LETTERS = re.compile(r"[\W_]+")
_TOLERANCE = 1  # pixel, by which programs round a box differently
_FIRST_NUMBERS = (0, 1)
_WITHOUT = "give the whole images, or the folder of the regions alone"


@dataclass(frozen=True)
class ExportedImage:
    """Annotations and regions of an image in an export.

    Attributes:
        name: of the image.
        outlines: the GeoJSON of its annotations.
        regions: images of its annotations, in the order of their numbers.
    """

    name: str
    outlines: Path
    regions: tuple[Path, ...]


@dataclass(frozen=True, eq=False)
class Region:
    """The region of an annotation.

    Attributes:
        path: its image.
        annotation: UUID of the annotation.
        corner: (left, top) of the region in the whole image, pixels.
        width, height: in pixels.
    """

    path: Path
    annotation: str
    corner: tuple[int, int]
    width: int
    height: int


def find_export(place: Path) -> Path | None:
    """Return the folder of an export: the one that is given, or ``export`` in it.

    Returns:
        ``None`` where neither has annotations.
    """
    found = (folder for folder in (place, place / "export") if (folder / GEOJSONS).is_dir())
    return next(found, None)


def find_whole_images(place: Path) -> list[Path]:
    """Return the whole images beside an export: in its folder, or in ``images`` in it.

    Args:
        place: the folder that was given.

    Returns:
        The images; none where there are none.
    """
    for folder in (place / "images", place):
        if folder.is_dir() and any(map(_is_image, folder.iterdir())):
            return find_images([folder])
    return []


def list_export(folder: Path) -> tuple[list[ExportedImage], list[BadInputError]]:
    """List the images of an export.

    Args:
        folder: that of :func:`find_export`.

    Returns:
        The images that have annotations, in natural order; and errors of the regions of no such
        image.

    Raises:
        BadInputError: there are no annotations at all.
    """
    outlines: dict[str, Path] = {}
    for path in sorted((folder / GEOJSONS).iterdir(), key=lambda path: natural_key(path.name)):
        ending = next((e for e in _OUTLINES if path.name.lower().endswith(e)), None)
        if ending and not path.name.startswith("."):
            outlines.setdefault(path.name[: -len(ending)], path)
    if not outlines:
        raise BadInputError(folder / GEOJSONS, "has no GeoJSON", "export the annotations again")
    regions: dict[str, list[Path]] = {name: [] for name in outlines}
    errors: list[BadInputError] = []
    place = folder / REGIONS
    for path in sorted(place.iterdir()) if place.is_dir() else []:
        if not _is_image(path):
            continue
        of = _image_of(path.name, outlines)
        if of is None:
            problem = "is of no image that has annotations here"
            errors.append(BadInputError(path, problem, "bring its GeoJSON"))
        else:
            regions[of].append(path)
    images = [
        ExportedImage(name, outlines[name], tuple(sorted(found, key=_number)))
        for name, found in regions.items()
    ]
    return images, errors


def match_regions(
    image: ExportedImage, *, axes: str | None = None
) -> tuple[Detections, list[Region], list[BadInputError]]:
    """Find the annotation of each region of an image.

    Args:
        image: the image.
        axes: of the regions, as in :func:`bridge.open_image`.

    Returns:
        All annotations in the pixels of the whole image; the regions that have one of them; and the
        errors of the others.

    Raises:
        BadInputError: the GeoJSON cannot be read, or its annotations are not those of the regions.
    """
    annotations = _annotations(image.outlines)
    sizes, errors = [], []
    for path in image.regions:
        try:
            with open_image(path, axes=axes) as opened:
                sizes.append((path, opened.width, opened.height))
        except BadInputError as error:
            errors.append(error)
    found = [_match(annotations, image.name, sizes, first) for first in _FIRST_NUMBERS]
    matched = max(found, key=len)
    if 2 * len(matched) < len(sizes):
        raise BadInputError(
            image.outlines,
            f"does not fit {len(sizes) - len(matched)} of the {len(sizes)} regions of "
            f"{image.name}: their classes or sizes are others",
            _WITHOUT,
        )
    known = {region.path for region in matched}
    errors += [
        BadInputError(path, f"is of another size or class than in {image.outlines}", _WITHOUT)
        for path, _, _ in sizes
        if path not in known
    ]
    return annotations, matched, errors


def region_box(shape: Any) -> tuple[int, int, int, int]:
    """Return the whole pixels (left, top, right, bottom) around an outline.

    >>> region_box(shapely.box(20.5, 10.2, 30.1, 11))
    (20, 10, 31, 11)
    """
    # A curve's outline goes beyond its bounds by what is left over of rounding.
    left, top, right, bottom = np.round(shape.bounds, geojson.DECIMALS).tolist()
    return math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom)


def outline_in_region(annotations: Detections, region: Region) -> Detections:
    """Return the annotation of a region, in the region's pixels."""
    row = annotations.objects.loc[[region.annotation]]
    left, top = region.corner
    moved = row.assign(geometry=row.geometry.translate(-left, -top), z=0, t=0, c=0)
    return Detections(moved, outline=annotations.outline)


def _image_of(region: str, names: Iterable[str]) -> str | None:
    """Return the image, of some names, that a region's name begins with, as it is or squared."""
    starts = ((name, square_brackets(name)) for name in names)
    found = [both for both in starts if region.startswith(both)]
    longest = max(found, key=lambda both: (len(both[0]), region.startswith(both[0])), default=None)
    return None if longest is None else longest[0]


def _annotations(file: Path) -> Detections:
    found = geojson.read(file)
    drawn = found.objects[found.objects["object_type"] == "annotation"]
    return Detections(drawn, found.image, found.outline)


def _match(
    annotations: Detections, name: str, sizes: Sequence[tuple[Path, int, int]], first: int
) -> list[Region]:
    """Return the regions whose annotation agrees with them, as annotations count from `first`."""
    frame = annotations.objects
    outlines, classes = frame.geometry.to_numpy(), frame["class"].to_numpy(object)
    size = annotations.image.width, annotations.image.height
    matched = []
    for path, width, height in sizes:
        row = _number(path)[0] - first
        if not 0 <= row < len(frame):
            continue
        left, top, right, bottom = _box(outlines[row], size)
        is_size = max(abs(width - right + left), abs(height - bottom + top)) <= _TOLERANCE
        shown = class_in_name(path.name[len(name) :])
        if is_size and _plain(shown) == _plain(classes[row]):
            matched.append(Region(path, str(frame.index[row]), (left, top), width, height))
    return matched


def _box(
    outline: shapely.Geometry, size: tuple[int | None, int | None]
) -> tuple[int, int, int, int]:
    """Return the whole pixels (left, top, right, bottom) around an outline, inside of the image."""
    left, top, right, bottom = region_box(outline)
    width, height = size
    return (
        max(left, 0),
        max(top, 0),
        right if width is None else min(right, width),
        bottom if height is None else min(bottom, height),
    )


def _is_image(path: Path) -> bool:
    return not path.name.startswith(".") and path.name.lower().endswith(IMAGE_ENDINGS)


def _number(path: Path) -> tuple[int, str]:
    """Return the number at the end of a region's name, -1 where there is none, and the name."""
    found = _NUMBER.search(image_name(path))
    return (int(found[1]) if found and len(found[1]) < 10 else -1), path.name


def _plain(class_name: object) -> str:
    """Return the letters of a class: names of files cannot have all characters."""
    return _LETTERS.sub("", class_name).casefold() if isinstance(class_name, str) else ""
