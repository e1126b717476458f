"""``starbridge classes crops``: an image of each object, as orgaSeg's classifier takes them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.options import (
    AsJson,
    Axes,
    Jobs,
    Overwrite,
    PixelSize,
    Resume,
    Scheduler,
    chosen_existing,
)
from bridge.cli.output import close_run, print_json, shown_progress


def crops(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="IMAGES... DETECTIONS",
            help="Images, or folders of them; then their objects: a file for one image, or a "
            "folder of files, such as segment's results.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the crops.", show_default=False)
    ],
    annotations: Annotated[
        bool, typer.Option("--annotations", help="Annotations beside detections are objects, too.")
    ] = False,
    pixel_size: PixelSize = None,
    axes: Axes = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    jobs: Jobs = "1",
    scheduler: Scheduler = None,
    as_json: AsJson = False,
) -> None:
    """Cut out each object: NAME_LABEL.tiff, the box around it with its outline as the selection.

    starbridge classes apply --crops takes the folder, and so does orgaSeg's classifier. Running the
    same command again does only what is missing or has changed.
    """
    from bridge.batch.record import read_record
    from bridge.batch.workers.select import choose_workers
    from bridge.classify.objects.crop_files import CropSettings, CropsJob, crop_files
    from bridge.errors import BadInputError
    from bridge.images import find_images

    existing = chosen_existing(overwrite, resume)
    *places, source = paths
    if not places:
        raise BadInputError(source, "is given alone", "give images and then their objects")
    if not source.exists():
        raise BadInputError(source, "is not there", "check the path of the objects")
    workers = choose_workers(jobs, scheduler)
    with shown_progress() as listener:
        outcomes = crop_files(
            find_images(places),
            [source],
            out,
            CropSettings(axes=axes, pixel_size=pixel_size, annotations=annotations),
            existing=existing,
            listener=listener,
            workers=workers,
        )
    if as_json:
        record = read_record(out, CropsJob.record)
        print_json({**record, "outcomes": [outcome.to_json() for outcome in outcomes]})
    close_run(outcomes, "crops", out)
