"""``starbridge ilastik run``: a project on many images, without ilastik's window."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.options import (
    IMAGES_HELP,
    AsJson,
    Axes,
    Jobs,
    Overwrite,
    Resume,
    chosen_existing,
)
from bridge.cli.output import close_run, print_json, shown_progress


class ExportKind(StrEnum):
    """Choices of ``--export``."""

    probabilities = "probabilities"
    segmentation = "segmentation"
    objects = "objects"


def run(
    project: Annotated[Path, typer.Argument(help="Project of ilastik (.ilp).", show_default=False)],
    images: Annotated[list[str], typer.Argument(help=IMAGES_HELP, show_default=False)],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the results.", show_default=False)
    ],
    export: Annotated[
        ExportKind | None,
        typer.Option(
            help="What to export: NAME_Probabilities.h5, NAME_Simple Segmentation.h5, or "
            "NAME_Object Predictions.h5 and NAME_table.csv. [default: probabilities, or objects "
            "for a project of objects]",
            show_default=False,
        ),
    ] = None,
    objects: Annotated[
        list[Path] | None,
        typer.Option(
            help="Objects to classify: their label images, other files of objects, or folders of "
            "them, such as segment's results; several times.",
            show_default=False,
        ),
    ] = None,
    retrain: Annotated[
        bool,
        typer.Option(
            "--retrain",
            help="Train the classifier anew from the project's labels, in a copy: "
            "OUT/PROJECT_trained.ilp.",
        ),
    ] = False,
    in_place: Annotated[
        bool, typer.Option("--in-place", help="With --retrain: change the project itself.")
    ] = False,
    axes: Axes = None,
    timeout: Annotated[
        float | None,
        typer.Option(help="Seconds that an image, or training, may take. [default: no limit]"),
    ] = None,
    app: Annotated[
        Path | None,
        typer.Option(
            help="Folder of ilastik, or its program. [default: ILASTIK, else the one that is "
            "found]",
            show_default=False,
        ),
    ] = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    jobs: Jobs = "1",
    as_json: AsJson = False,
) -> None:
    """Run a project on images without ilastik's window; only whole results count.

    Running the same command again does only what is missing or has changed. What ilastik prints is
    in OUT/logs.
    """
    from bridge.apps.ilastik.finding import require_ilastik
    from bridge.apps.ilastik.preparing import Settings
    from bridge.apps.ilastik.run_job import run_files
    from bridge.batch.workers.select import choose_workers
    from bridge.images import find_images

    existing = chosen_existing(overwrite, resume)
    settings = Settings(
        export=export and export.value,
        retrain=retrain,
        in_place=in_place,
        axes=axes,
        timeout=timeout,
    )
    workers = choose_workers(jobs, threads=True)
    program = require_ilastik(app)
    found = find_images(images)
    with shown_progress() as listener:
        outcomes = run_files(
            program,
            project,
            found,
            out,
            settings,
            objects=objects or (),
            existing=existing,
            listener=listener,
            workers=workers,
        )
    if as_json:
        print_json([outcome.to_json() for outcome in outcomes])
    close_run(outcomes, "results", out)
