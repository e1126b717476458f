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
)
from bridge.cli.running import run_job


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
    from bridge.classify.objects.crop_files import CropSettings, CropsJob
    from bridge.errors import BadInputError
    from bridge.images import find_images

    *places, source = paths
    if not places:
        raise BadInputError(source, "is given alone", "give images and then their objects")
    if not source.exists():
        raise BadInputError(source, "is not there", "check the path of the objects")
    images = find_images(places)
    settings = CropSettings(axes=axes, pixel_size=pixel_size, annotations=annotations)
    run_job(
        CropsJob((source,), settings, alone=len(images) == 1),
        images,
        out,
        overwrite=overwrite,
        resume=resume,
        jobs=jobs,
        scheduler=scheduler,
        as_json=as_json,
        what="crops",
    )
