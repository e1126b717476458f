"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any

import typer

from bridge.errors import BadInputError
from bridge.formats.layout import FORMATS, places

PixelSize = Annotated[
    float | None,
    typer.Option(help="µm per pixel of the images, where the files do not say it."),
]
Axes = Annotated[
    str | None,
    typer.Option(help="Axes of the images (CYX, ZCYX, …), where the files do not say."),
]


def format_option(keys: Callable[[], Iterable[str]]) -> Any:
    """Return the option ``--format``, which is given once for each format to write.

    Args:
        keys: returns the formats to choose from; asked again when a value is checked.

    Raises:
        BadInputError: when a command is run with another format.
    """

    def check(value: str) -> str:
        if value not in keys():
            raise BadInputError(
                "--format", f"{value!r} is not one of them", f"choose from {', '.join(keys())}"
            )
        return value

    return typer.Option(
        "--format",
        parser=check,
        metavar="|".join(keys()),
        help="Format to write; give it once for each.",
        show_default=False,
    )


Formats = Annotated[list[str] | None, format_option(lambda: FORMATS)]
"""Formats of objects."""

Outputs = Annotated[list[str] | None, format_option(places)]
"""Formats of objects, and the preview."""
