"""``starbridge fiji pull``: reviewed objects as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.output import note
from bridge.cli.results import Classes, Formats, Only, chosen_formats, print_written
from bridge.errors import StarbridgeError


def pull(
    review: Annotated[
        Path,
        typer.Argument(
            help="Review folder, or a file that a reviewer saved: RoiSet.zip, TIFF with overlay.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the results.", show_default=False)
    ],
    only: Only = None,
    classes: Classes = None,
    formats: Formats = None,
    image: Annotated[
        Path | None,
        typer.Option(help="The image a single file belongs to, for its size and pixel size."),
    ] = None,
) -> None:
    """Write what reviewers left: labels, class masks, ROIs, GeoJSON, tables, and every edit."""
    from bridge.apps.fiji.review_files import read_review, reviewed_names
    from bridge.review.results import write_results

    failed = False
    for name in reviewed_names(review):
        try:
            objects, changes = read_review(review, name, image=image)
            written = write_results(
                objects, name, out, chosen_formats(formats), changes=changes,
                only=only, classes=classes, size_remedy="give --image",
            )  # fmt: skip
        except StarbridgeError as error:  # The other images go on.
            note(str(error))
            failed = True
            continue
        print_written(written, name, out)
    if failed:
        raise typer.Exit(1)
