"""``starbridge repair``: exported models that no Fiji loads, made anew."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.output import note
from bridge.errors import StarbridgeError
from models_export.targets import TARGETS


def repair_files(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Exported models (.zip, .pb, .onnx) from any program.", show_default=False
        ),
    ],
    target: Annotated[
        list[str] | None,
        typer.Option(
            "--for",
            help="Target: "
            + "; ".join(f"{key} ({spec.program})" for key, spec in TARGETS.items())
            + ". May be given several times. [default: tf1.12]",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="Folder for the new files. [default: that of the given file]"
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            help="config.json of the model's training; a 3D model of others needs it.",
            show_default=False,
        ),
    ] = None,
    verify: Annotated[
        bool,
        typer.Option(help="Run each new file in the program that must load it, and compare."),
    ] = True,
) -> None:
    """Turn an exported model that no Fiji loads into one that every Fiji loads.

    The weights stay the same, bit for bit. The given file is left alone.
    """
    from models_export import repair
    from models_export.console import ConsoleListener

    failed = False
    for path in files:
        try:
            with ConsoleListener() as listener:
                done = repair(
                    path,
                    tuple(target or ("tf1.12",)),
                    out=out,
                    config=config,
                    verify=verify,
                    listener=listener,
                )
        except StarbridgeError as error:  # the other files are still repaired
            note(str(error))
            failed = True
            continue
        for file in done.files:
            typer.echo(file.path)
            for check in file.checks:
                typer.echo(f"  {check}")
        if done.original is not None:
            typer.echo(f"{path.name} gives the same numbers in {done.original.runtime}")
        failed |= not done.ok
    if failed:
        raise typer.Exit(1)
