"""Training pairs from an export of QuPath's annotations without the whole images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import shapely

from bridge.detections import Detections
from bridge.errors import BadInputError, StarbridgeError
from bridge.formats.qupath_export import ExportedImage, Region, list_export, match_regions
from bridge.images import image_name, open_image
from bridge.training.pairs import TrainingPair
from bridge.training.sources.options import Note, OnError, ReadOptions, ignore_note
from bridge.training.sources.planes import choose_plane, read_channels
from bridge.training.sources.reviewed import draw_reviewed


def read_regions(
    export: Path,
    options: ReadOptions,
    *,
    note: Note = ignore_note,
    on_error: OnError | None = None,
) -> Iterator[TrainingPair]:
    """Read the regions of annotations as pairs, with all annotations that lie in them.

    Regions of an image are one group: they may overlap.

    Args:
        export: as :func:`bridge.formats.qupath_export.find_export` returns it.
        options: what is read.
        note: called with sentences for the user.
        on_error: called with the error of a region or an image, which is left out; where ``None``,
            the first such error is raised.

    Yields:
        A pair for each region.

    Raises:
        BadInputError: there are no regions, or what ``on_error`` does not take.
    """
    images, errors = list_export(export)
    if not any(image.regions for image in images):
        raise BadInputError(
            export,
            "has annotations and no images",
            f"give the folder of the images, and --detections {export}",
        )
    note(
        f"{export}: the regions of annotations are learned from; what lies around them is, too, "
        f"where the whole images are given with --detections {export}"
    )
    problems: list[StarbridgeError] = [*errors]
    for image in images:
        try:
            yield from _read_image(image, options, problems)
        except StarbridgeError as error:
            problems.append(error)
    for problem in problems:
        if on_error is None:
            raise problem
        on_error(problem)


def _read_image(
    image: ExportedImage, options: ReadOptions, problems: list[StarbridgeError]
) -> Iterator[TrainingPair]:
    annotations, regions, errors = match_regions(image, axes=options.axes)
    problems += errors
    for region in regions:
        try:
            yield _read_region(image, annotations, region, options)
        except StarbridgeError as error:
            problems.append(error)


def _read_region(
    image: ExportedImage, annotations: Detections, region: Region, options: ReadOptions
) -> TrainingPair:
    frame = annotations.objects
    left, top = region.corner
    window = shapely.box(left, top, left + region.width, top + region.height)
    own = frame.loc[region.annotation]
    is_here = (
        frame.geometry.intersects(window) & (frame["z"] == own["z"]) & (frame["t"] == own["t"])
    )
    here = frame[is_here]
    here = here.assign(geometry=here.geometry.translate(-left, -top))
    with open_image(region.path, axes=options.axes) as opened:
        plane = choose_plane((opened.size("Z"), opened.size("T")), options, str(region.path))
        pixels = read_channels(opened, options, plane, str(region.path))
        drawn = draw_reviewed(here, (opened.height, opened.width))
    return TrainingPair(
        name=image_name(region.path),
        image=pixels,
        labels=drawn.labels,
        classes=drawn.classes,
        source=str(region.path),
        group=image.name,
    )
