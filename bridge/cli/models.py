"""``starbridge models``: models by name, and what is known of a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.options import MODEL_HELP
from bridge.cli.output import note, print_json
from bridge.errors import BadInputError, StarbridgeError

app = typer.Typer(invoke_without_command=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def models(context: typer.Context, as_json: AsJson = False) -> None:
    """List the models that --model takes by name, and those that are on this computer."""
    from bridge.model.listing import list_models

    if context.invoked_subcommand is not None:
        return
    listing = list_models()
    if as_json:
        print_json(listing.to_json())
        return
    for line in listing.lines():
        typer.echo(line)


@app.command()
def show(
    model: Annotated[str, typer.Argument(help=MODEL_HELP, show_default=False)],
    weights: Annotated[
        str | None,
        typer.Option(help="'best', 'last' or a weights file. [default: the best]"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what a model is: its network, and each setting with where it comes from."""
    from bridge.model.description import describe, description_lines
    from bridge.model.folder import open_model

    opened = open_model(model, weights, allow_3d=True)
    if as_json:
        print_json(describe(opened))
        return
    for line in description_lines(opened):
        typer.echo(line)


@app.command()
def fetch(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Names of published models (2D_versatile_fluo), or URLs.", show_default=False
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All published models.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Put copies into this folder too, for a computer without network or for "
            "STARBRIDGE_MODELS.",
        ),
    ] = None,
) -> None:
    """Download models into the cache, so that they work without a network afterwards."""
    from bridge.model.published import PUBLISHED
    from bridge.model.source import copy_model, fetch_model

    wanted = [model.name for model in PUBLISHED] if everything else names or []
    if not wanted:
        raise BadInputError("models fetch", "names no model", "give names or URLs, or --all")
    failed = False
    for name in wanted:
        try:
            path = fetch_model(name)
            typer.echo(path if out is None else copy_model(path, out))
        except StarbridgeError as error:  # the others are still fetched
            note(str(error))
            failed = True
    if failed:
        raise typer.Exit(1)
