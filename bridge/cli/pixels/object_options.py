"""Options of the commands that make objects of pixels."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


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
