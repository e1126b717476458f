"""Classed objects from an export of QuPath's annotations without the whole images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bridge.classify.objects.classed_images import (
    ClassedImage,
    Note,
    OnError,
    group_of,
    ignore_note,
)
from bridge.classify.objects.sources.options import ReadOptions
from bridge.errors import BadInputError, StarbridgeError
from bridge.formats.qupath_export import (
    ExportedImage,
    list_export,
    match_regions,
    outline_in_region,
)
from bridge.images import image_name


def read_export(
    folder: Path,
    options: ReadOptions,
    *,
    note: Note = ignore_note,
    on_error: OnError | None = None,
) -> Iterator[ClassedImage]:
    """Read the regions of annotations, with the classes and outlines that the GeoJSON has.

    Args:
        folder: as :func:`bridge.formats.qupath_export.find_export` returns it.
        options: what is read.
        note: called with sentences for the user.
        on_error: called with the error of a region or an image, which is left out; where ``None``,
            the first such error is raised.

    Yields:
        A crop for each region whose annotation has a class.

    Raises:
        BadInputError: there are no regions, or what ``on_error`` does not take.
    """
    images, errors = list_export(folder)
    if not any(image.regions for image in images):
        raise BadInputError(
            folder, "has annotations and no regions of the images", "give --images, too"
        )
    problems: list[StarbridgeError] = [*errors]
    for image in images:
        try:
            yield from _read_image(image, folder, options, note, problems)
        except StarbridgeError as error:
            problems.append(error)
    for problem in problems:
        if on_error is None:
            raise problem
        on_error(problem)


def _read_image(
    image: ExportedImage,
    folder: Path,
    options: ReadOptions,
    note: Note,
    problems: list[StarbridgeError],
) -> Iterator[ClassedImage]:
    annotations, regions, errors = match_regions(image, axes=options.axes)
    problems += errors
    unnamed = 0
    for region in regions:
        class_name = annotations.objects.at[region.annotation, "class"]
        if not isinstance(class_name, str):
            unnamed += 1
            continue
        if options.classes and class_name not in options.classes:
            continue
        detections = outline_in_region(annotations, region)
        yield ClassedImage(
            path=region.path,
            detections=detections,
            classes={detections.ids[0]: class_name},
            name=image_name(region.path),
            group=group_of(image.name),
            source=str(folder),
            is_crop=True,
            axes=options.axes,
            pixel_size=options.pixel_size,
        )
    if unnamed:
        note(f"{image.outlines}: {unnamed} annotations have no class and are left out")
