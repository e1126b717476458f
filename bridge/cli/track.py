"""``starbridge track``: nuclei of time series linked over time."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.options import (
    AsJson,
    Formats,
    Jobs,
    Overwrite,
    PixelSize,
    Resume,
    Scheduler,
    ZStep,
)


class TrackFiles(StrEnum):
    """Choices of ``--also``."""

    ctc = "ctc"
    napari = "napari"


def track(
    objects: Annotated[
        list[Path],
        typer.Argument(
            metavar="OBJECTS...",
            help="Objects of a time series each: label stacks (TYX, TZYX), RoiSet.zip, GeoJSON or "
            "tables of all time points; or folders of results.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the results.", show_default=False)
    ],
    max_distance: Annotated[
        str | None,
        typer.Option(
            metavar="15um|30px",
            help="How far from where it is expected a nucleus may be found a frame later. "
            "[default: learned from the series]",
            show_default=False,
        ),
    ] = None,
    gap: Annotated[int, typer.Option(help="Frames in which a nucleus may be missing.")] = 2,
    divisions: Annotated[
        bool, typer.Option("--divisions/--no-divisions", help="Look for divisions.")
    ] = True,
    intensity: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="Measurement that changes little from frame to frame, such as 'Nucleus: DAPI: "
            "Mean'; several times.",
            show_default=False,
        ),
    ] = None,
    interval: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="Time between frames, for speeds. [default: speeds per frame]",
            show_default=False,
        ),
    ] = None,
    pixel_size: PixelSize = None,
    z_step: ZStep = None,
    axes: Annotated[
        str | None,
        typer.Option(help="Axes of label stacks (TYX, TZYX), where the files do not say."),
    ] = None,
    formats: Formats = None,
    also: Annotated[
        list[TrackFiles] | None,
        typer.Option(
            help="Write the tracks for another program, too: the Cell Tracking Challenge "
            "(res_track.txt and masks), or napari's layer of tracks. Give it once for each.",
            show_default=False,
        ),
    ] = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    jobs: Jobs = "1",
    scheduler: Scheduler = None,
    as_json: AsJson = False,
) -> None:
    """Link nuclei over time: tracks, divisions, lineages, and a table of what each track does.

    Labels of the results are numbers of tracks. UUIDs, classes and measurements stay.
    """
    from bridge.cli.running import run_job
    from bridge.images.lengths import Length
    from bridge.track.job import TrackJob, TrackSettings, find_series

    settings = TrackSettings(
        max_distance=None
        if max_distance is None
        else Length.parse(max_distance, "--max-distance", "no distance", "15um or 30px"),
        gap=gap,
        divisions=divisions,
        intensities=tuple(intensity or ()),
        interval=interval,
        axes=axes,
        pixel_size=pixel_size,
        z_step=z_step,
        also=tuple(dict.fromkeys(each.value for each in also or ())),
        **({"formats": tuple(dict.fromkeys(formats))} if formats else {}),
    )
    run_job(
        TrackJob(settings),
        find_series(objects),
        out,
        overwrite=overwrite,
        resume=resume,
        jobs=jobs,
        scheduler=scheduler,
        as_json=as_json,
        what="tracks",
    )
