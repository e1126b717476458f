"""``starbridge qupath install``: scripts in QuPath's menu."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def install(
    qupath: Annotated[
        Path | None,
        typer.Option(help="The QuPath that it is for. [default: the one that is found]"),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(help="QuPath's user directory. [default: the usual one]"),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace scripts that were edited there.")
    ] = False,
) -> None:
    """Put the scripts into QuPath's menu Automate > User scripts > StarBridge."""
    from bridge.apps.finding import find_qupath
    from bridge.apps.qupath.installing import install as install_scripts

    done = install_scripts(folder, app=find_qupath(qupath), overwrite=overwrite)
    for line in done.lines():
        typer.echo(line)
