"""``starbridge export``: models for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.exporting import TARGETS_HELP, export_model, print_export
from bridge.cli.options import MODEL_HELP
from bridge.errors import BadInputError


def export(
    model: Annotated[str, typer.Argument(help=MODEL_HELP, show_default=False)],
    to: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Target: {TARGETS_HELP}. May be given several times.",
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
    if not to and not everything:
        raise BadInputError("--to", "is missing", "say what to write (--to tf1.15), or --all")
    targets = None if everything else to
    done = export_model(model, targets, out, weights=weights, verify=verify)
    print_export(done)
    if not done.ok:
        raise typer.Exit(1)
