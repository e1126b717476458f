"""``starbridge qupath pull``: what reviewers left."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.output import note
from bridge.cli.qupath.options import HEAP_HELP, PROJECT_HELP, QUPATH_HELP
from bridge.errors import BadInputError, StarbridgeError

if TYPE_CHECKING:
    from bridge.apps.qupath.sync import Review


class Only(StrEnum):
    """Choices of ``--only``."""

    annotations = "annotations"
    detections = "detections"
    cells = "cells"


class Format(StrEnum):
    """Choices of ``--format``."""

    labels = "labels"
    hdf5 = "hdf5"
    rois = "rois"
    geojson = "geojson"
    csv = "csv"
    classes = "classes"


def pull(
    project: Annotated[Path, typer.Argument(help=PROJECT_HELP, show_default=False)],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the results.", show_default=False)
    ],
    images: Annotated[
        list[str] | None,
        typer.Option("--image", help="Name or number of an image; several times. [default: all]"),
    ] = None,
    only: Annotated[Only | None, typer.Option(help="Only objects of this type.")] = None,
    classes: Annotated[
        list[str] | None,
        typer.Option("--class", help="Only objects of this class; several times."),
    ] = None,
    formats: Annotated[
        list[Format] | None,
        typer.Option("--format", help="What to write; several times. [default: all]"),
    ] = None,
    crops: Annotated[
        bool,
        typer.Option("--crops", help="Also the image region of each annotation, for training."),
    ] = False,
    qupath: Annotated[Path | None, typer.Option(help=QUPATH_HELP)] = None,
    heap: Annotated[str | None, typer.Option(help=HEAP_HELP)] = None,
) -> None:
    """Read what reviewers left: GeoJSON, labels, ROIs, tables, class masks, who changed what.

    Nothing in the project is written; QuPath may have it open.
    """
    from bridge.apps.qupath.crops import write_crops
    from bridge.apps.qupath.results import chosen, write_results
    from bridge.apps.qupath.session import QuPath
    from bridge.apps.qupath.sync import pull as pull_reviews

    wanted = [kind.value for kind in formats or list(Format)]
    with QuPath(qupath, heap=heap) as session:
        reviews = pull_reviews(session, project, images)
    failed = False
    for review, name in zip(reviews, _file_names(reviews), strict=True):
        try:
            objects = chosen(review, only=None if only is None else only.value, classes=classes)
            written, left_out = write_results(review, objects, name, out, wanted)
            if crops:
                written += write_crops(review, name, out / "export")
        except StarbridgeError as error:  # the rest goes on
            note(str(error))
            failed = True
            continue
        for path in written:
            typer.echo(path)
        if left_out:
            note(
                f"{review.image.name}: no {', '.join(left_out)}, because its file is not there "
                "and the project does not say its size"
            )
    if failed:
        raise typer.Exit(1)


def _file_names(reviews: list[Review]) -> list[str]:
    """A file name an image: QuPath's, without what a path must not hold, each once."""
    from bridge.files.names import safe_name
    from bridge.images import image_name

    names: list[str] = []
    for review in reviews:
        name = image_name(safe_name(review.image.name))
        name = name or f"image {review.image.id}"
        # the disks of Windows and Mac take A.tif for a.tif
        taken = {other.casefold() for other in names}
        names.append(name if name.casefold() not in taken else f"{name} ({review.image.id})")
    if len({name.casefold() for name in names}) < len(names):
        raise BadInputError("project", "has images whose names cannot be told apart", "rename them")
    return names
