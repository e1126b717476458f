"""``starbridge verify``: exported models in the programs that load them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.output import note
from bridge.errors import StarbridgeError
from models_export.runtimes.pool import RUNTIMES


def verify_files(
    files: Annotated[
        list[Path],
        typer.Argument(help="Model files (.zip, .pb, .onnx) from any program.", show_default=False),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help="Model that they were made from, given as in export. [default: the one in the "
            ".export.json beside them]",
        ),
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="'best', 'last' or a weights file of that model.")
    ] = None,
    runtime: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Runtime: {', '.join(RUNTIMES)}. May be given several times. "
            "[default: those that the file is for]",
        ),
    ] = None,
) -> None:
    """Run exported models in the real runtimes, and explain in plain words why one fails."""
    from models_export import verify
    from models_export.console import ConsoleListener

    failed = False
    for path in files:
        try:
            with ConsoleListener() as listener:
                verdict = verify(
                    path, model=model, weights=weights, runtimes=runtime, listener=listener
                )
        except StarbridgeError as error:  # the other files are still checked
            note(str(error))
            failed = True
            continue
        typer.echo(verdict.file)
        for check in verdict.checks:
            typer.echo(f"  {check}")
            failed |= check.status == "failed"
    if failed:
        raise typer.Exit(1)
