"""``starbridge qupath status``: what reviewers did."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.output import note
from bridge.cli.qupath.options import PROJECT_HELP, QUPATH_HELP
from bridge.errors import StarbridgeError


def status(
    project: Annotated[Path, typer.Argument(help=PROJECT_HELP, show_default=False)],
    images: Annotated[
        list[str] | None,
        typer.Option(
            "--image",
            help="Name, number, or FILE#SERIES of an image; several times. [default: all]",
        ),
    ] = None,
    qupath: Annotated[Path | None, typer.Option(help=QUPATH_HELP)] = None,
    history: Annotated[
        bool, typer.Option("--history", help="Count what was done to each push, in a row a push.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say for each image what was pushed and what reviewers did since the first push."""
    from bridge.apps.qupath.counting import history as summarise_history
    from bridge.apps.qupath.counting import status as summarise
    from bridge.apps.qupath.session import QuPath
    from bridge.apps.qupath.sync import pull as pull_reviews

    errors: list[StarbridgeError] = []
    with QuPath(qupath) as session:
        reviews = pull_reviews(session, project, images, on_error=errors.append)
    table = summarise_history(reviews) if history else summarise(reviews)
    for error in errors:
        note(str(error))
    if as_json:
        typer.echo(table.to_json(orient="records", date_format="iso"))
        raise typer.Exit(1 if errors else 0)
    if "last change" in table:
        table["last change"] = [
            "" if moment is None or moment != moment else moment.strftime("%Y-%m-%d %H:%M UTC")
            for moment in table["last change"]
        ]
    typer.echo(table.to_string(index=False, na_rep=""))
    if errors:
        raise typer.Exit(1)
