"""Options of the commands that make objects of pixels."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.classify.pixels.objects.job import ObjectsJob, OtsuJob
    from bridge.images.locations import Location


class CutKind(StrEnum):
    """Choices of ``--cut``."""

    imagej = "imagej"
    distance = "distance"
    probability = "probability"
    none = "none"


Holes = Annotated[bool, typer.Option("--holes/--no-holes", help="Fill holes, or leave them.")]
Cut = Annotated[
    CutKind,
    typer.Option(
        help="Cut touching objects apart: as ImageJ's Watershed does; by a watershed of the "
        "distance from the background, or of the values; or not.",
    ),
]
Spacing = Annotated[
    int,
    typer.Option(
        help="Least distance between the middles of two objects in px, for --cut distance and "
        "--cut probability."
    ),
]
Smallest = Annotated[float, typer.Option(help="Least area of an object in px.")]
Greatest = Annotated[
    float | None, typer.Option(help="Largest area of an object in px. [default: any]")
]
DropBorder = Annotated[
    bool, typer.Option("--drop-border", help="Leave out objects that touch the image's border.")
]


def run_job(
    job: ObjectsJob | OtsuJob,
    found: Sequence[Location],
    out: Path,
    *,
    overwrite: bool,
    resume: bool,
    jobs: str,
    scheduler: str | None,
    as_json: bool,
) -> None:
    """Make objects of files, show progress, and say how it went.

    Args:
        job: what makes objects of a file.
        found: the files.
        out: the folder of results.
        overwrite: as ``--overwrite``.
        resume: as ``--resume``.
        jobs: as ``--jobs``.
        scheduler: as ``--scheduler``.
        as_json: print the record and the outcomes.

    Raises:
        typer.Exit: a file could not be worked on.
    """
    from bridge.batch.record import read_record
    from bridge.batch.workers.select import choose_workers
    from bridge.classify.pixels.objects.job import make_objects
    from bridge.cli.options import chosen_existing
    from bridge.cli.output import close_run, print_json, shown_progress

    existing = chosen_existing(overwrite, resume)
    workers = choose_workers(jobs, scheduler)
    with shown_progress() as listener:
        outcomes = make_objects(
            found, out, job, existing=existing, listener=listener, workers=workers
        )
    if as_json:
        print_json({**read_record(out), "outcomes": [outcome.to_json() for outcome in outcomes]})
    close_run(outcomes, "results", out)
