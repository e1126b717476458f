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
    from bridge.apps.qupath.errors import QuPathEndedError
    from bridge.apps.qupath.project_files import read_project
    from bridge.apps.qupath.results import result_names, write_review
    from bridge.apps.qupath.session import QuPath
    from bridge.apps.qupath.sync import read_review

    files = read_project(project)
    chosen = files.select(images)
    names = result_names(chosen)
    failed = False
    with QuPath(qupath, heap=heap) as session:
        session.open(files.folder)
        for image, name in zip(chosen, names, strict=True):
            try:
                review = read_review(session, files, image)
                written = write_review(
                    review, name, out, chosen_formats(formats),
                    only=only, classes=classes, crops=crops,
                )  # fmt: skip
            except QuPathEndedError:
                raise
            except StarbridgeError as error:  # The other images go on.
                note(str(error))
                failed = True
                continue
            print_written(written, image.name, out)
    if failed:
        raise typer.Exit(1)
