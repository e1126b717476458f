"""``starbridge doctor``: what is installed, and what is missing."""

from __future__ import annotations

from typing import Annotated

import typer

from bridge.cli.output import print_json


def doctor(
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model", "-m", help="Model to look at too, given as in segment; several times."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what is here of Fiji, Java, TensorFlow, QuPath, ilastik and models, and what to get."""
    from bridge.apps.doctor import examine

    report = examine(models=model or ())
    if as_json:
        print_json(report.to_json())
        return
    for line in report.lines():
        typer.echo(line)
