"""``starbridge verify``: exported models in the programs that load them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.output import note
from bridge.errors import StarbridgeError


def verify_files(
    files: Annotated[
        list[Path],
        typer.Argument(help="Exported models: .zip, .pb, .onnx; anyone's.", show_default=False),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help="Model folder that they were made from. [default: as .export.json beside says]",
        ),
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="'best', 'last' or a weights file of that model.")
    ] = None,
    runtime: Annotated[
        list[str] | None,
        typer.Option(
            help="tf1.12, tf1.13, tf1.14, tf1.15, opencv or onnxruntime; may be given several "
            "times. [default: those that the file is for]",
        ),
    ] = None,
) -> None:
    """Run exported models in the real runtimes, and say in plain words why one fails."""
    from models_export import verify
    from models_export.console import ConsoleListener

    failed = False
    for path in files:
        try:
            with ConsoleListener() as listener:
                verdict = verify(
                    path, model=model, weights=weights, runtimes=runtime, listener=listener
                )
        except StarbridgeError as error:  # the rest of the files goes on
            note(str(error))
            failed = True
            continue
        typer.echo(verdict.file)
        for check in verdict.checks:
            typer.echo(f"  {check}")
            failed |= check.status == "failed"
    if failed:
        raise typer.Exit(1)
