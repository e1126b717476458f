"""``starbridge doctor``: what is installed, what is missing, and whether it works."""

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
    run: Annotated[
        bool,
        typer.Option(
            "--run",
            help="Also start Fiji and run its StarDist plugin on a tiny image; without a Fiji, a "
            "macro in the embedded ImageJ. Exit status 1 if that fails.",
        ),
    ] = False,
    timeout: Annotated[
        float, typer.Option(help="Seconds that --run waits for Fiji to start, and for the macro.")
    ] = 180,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what is here of Fiji, Java, TensorFlow, QuPath, ilastik and models, and what to get."""
    from bridge.apps.doctor import Report, examine, try_fiji

    report = examine(models=model or ())
    failed = False
    if run:
        tried = try_fiji(timeout=timeout)
        report = Report((*report.findings, tried))
        failed = tried.status != "ok"
    if as_json:
        print_json(report.to_json())
    else:
        for line in report.lines():
            typer.echo(line)
    if failed:
        raise typer.Exit(1)
