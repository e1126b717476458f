"""The commands ``starbridge ilastik``."""

from __future__ import annotations

import typer

from bridge.cli.ilastik.labels import labels
from bridge.cli.ilastik.new import new
from bridge.cli.ilastik.run import run
from bridge.cli.ilastik.show import show

app = typer.Typer(
    help="Make, read and mend projects of ilastik, and run them.", no_args_is_help=True
)
for command in (new, show, labels, run):
    app.command()(command)
