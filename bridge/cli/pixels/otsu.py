"""``starbridge pixels otsu``: the baseline without any training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.options import (
    CHANNEL_HELP,
    IMAGES_HELP,
    AsJson,
    Axes,
    Jobs,
    Outputs,
    Overwrite,
    PixelSize,
    Resume,
    Scheduler,
)
from bridge.cli.pixels.object_options import (
    Cut,
    CutKind,
    DropBorder,
    Greatest,
    Holes,
    Smallest,
    Spacing,
)
from bridge.cli.running import run_job
from bridge.formats.layout import DEFAULT_FORMATS


def otsu(
    images: Annotated[list[str], typer.Argument(help=IMAGES_HELP, show_default=False)],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the results.", show_default=False)
    ],
    channel: Annotated[
        str | None,
        typer.Option(
            help=f"Channel of the objects: {CHANNEL_HELP}. [default: the only one]",
            show_default=False,
        ),
    ] = None,
    sigma: Annotated[float, typer.Option(help="Smooth the image by this many px first.")] = 1.5,
    holes: Holes = True,
    cut: Cut = CutKind.imagej,
    spacing: Spacing = 5,
    smallest: Smallest = 30,
    greatest: Greatest = None,
    drop_border: DropBorder = False,
    pixel_size: PixelSize = None,
    axes: Axes = None,
    formats: Outputs = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    jobs: Jobs = "1",
    scheduler: Scheduler = None,
    as_json: AsJson = False,
) -> None:
    """Find bright nuclei by Otsu's threshold of each plane, to see what that merges and misses.

    Numbers are those of the macro otsu_baseline.ijm in ImageJ. starbridge evaluate puts the results
    beside others.
    """
    from bridge.classify.pixels.objects.job import OtsuJob
    from bridge.classify.pixels.objects.settings import ObjectSettings
    from bridge.images import find_images

    settings = ObjectSettings(
        cutoff=None,
        sigma=sigma,
        holes=holes,
        cut=cut.value,
        spacing=spacing,
        smallest=smallest,
        greatest=greatest,
        drop_border=drop_border,
    )
    job = OtsuJob(
        settings=settings,
        formats=tuple(dict.fromkeys(formats or DEFAULT_FORMATS)),
        axes=axes,
        pixel_size=pixel_size,
        of_channel=channel,
    )
    run_job(
        job,
        find_images(images),
        out,
        overwrite=overwrite,
        resume=resume,
        jobs=jobs,
        scheduler=scheduler,
        as_json=as_json,
    )
