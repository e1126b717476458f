"""``starbridge pixels``: classify pixels, and make objects of what comes out."""

from __future__ import annotations

from collections.abc import Callable

import typer

from bridge.cli.pixels.apply import apply
from bridge.cli.pixels.objects import objects
from bridge.cli.pixels.otsu import otsu
from bridge.cli.pixels.train import train

app = typer.Typer(help="Pixel classification, and objects of it.", no_args_is_help=True)
_COMMANDS: dict[str, Callable[..., None]] = {
    "train": train,
    "apply": apply,
    "objects": objects,
    "otsu": otsu,
}
for name, command in _COMMANDS.items():
    app.command(name)(command)
