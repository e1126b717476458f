"""``starbridge qupath pull``: reviewed objects as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.output import note
from bridge.cli.qupath.options import HEAP_HELP, PROJECT_HELP, QUPATH_HELP
from bridge.cli.results import Classes, Formats, Only, chosen_formats, print_written
from bridge.errors import StarbridgeError


def pull(
    project: Annotated[Path, typer.Argument(help=PROJECT_HELP, show_default=False)],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the results.", show_default=False)
    ],
    images: Annotated[
        list[str] | None,
        typer.Option("--image", help="Name or number of an image; several times. [default: all]"),
    ] = None,
    only: Only = None,
    classes: Classes = None,
    formats: Formats = None,
    crops: Annotated[
        bool,
        typer.Option("--crops", help="Also the image region of each annotation, for training."),
    ] = False,
    qupath: Annotated[Path | None, typer.Option(help=QUPATH_HELP)] = None,
    heap: Annotated[str | None, typer.Option(help=HEAP_HELP)] = None,
) -> None:
    """Write what reviewers left: labels, class masks, ROIs, GeoJSON, tables, and every edit.

    Nothing in the project is written; QuPath may have it open.
    """
    from bridge.apps.qupath.crops import write_crops
    from bridge.apps.qupath.nesting import name_annotations
    from bridge.apps.qupath.session import QuPath
    from bridge.apps.qupath.sync import pull as pull_reviews
    from bridge.apps.qupath.sync import result_names
    from bridge.review.results import write_results

    with QuPath(qupath, heap=heap) as session:
        reviews = pull_reviews(session, project, images)
    failed = False
    for review, name in zip(reviews, result_names(reviews), strict=True):
        try:
            objects = name_annotations(review.detections, review.parents)
            written = write_results(
                objects, name, out, chosen_formats(formats), changes=review.changes,
                only=only, classes=classes, size_remedy="bring the image file back",
            )  # fmt: skip
            print_written(written, review.image.name, out)
            if crops:
                print_written(write_crops(review, name, out / "export"), name, out / "export")
        except StarbridgeError as error:  # the other images go on
            note(str(error))
            failed = True
    if failed:
        raise typer.Exit(1)
