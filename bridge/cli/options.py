"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

PixelSize = Annotated[
    float | None,
    typer.Option(help="µm per pixel of the images, where the files do not say it."),
]
Axes = Annotated[
    str | None,
    typer.Option(help="What the images' axes are (CYX, ZCYX, …), where the files do not say."),
]
