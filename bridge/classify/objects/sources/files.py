"""Classed objects from files of objects that have classes: GeoJSON, ROIs, tables with outlines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.classify.objects.classed_images import (
    ClassedImage,
    Note,
    OnError,
    group_of,
    ignore_note,
    select_examples,
)
from bridge.classify.objects.sources.clicks import classes_of_clicks
from bridge.classify.objects.sources.options import ReadOptions
from bridge.classify.objects.sources.section_crops import CROP, SectionCrops
from bridge.detections import Detections
from bridge.errors import BadInputError, StarbridgeError
from bridge.formats import format_of
from bridge.formats.geojson import read_drawn
from bridge.formats.layout import spec_of
from bridge.formats.pairing import add_source_to_errors, has_objects, name_of_objects, objects_of
from bridge.images import image_name, open_image

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

_GEOJSON = (".geojson", ".geojson.gz")


def read_files(
    place: Path,
    options: ReadOptions,
    *,
    note: Note = ignore_note,
    on_error: OnError | None = None,
) -> Iterator[ClassedImage]:
    """Read objects and their classes from files, an image after the other.

    Points and lines give their class to the objects of the options that they lie on.

    Args:
        place: a file of objects, or a folder of them, as ``starbridge segment`` writes it.
        options: what is read; its images are those of the objects.
        note: called with sentences for the user.
        on_error: called with the error of an image, which is left out; where ``None``, the first
            such error is raised.

    Yields:
        The images that have objects there.

    Raises:
        BadInputError: no images are given, none of them has objects there, or what ``on_error``
            does not take.
    """
    if not options.images:
        raise BadInputError(place, "does not hold the images of its objects", "give --images")
    images = [
        path for path in options.images if has_objects(_drawn_on(path, place, options), place)
    ]
    if not images and len(options.images) == 1 and not place.is_dir():
        images = list(options.images)
    if not images:
        raise BadInputError(
            place, "has objects of none of the images", "call the files as their images"
        )
    note_foreign_files(place, options, note)
    for path in images:
        try:
            yield read_image(path, place, options, note=note)
        except StarbridgeError as error:
            if on_error is None:
                raise
            on_error(error)


def note_foreign_files(place: Path, options: ReadOptions, note: Note) -> None:
    """Say which files of clicks in a folder belong to none of the images."""
    if not place.is_dir() or not options.objects:
        return
    names = {image_name(_drawn_on(path, place, options)) for path in options.images}
    files = [p for p in place.iterdir() if p.is_file() and p.name.lower().endswith(_GEOJSON)]
    foreign = sorted(path.name for path in files if name_of_objects(path) not in names)
    if foreign:
        note(f"{place}: {len(foreign)} files are of none of the images: {foreign[0]}, …")


def read_image(
    path: Path, place: Path, options: ReadOptions, *, note: Note = ignore_note
) -> ClassedImage:
    """Read the objects of one image, with their classes.

    Args:
        path: the image.
        place: the file of its objects, or a folder of such files.
        options: what is read.
        note: called with sentences for the user.

    Raises:
        BadInputError: there are no objects of this image, or they cannot be read; points and lines
            without the objects that they lie on.
    """
    if options.objects:
        drawn = objects_of(_drawn_on(path, place, options), [place], alone=len(options.images) == 1)
        clicks = _clicks(drawn)
        if clicks is not None:
            return _read_clicked(path, drawn, clicks, options, note)
    if options.crops is not None:
        raise BadInputError(
            place,
            "has no points or lines of a class, as --on-crops needs",
            "click on the nuclei of the crops, or train on the crops as images",
        )
    file, detections, name = read_objects(path, [place], options)
    is_typed = spec_of(file).key != "rois"
    kept, classes = select_examples(
        detections, is_typed=is_typed, annotations=options.annotations, classes=options.classes
    )
    if not len(detections) and _clicks(file) is not None:
        raise BadInputError(
            file, "has points or lines, which are no objects", "give the objects: --objects"
        )
    return ClassedImage(
        path=path,
        detections=kept,
        classes=classes,
        name=name,
        group=group_of(name),
        source=str(file),
        axes=options.axes,
        pixel_size=options.pixel_size,
    )


def _clicks(file: Path) -> GeoDataFrame | None:
    """Return the points and lines of a file; ``None`` where none of them has a class."""
    if spec_of(file).key != "geojson":
        return None
    _, markers = read_drawn(file)
    return markers if markers["class"].notna().any() else None


def _read_clicked(
    path: Path, file: Path, clicks: GeoDataFrame, options: ReadOptions, note: Note
) -> ClassedImage:
    """Read the objects of one image, of which some have clicks."""
    _, detections, name = read_objects(path, options.objects, options)
    if options.crops is not None:
        corner = SectionCrops(options.crops).corner(name)
        clicks = clicks.assign(geometry=clicks.translate(*corner))
    objects, _ = select_examples(detections, annotations=options.annotations)
    found = classes_of_clicks(clicks, objects.objects, options.classes)
    if 2 * found.missed > found.clicks:
        # Positions on a crop are positions in the whole image, too, and hit something there.
        raise BadInputError(
            file,
            f"has {found.missed} of {found.clicks} clicks on no object",
            f"give the images that were clicked on{'' if options.crops else ', or --on-crops'}",
        )
    if found.missed:
        note(f"{file}: {found.missed} of {found.clicks} clicks lie on no object")
    if found.torn:
        note(f"{file}: {found.torn} objects have clicks of several classes and get none")
    return ClassedImage(
        path=path,
        detections=objects,
        classes=found.classes,
        name=name,
        group=group_of(name),
        source=str(file),
        axes=options.axes,
        pixel_size=options.pixel_size,
    )


def _drawn_on(path: Path, place: Path, options: ReadOptions) -> Path:
    """Return the image that a person saw: the image itself, or its crop, which may be called so."""
    if options.crops is None or has_objects(path, place):
        return path
    return path.with_name(f"{image_name(path)}{CROP}.tif")


def read_objects(
    path: Path, places: Sequence[Path], options: ReadOptions
) -> tuple[Path, Detections, str]:
    """Read the file of an image's objects.

    Args:
        path: the image.
        places: files of objects, or folders of them.
        options: what is read.

    Returns:
        The file, its objects, and the name of the image.

    Raises:
        BadInputError: there is none, it cannot be read, or lies as QuPath shows a turned image.
    """
    file = objects_of(path, places, alone=len(options.images) == 1)
    with (
        open_image(path, axes=options.axes, pixel_size=options.pixel_size) as image,
        add_source_to_errors(path, file),
    ):
        detections: Detections = format_of(file).read(file, image=image.info)
        name = image.name
    if detections.image.coordinates == "shown":
        raise BadInputError(
            file,
            "lies as QuPath shows a turned or cut image, not as its file is",
            "give the project of QuPath itself",
        )
    return file, detections, name
