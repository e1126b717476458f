"""Classed objects from files of objects that have classes: GeoJSON, ROIs, tables with outlines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from bridge.classify.objects.classed_images import (
    ClassedImage,
    OnError,
    group_of,
    select_examples,
)
from bridge.classify.objects.sources.options import ReadOptions
from bridge.detections import Detections
from bridge.errors import BadInputError, StarbridgeError
from bridge.formats import format_of
from bridge.formats.layout import spec_of
from bridge.formats.pairing import add_source_to_errors, has_objects, objects_of
from bridge.images import open_image


def read_files(
    place: Path, options: ReadOptions, *, on_error: OnError | None = None
) -> Iterator[ClassedImage]:
    """Read objects and their classes from files, an image after the other.

    Args:
        place: a file of objects, or a folder of them, as ``starbridge segment`` writes it.
        options: what is read; its images are those of the objects.
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
    images = [path for path in options.images if has_objects(path, place)]
    if not images and len(options.images) == 1 and not place.is_dir():
        images = list(options.images)
    if not images:
        raise BadInputError(
            place, "has objects of none of the images", "call the files as their images"
        )
    for path in images:
        try:
            yield read_image(path, place, options)
        except StarbridgeError as error:
            if on_error is None:
                raise
            on_error(error)


def read_image(path: Path, place: Path, options: ReadOptions) -> ClassedImage:
    """Read the objects of one image, with their classes.

    Args:
        path: the image.
        place: the file of its objects, or a folder of such files.
        options: what is read.

    Raises:
        BadInputError: there are no objects of this image, or they cannot be read.
    """
    file, detections, name = read_objects(path, [place], options)
    is_typed = spec_of(file).key != "rois"
    kept, classes = select_examples(
        detections, is_typed=is_typed, annotations=options.annotations, classes=options.classes
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
