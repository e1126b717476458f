"""``starbridge fiji push``: objects for review in any Fiji."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.output import note


def push(
    image: Annotated[Path, typer.Argument(help="The image.", show_default=False)],
    detections: Annotated[
        Path,
        typer.Option(
            "--detections",
            "-d",
            help="Its objects: RoiSet.zip, GeoJSON, label TIFF, HDF5, CSV.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the review.", show_default=False)
    ],
    conflicts: Annotated[
        str | None,
        typer.Option(
            help="Class to put objects in about which reviewer and new segmentation disagree."
        ),
    ] = None,
    axes: Annotated[
        str | None, typer.Option(help="What the image's axes are, where the file does not say.")
    ] = None,
) -> None:
    """Write an image and its objects for review in any Fiji.

    Open NAME.tif (objects as overlay), or NAME.tif and NAME_rois.zip (ROI Manager); save either
    under its name. A second push keeps every edit of the reviewer.
    """
    from bridge.apps.fiji.review_files import push_files
    from bridge.apps.fiji.review_layout import ReviewFiles
    from bridge.detections import Detections
    from bridge.images import open_image

    objects = Detections.read(detections)
    with open_image(image, axes=axes) as opened:
        merged = push_files(opened, objects, out, conflict_class=conflicts, on_note=note)
        files = ReviewFiles.of(out, opened.name)
    typer.echo(files.image)
    typer.echo(files.rois)
    if merged is None:
        return
    edits = {what: count for what, count in merged.review.counts().items() if count}
    note("the review there was merged: " + ", ".join(f"{n} {what}" for what, n in edits.items()))
    if len(merged.conflicts):
        note(f"{len(merged.conflicts)} conflicts are listed in {files.conflicts}")
