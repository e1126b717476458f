"""Options of the commands that write reviewed objects, and how their results are printed."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.options import chosen_existing, format_option
from bridge.cli.output import close_run, print_json, shown_progress
from bridge.formats.layout import review_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.batch.job import Item
    from bridge.review.pull_job import Choice, PullJob


class ObjectChoice(StrEnum):
    """Choices of ``--only``."""

    annotations = "annotations"
    detections = "detections"
    cells = "cells"


Only = Annotated[
    ObjectChoice | None,
    typer.Option(
        help="Only objects of this type. Annotations are drawn into label images and class masks "
        "only with --only annotations, or where there is nothing else."
    ),
]
Classes = Annotated[
    list[str] | None,
    typer.Option("--class", help="Only objects of this class; several times."),
]
Formats = Annotated[list[str] | None, format_option(review_files)]
"""Formats of reviewed objects."""


def chosen(
    formats: list[str] | None, only: ObjectChoice | None, classes: list[str] | None
) -> Choice:
    """Return what the options choose of a review: all formats but Parquet where none is given."""
    from bridge.review.pull_job import Choice
    from bridge.review.results import DEFAULT_FORMATS

    return Choice(
        tuple(dict.fromkeys(formats or DEFAULT_FORMATS)),
        only and only.value,
        tuple(classes) if classes else None,
    )


def run_pull(
    job: PullJob[Item],
    items: Sequence[Item],
    out: Path,
    *,
    overwrite: bool,
    resume: bool,
    jobs: str,
    scheduler: str | None,
    as_json: bool,
) -> None:
    """Run a pull and print the files, or with ``as_json`` the outcomes."""
    from bridge.batch.runner import run_batch
    from bridge.batch.workers.select import choose_workers

    with shown_progress() as listener:
        outcomes = run_batch(
            job,
            items,
            out,
            existing=chosen_existing(overwrite, resume),
            listener=listener,
            workers=choose_workers(jobs, scheduler),
        )
    if as_json:
        print_json([outcome.to_json() for outcome in outcomes])
    else:
        for outcome in outcomes:
            for file in outcome.outputs.values():
                typer.echo(out / file)
    close_run(outcomes, "results", out)
