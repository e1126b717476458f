"""The export of a model, as the commands ``export`` and ``train`` print it."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.output import note
from bridge.errors import BadInputError, StarbridgeError
from models_export.targets import TARGETS

if TYPE_CHECKING:
    from models_export import Export

TARGETS_HELP = "; ".join(f"{key} ({spec.program})" for key, spec in TARGETS.items())
"""Names of what a model can be exported as."""


def _check_target(key: str) -> str:
    if key not in TARGETS:
        raise BadInputError("--export", f"{key!r} is unknown", f"choose from {', '.join(TARGETS)}")
    return key


ExportTargets = Annotated[
    list[str] | None,
    typer.Option(
        "--export",
        parser=_check_target,
        metavar="TARGET",
        help=f"Also export into OUT/export, and verify each file: {TARGETS_HELP}. Several times.",
        show_default=False,
    ),
]
"""Targets that a new model is exported as at once."""


def export_model(
    model: str | PathLike[str],
    targets: Sequence[str] | None,
    out: Path,
    *,
    weights: str | None = None,
    verify: bool = True,
) -> Export:
    """Export a model with the progress on stderr, as :func:`models_export.export` does."""
    from models_export import export
    from models_export.console import ConsoleListener

    with ConsoleListener() as listener:
        done = export(model, targets, out=out, weights=weights, verify=verify, listener=listener)
    for line in done.model.notes:
        note(line)
    return done


def print_export(done: Export) -> None:
    """Print each file with its checks on stdout, and what was not written."""
    for file in done.files:
        typer.echo(file.path)
        for check in file.checks:
            typer.echo(f"  {check}")
    for target, why in done.left_out.items():
        typer.echo(f"{target}: not written, because {done.model.file_name} {why}")
    typer.echo(done.record)


def export_trained(
    model: Path, targets: Sequence[str], out: Path, *, is_printed: bool
) -> dict[str, Any]:
    """Export a model that was trained just now; name what fails, as the model itself is good.

    Args:
        model: its folder.
        targets: what to export it as.
        out: folder for the files.
        is_printed: whether the files are printed on stdout.

    Returns:
        ``ok``, and each file with its checks in words, for programs.
    """
    try:
        done = export_model(model, targets, out)
    except StarbridgeError as error:
        note(f"not exported: {error}")
        return {"ok": False, "error": str(error), "files": []}
    if is_printed:
        print_export(done)
    for file in done.files:
        for check in file.checks:
            if check.status == "failed":
                note(f"{file.path}: {check}")
    files = [
        {"path": str(file.path), "target": file.target, "checks": [str(c) for c in file.checks]}
        for file in done.files
    ]
    return {"ok": done.ok, "files": files}
