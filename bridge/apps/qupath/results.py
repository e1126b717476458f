"""Write the review of one image of a project as files."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from os import PathLike
from typing import Any

from bridge.apps.qupath.backup import Backup
from bridge.apps.qupath.cores import COLUMN, core_names, name_cores
from bridge.apps.qupath.crops import write_crops
from bridge.apps.qupath.nesting import name_annotations
from bridge.apps.qupath.project_files import ProjectFiles, ProjectImage
from bridge.apps.qupath.sync import Review
from bridge.files.names import safe_name
from bridge.formats.naming.crops import square_brackets
from bridge.images import image_name
from bridge.images.locations import identity
from bridge.review.results import DEFAULT_FORMATS, Written, write_results


def result_names(images: Sequence[ProjectImage]) -> list[str]:
    """Return a base name for the files of each image: its name in QuPath, made safe and unique.

    Where a name is taken, the image's number is added. Names that differ in the kind of brackets
    alone are one name, as image regions have square ones only
    (:func:`bridge.formats.naming.crops.crop_name`). The script ``export_annotations.groovy`` names
    its files alike.
    """
    names: list[str] = []
    taken: set[str] = set()
    for image in images:
        name = image_name(safe_name(image.name)) or f"image {image.id}"
        # Windows and macOS do not tell A.tif from a.tif.
        while square_brackets(name).casefold() in taken:
            name = f"{name} ({image.id})"
        taken.add(square_brackets(name).casefold())
        names.append(name)
    return names


def review_key(files: ProjectFiles, image: ProjectImage) -> dict[str, Any]:
    """Return what decides the review of an image, read from files: no QuPath is needed.

    Args:
        files: the project.
        image: the image.

    Returns:
        JSON values that differ when a reviewer saved the image's objects, when objects were
        pushed, or when the image itself is another one.
    """
    record = Backup(files, image).current_record()
    return {
        "objects": identity(image.objects_file),
        "push": None if record is None else identity(record),
        "image": [image.name, image.server, *(identity(path) for path in image.paths)],
    }


def write_review(
    review: Review,
    name: str,
    folder: str | PathLike[str],
    formats: Collection[str] = DEFAULT_FORMATS,
    *,
    only: str | None = None,
    classes: Collection[str] | None = None,
    crops: bool = False,
) -> Written:
    """Write the review of one image, and the image regions of its annotations.

    Tables also have the annotation that each object lies in, and the core of a tissue microarray.

    Args:
        review: the review.
        name: the beginning of the file names (:func:`result_names`).
        folder: the folder for all files.
        formats: as in :func:`bridge.review.results.write_results`.
        only: likewise.
        classes: likewise.
        crops: write annotations and their image regions, too
            (:func:`bridge.apps.qupath.crops.write_crops`).

    Raises:
        BadInputError: an unknown format; a file cannot be written; with ``crops``, the image
            cannot be read.
    """
    markers = review.markers
    if markers is not None and review.cores:
        markers = markers.assign(**{COLUMN: core_names(markers.index, review.cores)})
    named = name_cores(name_annotations(review.detections, review.parents), review.cores)
    written = write_results(
        named, name, folder, formats,
        changes=review.changes, only=only, classes=classes,
        size_remedy="bring the image file back", markers=markers,
    )  # fmt: skip
    note = review.image.transform.note(review.image.name)
    notes = written.notes if note is None else (*written.notes, note)
    if not crops:
        return replace(written, notes=notes)
    made = write_crops(review, name, folder, only=only, classes=classes)
    return replace(
        written,
        files={**written.files, **made.files},
        notes=(*notes, *made.notes),
        hashes=made.hashes,
    )
