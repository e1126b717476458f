"""``starbridge volume prepare``: about isotropic voxels in HDF5, for ilastik."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.options import (
    CHANNEL_HELP,
    IMAGES_HELP,
    AsJson,
    Jobs,
    Overwrite,
    Resume,
    Scheduler,
    TimePoint,
    VolumeAxes,
    Voxel,
)


class ValueKind(StrEnum):
    """Choices of ``--dtype``."""

    float32 = "float32"
    uint8 = "uint8"
    uint16 = "uint16"


def prepare(
    images: Annotated[
        list[str],
        typer.Argument(help=f"{IMAGES_HELP} Also by URL (s3://bucket/folder).", show_default=False),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="File (V.h5) for one image, or folder for the results.",
            show_default=False,
        ),
    ],
    isotropic: Annotated[
        bool,
        typer.Option("--isotropic", help="Subsample to about the longest edge of the voxels."),
    ] = False,
    subsample: Annotated[
        str | None,
        typer.Option(
            metavar="Z,Y,X",
            help="Subsample by these factors along z, y and x (1,1/3,1/3), to the nearest whole "
            "number of voxels.",
            show_default=False,
        ),
    ] = None,
    normalize: Annotated[
        str | None,
        typer.Option(
            metavar="LOW,HIGH",
            help="Quantiles of every channel that become 0 and 1, as in 0.01,0.998.",
            show_default=False,
        ),
    ] = None,
    dtype: Annotated[
        ValueKind | None,
        typer.Option(
            help="Type that is written; normalized, 1 is 255 or 65535 in whole numbers. [default: "
            "float32 with --normalize, else the image's own]",
            show_default=False,
        ),
    ] = None,
    labels: Annotated[
        bool,
        typer.Option("--labels", help="The values are numbers of objects: take the nearest voxel."),
    ] = False,
    voxel: Voxel = None,
    channel: Annotated[
        str | None,
        typer.Option(help=f"The only channel: {CHANNEL_HELP}. [default: all]", show_default=False),
    ] = None,
    time: TimePoint = None,
    axes: VolumeAxes = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    jobs: Jobs = "1",
    scheduler: Scheduler = None,
    as_json: AsJson = False,
) -> None:
    """Write volumes for ilastik: subsampled without aliasing, normalized, in µm.

    The HDF5 file keeps the true factors and voxel size (454 to 151 voxels is not 1/3), and the
    image that it was made of.
    """
    from bridge.cli.running import run_job
    from bridge.cli.volume.opening import opening_settings
    from bridge.images import find_images
    from bridge.volumes.job import split_out
    from bridge.volumes.prepare_job import PrepareJob
    from bridge.volumes.preparing import HDF5_ENDINGS, PrepareSettings, parse_quantiles
    from bridge.volumes.voxels import parse_triple

    found = find_images(images)
    folder, name = split_out(out, HDF5_ENDINGS, len(found))
    job = PrepareJob(
        opening=opening_settings(axes=axes, voxel=voxel, channel=channel, time=time),
        file_name=name,
        settings=PrepareSettings(
            isotropic=isotropic,
            factors=None
            if subsample is None
            else parse_triple(subsample, "--subsample", "1,1/3,1/3"),
            normalize=None if normalize is None else parse_quantiles(normalize),
            dtype=None if dtype is None else dtype.value,
            labels=labels,
        ),
    )
    run_job(
        job,
        found,
        folder,
        overwrite=overwrite,
        resume=resume,
        jobs=jobs,
        scheduler=scheduler,
        as_json=as_json,
    )
