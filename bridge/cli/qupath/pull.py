"""``starbridge qupath pull``: reviewed objects as files."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.options import AsJson, Jobs, Overwrite, Resume, Scheduler
from bridge.cli.qupath.options import HEAP_HELP, PROJECT_HELP, QUPATH_HELP
from bridge.cli.results import Classes, Formats, Only, chosen, run_pull


def pull(
    project: Annotated[Path, typer.Argument(help=PROJECT_HELP, show_default=False)],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the results.", show_default=False)
    ],
    images: Annotated[
        list[str] | None,
        typer.Option(
            "--image",
            help="Name, number, or FILE#SERIES of an image; several times. [default: all]",
        ),
    ] = None,
    only: Only = None,
    classes: Classes = None,
    formats: Formats = None,
    crops: Annotated[
        bool,
        typer.Option("--crops", help="Also the image region of each annotation, for training."),
    ] = False,
    qupath: Annotated[Path | None, typer.Option(help=QUPATH_HELP)] = None,
    heap: Annotated[str | None, typer.Option(help=HEAP_HELP)] = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    jobs: Jobs = "1",
    scheduler: Scheduler = None,
    as_json: AsJson = False,
) -> None:
    """Write what reviewers left: labels, class masks, ROIs, GeoJSON, tables, and every edit.

    Nothing in the project is written; QuPath may have it open. Running the same command again does
    only what is missing; after further edits, give --overwrite.
    """
    from bridge.apps.qupath.project_files import read_project
    from bridge.apps.qupath.pull_job import QuPathPullJob
    from bridge.apps.qupath.session import check_qupath

    files = read_project(project)
    selected = files.select(images)
    check_qupath(qupath)
    choice = chosen(formats, only, classes)
    job = QuPathPullJob(files, selected, choice, crops=crops, app=qupath, heap=heap)
    with closing(job):
        run_pull(
            job,
            [image.id for image in selected],
            out,
            overwrite=overwrite,
            resume=resume,
            jobs=jobs,
            scheduler=scheduler,
            as_json=as_json,
        )
