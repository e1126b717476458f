"""``starbridge images``: what images hold, without reading their pixels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.options import IMAGES_HELP, Axes
from bridge.cli.output import note, print_json

if TYPE_CHECKING:
    from bridge.images.listing import ImageLine

_WIDTH = 200  # of a table in a file or pipe, whose lines nobody wraps


def images(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="IMAGES...", help=IMAGES_HELP, show_default=False),
    ],
    axes: Axes = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List axes, sizes, channels and pixel sizes of images, each scene or series by itself.

    An image that cannot be read is a line on stderr, and the exit status is 1.
    """
    from bridge.images import find_images
    from bridge.images.listing import describe_images

    lines = [line for path in find_images(paths) for line in describe_images(path, axes=axes)]
    if as_json:
        print_json([line.to_json() for line in lines])
    else:
        _print_table([line for line in lines if not line.problem])
    problems = [line.problem for line in lines if line.problem]
    for problem in problems:
        note(problem)
    if problems:
        raise typer.Exit(1)


def _print_table(lines: list[ImageLine]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not lines:
        return
    named = any(line.series for line in lines)
    table = Table(box=None, pad_edge=False)
    for heading in (
        *("image", *(["name"] if named else []), "axes", "size", "type"),
        *("channels", "µm per pixel"),
    ):
        table.add_column(heading, overflow="fold")
    for line in lines:
        size = " × ".join(str(length) for length in line.shape)
        # Names come from files: what looks like rich's markup is text.
        name = [line.series] if named else []
        channels = ", ".join(line.channels)
        row = (line.path, *name, line.axes, size, line.dtype, channels, _steps(line))
        table.add_row(*(Text(cell) for cell in row))
    console = Console()
    (console if console.is_terminal else Console(width=_WIDTH)).print(table)


def _steps(line: ImageLine) -> str:
    if line.pixel_size is None:
        return "–"
    steps = (("z", line.pixel_size.z), ("y", line.pixel_size.y), ("x", line.pixel_size.x))
    return ", ".join(f"{axis} {step:.6g}" for axis, step in steps if step is not None)
