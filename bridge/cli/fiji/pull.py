"""``starbridge fiji pull``: reviewed objects as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.options import AsJson, Jobs, Overwrite, Resume, Scheduler
from bridge.cli.results import Classes, Formats, Only, chosen, run_pull


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
    overwrite: Overwrite = False,
    resume: Resume = False,
    jobs: Jobs = "1",
    scheduler: Scheduler = None,
    as_json: AsJson = False,
) -> None:
    """Write what reviewers left: labels, class masks, ROIs, GeoJSON, tables, and every edit.

    Running the same command again does only what is missing; after further edits, give --overwrite.
    """
    from bridge.apps.fiji.pull_job import FijiPullJob
    from bridge.apps.fiji.review_files import reviewed_names

    job = FijiPullJob(review, chosen(formats, only, classes), image)
    run_pull(
        job,
        reviewed_names(review),
        out,
        overwrite=overwrite,
        resume=resume,
        jobs=jobs,
        scheduler=scheduler,
        as_json=as_json,
    )
