"""``starbridge volume``: prepare volumes, and clean up what comes back."""

from __future__ import annotations

from collections.abc import Callable

import typer

from bridge.cli.volume.clean import clean
from bridge.cli.volume.mesh import mesh
from bridge.cli.volume.prepare import prepare

app = typer.Typer(help="Volumes with µm along every axis.", no_args_is_help=True)
_COMMANDS: dict[str, Callable[..., None]] = {
    "prepare": prepare,
    "clean": clean,
    "mesh": mesh,
}
for name, command in _COMMANDS.items():
    app.command(name)(command)
