"""``starbridge export``: models for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.options import MODEL_HELP
from bridge.cli.output import note
from bridge.errors import BadInputError
from models_export.targets import TARGETS


def export(
    model: Annotated[str, typer.Argument(help=MODEL_HELP, show_default=False)],
    to: Annotated[
        list[str] | None,
        typer.Option(
            help="Target: "
            + "; ".join(f"{key} ({spec.program})" for key, spec in TARGETS.items())
            + ". May be given several times.",
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All targets that this model allows.")
    ] = False,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the files.")] = Path(),
    weights: Annotated[
        str | None,
        typer.Option(help="'best', 'last' or a weights file. [default: the best]"),
    ] = None,
    verify: Annotated[
        bool,
        typer.Option(help="Run each file in the program that must load it, and compare."),
    ] = True,
) -> None:
    """Write a model for Fiji, QuPath and others, checked in the runtimes that load it there."""
    from models_export import export as export_model
    from models_export.console import ConsoleListener

    if not to and not everything:
        raise BadInputError("--to", "is missing", "say what to write (--to tf1.15), or --all")
    targets = None if everything else to
    with ConsoleListener() as listener:
        done = export_model(
            model, targets, out=out, weights=weights, verify=verify, listener=listener
        )
    for line in done.model.notes:
        note(line)
    for file in done.files:
        typer.echo(file.path)
        for check in file.checks:
            typer.echo(f"  {check}")
    for target, why in done.left_out.items():
        typer.echo(f"{target}: not written, because {done.model.file_name} {why}")
    typer.echo(done.record)
    if not done.ok:
        raise typer.Exit(1)
