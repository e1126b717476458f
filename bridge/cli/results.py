"""Options of the commands that write reviewed objects, and how their results are printed."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.output import note

if TYPE_CHECKING:
    from bridge.review.results import Written


class ObjectChoice(StrEnum):
    """Choices of ``--only``."""

    annotations = "annotations"
    detections = "detections"
    cells = "cells"


class ResultFormat(StrEnum):
    """Choices of ``--format``."""

    labels = "labels"
    hdf5 = "hdf5"
    rois = "rois"
    geojson = "geojson"
    csv = "csv"
    parquet = "parquet"
    classes = "classes"


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
Formats = Annotated[
    list[ResultFormat] | None,
    typer.Option("--format", help="What to write; several times. [default: all but parquet]"),
]


def chosen_formats(formats: list[ResultFormat] | None) -> list[str]:
    """Return the formats to write: those given, or all but Parquet."""
    from bridge.review.results import DEFAULT_FORMATS

    return [*(formats or DEFAULT_FORMATS)]


def print_written(written: Written, name: str, out: Path) -> None:
    """Print the files of one image to stdout and the notes on them to stderr."""
    for file in written.files.values():
        typer.echo(out / file)
    for line in written.notes:
        note(f"{name}: {line}")
