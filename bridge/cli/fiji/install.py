"""``starbridge fiji install``: macros in Fiji's menus."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.errors import BadInputError


def install(
    fiji: Annotated[
        Path | None,
        typer.Option(
            "--app", help="Folder of a Fiji or ImageJ. [default: FIJI_APP, else the one found]"
        ),
    ] = None,
    models: Annotated[
        list[Path] | None,
        typer.Option("--model", "-m", help="Exported model (.zip) to put there; several times."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace macros that were edited there.")
    ] = False,
) -> None:
    """Put the macros into Fiji's menu Plugins > StarBridge, and models beside them."""
    from bridge.apps.fiji.finding import find_app
    from bridge.apps.fiji.installing import install as install_macros

    found = find_app(fiji)
    if found is None:
        raise BadInputError(
            "Fiji", "was not found in the usual places", "give its folder: --app Fiji.app"
        )
    done = install_macros(found, models=models or (), overwrite=overwrite)
    for line in done.lines():
        typer.echo(line)
