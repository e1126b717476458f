"""``starbridge qupath``: detections into projects, reviews out of them."""

from __future__ import annotations

from collections.abc import Callable

import typer

from bridge.cli.qupath.images import list_images
from bridge.cli.qupath.install import install
from bridge.cli.qupath.open_image import changes, take
from bridge.cli.qupath.pull import pull
from bridge.cli.qupath.push import push
from bridge.cli.qupath.relink import relink
from bridge.cli.qupath.restore import restore
from bridge.cli.qupath.status import status

app = typer.Typer(help="QuPath projects: push, review, pull.", no_args_is_help=True)
_COMMANDS: dict[str, Callable[..., None]] = {
    "push": push,
    "status": status,
    "pull": pull,
    "images": list_images,
    "relink": relink,
    "restore": restore,
    "install": install,
}
for name, command in _COMMANDS.items():
    app.command(name)(command)
_OF_SCRIPTS: dict[str, Callable[..., None]] = {"take": take, "changes": changes}
for name, command in _OF_SCRIPTS.items():
    app.command(name, hidden=True)(command)
