"""``starbridge fiji``: macros, reviews and installation."""

from __future__ import annotations

import typer

from bridge.cli.fiji.install import install
from bridge.cli.fiji.pull import pull
from bridge.cli.fiji.push import push
from bridge.cli.fiji.run import run

app = typer.Typer(help="Fiji and ImageJ: macros, review of ROIs.", no_args_is_help=True)
for command in (run, push, pull, install):
    app.command()(command)
