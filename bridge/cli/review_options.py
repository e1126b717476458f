"""Options by which commands choose what to learn from reviews."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.options import CHANNEL_HELP

REVIEWS_HELP = (
    "What to learn from: a QuPath project, a review folder of fiji push, a folder (or zip of one) "
    "of images with label images, ROIs or GeoJSON, or a data set of pairs."
)
"""Help of the argument, the same in every command that trains."""

Objects = Annotated[
    list[Path] | None,
    typer.Option(
        "--detections", "-d",
        help="Objects of images that are given without: files, or a folder such as segment's or "
        "pull's results. Several times. [default: beside the images]",
        show_default=False,
    ),
]  # fmt: skip
Inside = Annotated[
    list[str] | None,
    typer.Option(
        "--inside",
        help="Class of the regions that are finished (in Fiji: name of the ROI): only what lies in "
        "them counts. Several times.",
        show_default=False,
    ),
]
Done = Annotated[
    list[str] | None,
    typer.Option(
        "--done", help="Name of an image that is finished as a whole. Several times.",
        show_default=False,
    ),
]  # fmt: skip
Everything = Annotated[bool, typer.Option("--all", help="All images are finished as a whole.")]
Channel = Annotated[
    str | None,
    typer.Option(
        help=f"Channels to learn from, with commas: {CHANNEL_HELP}. [default: the only one, or the "
        "colours]",
        show_default=False,
    ),
]
Slice = Annotated[int | None, typer.Option("--z", help="Slice of a stack, from 0.")]
Time = Annotated[int | None, typer.Option("--t", help="Time point of a stack, from 0.")]
Annotations = Annotated[
    bool,
    typer.Option("--annotations", help="Annotations in QuPath are objects, as detections are."),
]
Nuclei = Annotated[bool, typer.Option("--nuclei", help="Of cells, the nuclei are the objects.")]
KeepEmpty = Annotated[
    bool, typer.Option("--keep-empty", help="Images without objects are background to learn from.")
]
SplitBy = Annotated[
    str | None,
    typer.Option(
        help="Fields of the file names, with commas, that keep images together: organoid.",
        show_default=False,
    ),
]
Pattern = Annotated[
    str | None,
    typer.Option(
        help="How file names carry fields: {clone}_{organoid}_{slice}. [default: as aggregate]",
        show_default=False,
    ),
]
Percentiles = Annotated[
    tuple[float, float],
    typer.Option(help="Percentiles of the whole image that a part of it is normalised by."),
]
