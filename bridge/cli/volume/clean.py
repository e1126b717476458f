"""``starbridge volume clean``: a label volume of probabilities, or of labels."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.options import (
    CHANNEL_HELP,
    AsJson,
    Jobs,
    Overwrite,
    Prepared,
    Resume,
    Scheduler,
    TimePoint,
    VolumeAxes,
    Voxel,
)


class ContentKind(StrEnum):
    """Choices of ``--kind``."""

    auto = "auto"
    probabilities = "probabilities"
    labels = "labels"


class LabelFormat(StrEnum):
    """Choices of ``--format``."""

    hdf5 = "hdf5"
    tiff = "tiff"


def clean(
    volumes: Annotated[
        list[str],
        typer.Argument(
            metavar="VOLUMES...",
            help="Probabilities of ilastik or of starbridge pixels apply, or label volumes, or "
            "folders of them: HDF5, TIFF or OME-Zarr.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="File (L.h5 or L.tif) for one volume, or folder for the results.",
            show_default=False,
        ),
    ],
    channel: Annotated[
        str | None,
        typer.Option(
            help=f"Channel of the probabilities: {CHANNEL_HELP}. [default: the only one]",
            show_default=False,
        ),
    ] = None,
    threshold: Annotated[float, typer.Option(help="Least probability of a voxel, 0 to 1.")] = 0.5,
    balloon: Annotated[
        str | None,
        typer.Option(
            metavar="Z,Y,X",
            help="Place in a hollow, in µm from the corner: a balloon is blown up there until the "
            "voxels above the threshold stop it, and taken in their place.",
            show_default=False,
        ),
    ] = None,
    gap: Annotated[
        str | None,
        typer.Option(
            help="Widest gap of its wall that the balloon does not leak through (4um). "
            "[default: three times the longest edge of a voxel]",
            show_default=False,
        ),
    ] = None,
    opening: Annotated[
        str | None,
        typer.Option(
            help="Remove what a ball of this radius does not fit into: threads, spikes, bridges "
            "(2um).",
            show_default=False,
        ),
    ] = None,
    fill_holes: Annotated[
        bool, typer.Option("--fill-holes", help="Fill cavities that nothing leads into.")
    ] = False,
    min_size: Annotated[
        str | None,
        typer.Option(
            help="Least volume of a piece or object (500um3, or 20vox).", show_default=False
        ),
    ] = None,
    keep: Annotated[
        int | None,
        typer.Option(
            help="Keep so many pieces or objects, the largest ones. [default: all]",
            show_default=False,
        ),
    ] = None,
    kind: Annotated[
        ContentKind,
        typer.Option(
            help="What the values are; auto takes whole numbers of one channel for labels."
        ),
    ] = ContentKind.auto,
    file_format: Annotated[
        LabelFormat, typer.Option("--format", help="Format of the files in a folder.")
    ] = LabelFormat.hdf5,
    prepared: Prepared = None,
    voxel: Voxel = None,
    time: TimePoint = None,
    axes: VolumeAxes = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    jobs: Jobs = "1",
    scheduler: Scheduler = None,
    as_json: AsJson = False,
) -> None:
    """Make clean label volumes: threshold or balloon, opening, holes, specks, the largest pieces.

    Steps are done in this order. Pieces of probabilities are numbered from the largest on; objects
    of a label volume keep their numbers.
    """
    from bridge.cli.running import run_job
    from bridge.cli.volume.opening import opening_settings
    from bridge.images import find_images
    from bridge.volumes.balloon import BalloonSettings
    from bridge.volumes.clean_job import CleanJob
    from bridge.volumes.cleaning import CleanSettings
    from bridge.volumes.job import split_out
    from bridge.volumes.label_files import ENDINGS
    from bridge.volumes.masks import Size, parse_length
    from bridge.volumes.voxels import parse_triple

    found = find_images(volumes)
    folder, name = split_out(out, ENDINGS, len(found))
    job = CleanJob(
        opening=opening_settings(
            axes=axes, voxel=voxel, channel=channel, time=time, prepared=prepared
        ),
        file_name=name,
        settings=CleanSettings(
            threshold=threshold,
            balloon=None
            if balloon is None
            else BalloonSettings(
                parse_triple(balloon, "--balloon", "20,80,80"),
                None if gap is None else parse_length(gap, "--gap"),
            ),
            opening=None if opening is None else parse_length(opening, "--opening"),
            fill_holes=fill_holes,
            min_size=None if min_size is None else Size.parse(min_size),
            keep=keep,
            kind=kind.value,
        ),
        ending={LabelFormat.hdf5: ".h5", LabelFormat.tiff: ".tif"}[file_format],
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
