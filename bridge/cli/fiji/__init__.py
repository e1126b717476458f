"""``starbridge fiji``: macros, reviews and installation."""

from __future__ import annotations

import typer

from bridge.cli.fiji.install import install
from bridge.cli.fiji.pull import pull
from bridge.cli.fiji.push import push
from bridge.cli.fiji.run import run
from bridge.cli.fiji.status import status

app = typer.Typer(help="Fiji and ImageJ: macros, review of ROIs.", no_args_is_help=True)
for command in (run, push, pull, status, install):
    app.command()(command)
