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
    rois: Annotated[
        Path | None,
        typer.Option(
            help="RoiSet.zip of what the reviewer has open in Fiji, in place of the one in the "
            "folder."
        ),
    ] = None,
    axes: Annotated[
        str | None, typer.Option(help="What the image's axes are, where the file does not say.")
    ] = None,
) -> None:
    """Write an image and its objects for review in any Fiji.

    Open NAME.tif (objects as overlay), or NAME.tif and NAME_rois.zip (ROI Manager); save either
    under its name. A second push keeps every edit of the reviewer, and what is saved meanwhile.
    """
    from bridge.apps.fiji.review_files import opened_to_push, push_files
    from bridge.apps.fiji.review_layout import ReviewFiles
    from bridge.apps.fiji.review_status import listed
    from bridge.detections import Detections

    # ImageJ's exec(), by which Fiji's macro calls this, passes on standard output only.
    say = note if rois is None else typer.echo
    objects = Detections.read(detections)
    with opened_to_push(image, out, axes=axes) as opened:
        merged = push_files(opened, objects, out, conflict_class=conflicts, rois=rois, on_note=say)
        files = ReviewFiles.of(out, opened.name)
    typer.echo(files.image)
    typer.echo(files.rois)
    if merged is None:
        return
    say(f"the review there was merged: {listed(merged.review.counts())}")
    if len(merged.conflicts):
        say(f"{len(merged.conflicts)} conflicts are listed in {files.conflicts}")
